"""Conversions go ten years after their year, once the ledger carries their sums forward without them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, exists, select
from sqlalchemy.orm import aliased

from contentflow.conversions.models import Conversion
from contentflow.core.db import db, transaction
from contentflow.ledger import retention
from contentflow.ledger.models import Commission, LedgerTransaction
from contentflow.partners.models import Partner

DELETED_AT_ONCE = 1_000  # Rows a transaction: postbacks wait for it no longer than a moment.


def delete_old() -> int:
    """Maintenance: delete the old conversions that nothing of the ledger names any more; return how many.

    A sale stays as long as a refund of it does, so refunds go first. It may be ended at any moment.
    """
    before, gone = retention.kept_since(), 0
    partner_ids = list(db.session.scalars(select(Partner.id)))
    db.session.rollback()
    for partner_id in [None, *partner_ids]:  # By partner, which the index knows; None is nobody's.
        while deleted := delete_some(partner_id, before):
            gone += deleted
    return gone


def delete_some(partner_id: str | None, before: datetime) -> int:
    refund, own = aliased(Conversion), Conversion.partner_id
    found = (
        select(Conversion.id)
        .where(
            own.is_(None) if partner_id is None else own == partner_id,
            Conversion.recorded_at < before,
            ~exists().where(LedgerTransaction.conversion_id == Conversion.id),
            ~exists().where(Commission.conversion_id == Conversion.id),
            ~exists().where(refund.refunds_id == Conversion.id),
        )
        .limit(DELETED_AT_ONCE)
    )
    with transaction():
        ids = list(db.session.scalars(found))
        old = delete(Conversion).where(Conversion.id.in_(ids))
        db.session.execute(old.execution_options(synchronize_session=False))
    return len(ids)
