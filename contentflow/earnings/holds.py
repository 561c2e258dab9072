"""What holds a credit back: each reason has its own row, and an operator lets it go."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.earnings.ledger import change_state, lock_partner
from contentflow.earnings.models import Credit, Hold
from contentflow.earnings.postings import Account
from contentflow.earnings.refusals import NothingHeld, UnknownCredit


def hold(credit: Credit, reasons: Iterable[str]) -> None:
    """Hold what is left of a credit; a reason that stands there already is not repeated."""
    known = set(db.session.scalars(select(Hold.reason).where(Hold.credit_id == credit.id)))
    for reason in sorted(set(reasons) - known):
        db.session.add(Hold(credit_id=credit.id, partner_id=credit.partner_id, reason=reason))
        db.session.flush()
        if credit.state != Account.HELD:
            change_state(credit, Account.HELD, "hold", reason)


def release(credit: Credit, reason: str, actor: str) -> None:
    """End one reason; when it was the last, the credit goes on where its holding time is."""
    found = db.session.scalar(
        select(Hold).where(Hold.credit_id == credit.id, Hold.reason == reason, Hold.released_at.is_(None))
    )
    if found is None:
        raise NothingHeld
    found.released_at, found.released_by = clock.now(), actor
    db.session.flush()
    audit.note(actor, f"hold.release.{reason}", credit.id)
    if not open_reasons(credit.id):
        ready = credit.matures_at <= clock.now()
        change_state(credit, Account.AVAILABLE if ready else Account.PENDING, "unhold", reason)


def release_credit(credit_id: str, actor: str) -> Credit:
    """End every fraud reason of a credit; one that waits for a contract goes on waiting for it."""
    credit = get_credit(credit_id)
    reasons = [reason for reason in open_reasons(credit_id) if reason != "contract"]
    if not reasons:
        raise NothingHeld
    for reason in reasons:
        release(credit, reason, actor)
    return credit


def close(credit_id: str, actor: str) -> None:
    """End every reason of a credit of which nothing is left: it goes nowhere any more."""
    still = select(Hold).where(Hold.credit_id == credit_id, Hold.released_at.is_(None))
    for hold in db.session.scalars(still):
        hold.released_at, hold.released_by = clock.now(), actor
    audit.note(actor, "hold.reject", credit_id)
    db.session.flush()


def get_credit(credit_id: str) -> Credit:
    """Return the credit with its partner locked; raises ``UnknownCredit``."""
    partner_id = db.session.scalar(select(Credit.partner_id).where(Credit.id == credit_id))
    if partner_id is None:
        raise UnknownCredit
    lock_partner(partner_id)
    return db.session.scalars(
        select(Credit).where(Credit.id == credit_id).execution_options(populate_existing=True)
    ).one()


def open_reasons(credit_id: str) -> list[str]:
    found = select(Hold.reason).where(Hold.credit_id == credit_id, Hold.released_at.is_(None))
    return sorted(db.session.scalars(found))


def held_credits(partner_id: str, reason: str, advertiser: str) -> list[Credit]:
    found = (
        select(Credit)
        .join(Hold, Hold.credit_id == Credit.id)
        .where(
            Hold.partner_id == partner_id,
            Hold.reason == reason,
            Hold.released_at.is_(None),
            Credit.advertiser == advertiser,
        )
        .order_by(Credit.at, Credit.key)
    )
    return list(db.session.scalars(found))


def held_by_reason(partner_id: str) -> dict[str, int]:
    """Return the cents that each reason holds; a credit with two reasons counts for both."""
    found = (
        select(Hold.reason, func.sum(Credit.cents - Credit.taken_cents))
        .join(Credit, Credit.id == Hold.credit_id)
        .where(Hold.partner_id == partner_id, Hold.released_at.is_(None))
        .group_by(Hold.reason)
    )
    return {reason: int(cents) for reason, cents in db.session.execute(found) if cents}


def list_holds() -> list[tuple[Hold, Credit]]:
    """Return every open hold with its credit, the oldest first."""
    found = (
        select(Hold, Credit)
        .join(Credit, Credit.id == Hold.credit_id)
        .where(Hold.released_at.is_(None))
        .order_by(Hold.opened_at, Hold.id)
    )
    return list(db.session.execute(found))
