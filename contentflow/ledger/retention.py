"""After ten years the ledger keeps its sums alone: old transactions become one, carried forward, a partner.

A commission goes whole or not at all, with every transaction of it: when all of them are old, and it is
available or nothing is left of it. The sums of every account, and every later statement, stay to the cent.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, insert, or_, select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.ledger import commissions
from contentflow.ledger.double_entry import Account, Leg
from contentflow.ledger.models import (
    Commission,
    Hold,
    LedgerEntry,
    LedgerFold,
    LedgerTransaction,
    TransactionKind,
)
from contentflow.partners.locks import lock_partner
from contentflow.partners.models import Partner

log = logging.getLogger(__name__)

KEPT_YEARS = 10  # Code de commerce, art. L. 123-22.
FOLDED_AT_ONCE = 200  # Transactions a batch begins with: it holds its partner's row for some moments.


def kept_since() -> datetime:
    """Return the first moment that is kept: a year goes whole, ten years after it ended in France."""
    return clock.start_of_month(clock.in_france(clock.now()).year - KEPT_YEARS, 1)


def fold_old() -> int:
    """Maintenance: fold what is older than ten years, a batch a transaction; return how many went.

    Ended at any moment, it goes on where it was at the next call.
    """
    before, gone = kept_since(), 0
    partner_ids = list(db.session.scalars(select(Partner.id)))
    db.session.rollback()
    for partner_id in [None, *partner_ids]:  # By partner, which the index knows; None is the programme's.
        gone += fold_partner(partner_id, before)
    if gone:
        log.info("%s transactions of the ledger were older than ten years: their sums are kept", gone)
    return gone


def fold_partner(partner_id: str | None, before: datetime) -> int:
    """Carry a partner's old transactions forward, the oldest first; return how many went."""
    carried_at, gone = before - timedelta(microseconds=1), 0
    own = _own(partner_id) & (LedgerTransaction.posted_at < carried_at)
    posted_at, id = LedgerTransaction.posted_at, LedgerTransaction.id
    oldest = select(posted_at, id).where(own).order_by(posted_at, id).limit(FOLDED_AT_ONCE)
    wanted = oldest
    while batch := list(db.session.execute(wanted)):
        db.session.rollback()
        with transaction():
            gone += _fold(partner_id, [one for _, one in batch], carried_at)
        # What stayed is not looked at again before the next call.
        moment, last = batch[-1]
        wanted = oldest.where(
            posted_at >= moment, or_(posted_at > moment, and_(posted_at == moment, id > last))
        )
    db.session.rollback()
    return gone


def _own(partner_id: str | None) -> ColumnElement[bool]:
    column = LedgerTransaction.partner_id
    return column.is_(None) if partner_id is None else column == partner_id


def _fold(partner_id: str | None, batch: list[str], carried_at: datetime) -> int:
    """Write one transaction with the sums of those that may go, a leg an account, and delete them."""
    if partner_id is not None:
        lock_partner(partner_id)
    goes, stays = _part(batch, carried_at)
    of_them = select(LedgerEntry.transaction_id).where(LedgerEntry.commission_id.in_(goes))
    wanted = {*batch, *db.session.scalars(of_them)} - stays
    # Another worker may be at the same batch: each is locked, and what went meanwhile is not there.
    locked = select(LedgerTransaction.id).order_by(LedgerTransaction.id).with_for_update()
    ids = list(db.session.scalars(locked.where(LedgerTransaction.id.in_(wanted))))
    if not ids:
        return 0
    is_carried = (LedgerTransaction.posted_at == carried_at) & (
        LedgerTransaction.kind == TransactionKind.CARRY
    )
    carried = list(db.session.scalars(locked.where(_own(partner_id), is_carried)))
    sums = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.transaction_id.in_([*ids, *carried]))
        .group_by(LedgerEntry.account)
    )
    legs = [Leg(Account(account), int(cents)) for account, cents in db.session.execute(sums) if cents]
    commissions.post(f"carry:{new_id()}", TransactionKind.CARRY, legs, partner_id, posted_at=carried_at)
    _delete([*ids, *carried], goes)
    return len(ids)


def _part(batch: list[str], carried_at: datetime) -> tuple[set[str], set[str]]:
    """Return the commissions of these transactions that go, and the transactions that stay with the others.

    Those that share a transaction, such as the parts of one sale, go or stay together.
    """
    touched = set(batch)
    legs: set[tuple[str, str]] = set()
    while True:
        of_touched = select(LedgerEntry.commission_id).where(LedgerEntry.transaction_id.in_(touched))
        rows = select(LedgerEntry.transaction_id, LedgerEntry.commission_id).where(
            LedgerEntry.commission_id.in_(of_touched)
        )
        known, legs = legs, {(posted, one) for posted, one in db.session.execute(rows) if one}
        if legs == known:
            break
        touched |= {posted for posted, _ in legs}
    # Something may happen to these commissions yet, or happened within the ten years.
    newer = (
        exists()
        .where(LedgerEntry.commission_id == Commission.id, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerTransaction.posted_at > carried_at)
    )
    is_held = exists().where(Hold.commission_id == Commission.id, Hold.released_at.is_(None))
    has_rest = Commission.cents > Commission.reversed_cents
    may_move = has_rest & (Commission.state != Account.AVAILABLE)
    looked_at = Commission.id.in_({one for _, one in legs})
    found = select(Commission.id).where(looked_at, or_(newer, is_held, may_move))
    unsettled = set(db.session.scalars(found))
    stays: set[str] = set()
    while more := {posted for posted, one in legs if one in unsettled} - stays:
        stays |= more
        unsettled |= {one for posted, one in legs if posted in stays}
    return {one for _, one in legs} - unsettled, stays


def _delete(ids: list[str], commission_ids: set[str]) -> None:
    """Delete what is named in ``ledger_folds``, which is all that the database lets go."""
    db.session.execute(insert(LedgerFold), [{"transaction_id": one} for one in ids])
    for statement in (
        delete(LedgerEntry).where(LedgerEntry.transaction_id.in_(ids)),
        delete(LedgerTransaction).where(LedgerTransaction.id.in_(ids)),
        delete(Hold).where(Hold.commission_id.in_(commission_ids)),
        delete(Commission).where(Commission.id.in_(commission_ids)),
        delete(LedgerFold).where(LedgerFold.transaction_id.in_(ids)),
    ):
        db.session.execute(statement.execution_options(synchronize_session=False))
