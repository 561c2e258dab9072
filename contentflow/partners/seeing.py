"""Somebody of the team looks at a partner's pages as the partner does: they only read, for half an hour.

Nothing of it is the partner's: no session, no “last seen”, no click, no press. Both ends stand in the audit,
and the partner reads of it on the page of their sessions.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from contentflow.core import audit, clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id
from contentflow.partners.errors import OwnPages
from contentflow.partners.models import Partner, PartnerSession

LASTS: Final = timedelta(minutes=30)
BEGIN: Final = "see.start"
END: Final = "see.end"
SHOWN: Final = 20


def begin(partner_id: str, actor: str, token_hash: str, reason: str) -> None:
    """Show this session the partner's pages. Raises ``NotFound`` for who is no partner, ``OwnPages``."""
    partner = db.session.get(Partner, partner_id) if is_id(partner_id) else None
    if partner is None or partner.email is None:
        raise NotFound
    if partner.id == actor:
        raise OwnPages
    _look(token_hash, seeing_id=partner.id, seeing_until=clock.now() + LASTS)
    audit.note(actor, BEGIN, partner.id, reason=reason)


def end(actor: str, token_hash: str) -> str | None:
    """End it and return whose pages they were; None where it was over already."""
    seen = select(PartnerSession.seeing_id).where(PartnerSession.token_hash == token_hash)
    partner_id = db.session.scalar(seen)
    if partner_id is not None:
        _look(token_hash, seeing_id=None, seeing_until=None)
        audit.note(actor, END, partner_id)
    return partner_id


def sightings(partner_id: str) -> list[AuditEntry]:
    """Return who looked at a partner's pages and when, the newest first."""
    found = select(AuditEntry).where(AuditEntry.subject == partner_id, AuditEntry.act.in_((BEGIN, END)))
    return list(db.session.scalars(found.order_by(AuditEntry.recorded_at.desc()).limit(SHOWN)))


def _look(token_hash: str, **values: object) -> None:
    db.session.execute(update(PartnerSession).where(PartnerSession.token_hash == token_hash).values(**values))
