"""What holds a commission back: each reason has its own row, and an operator lets it go."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select

from contentflow.core import audit, clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.ledger.commissions import move
from contentflow.ledger.double_entry import Account
from contentflow.ledger.errors import NeedsContract, NothingHeld, UnknownCommission
from contentflow.ledger.models import Commission, Hold, TransactionKind
from contentflow.partners.locks import lock_partner

CONTRACT = (
    "contract"  # The reason that only a contract ends, or a refund that brings the year under the limit.
)


def hold(commission: Commission, reasons: Iterable[str]) -> None:
    """Hold what is left of a commission; a reason that stands there already is not repeated."""
    known = set(db.session.scalars(select(Hold.reason).where(Hold.commission_id == commission.id)))
    for reason in sorted(set(reasons) - known):
        db.session.add(Hold(commission_id=commission.id, partner_id=commission.partner_id, reason=reason))
        db.session.flush()
        if commission.state != Account.HELD:
            move(commission, Account.HELD, TransactionKind.HOLD, reason)


def release(commission: Commission, reason: str, actor: str) -> None:
    """End one reason; when it was the last, the commission goes on where its holding time is."""
    found = db.session.scalar(
        select(Hold).where(
            Hold.commission_id == commission.id, Hold.reason == reason, Hold.released_at.is_(None)
        )
    )
    if found is None:
        raise NothingHeld
    found.released_at, found.released_by = clock.now(), actor
    db.session.flush()
    audit.note(actor, f"hold.release.{reason}", commission.id)
    if not open_reasons(commission.id):
        is_mature = commission.matures_at <= clock.now()
        move(commission, Account.AVAILABLE if is_mature else Account.PENDING, TransactionKind.RELEASE, reason)


def release_commission(commission_id: str, actor: str) -> Commission:
    """End every fraud reason of a commission; one that waits for a contract goes on waiting for it."""
    commission = get_commission(commission_id)
    held_by = open_reasons(commission_id)
    reasons = [reason for reason in held_by if reason != CONTRACT]
    if not reasons:
        raise NeedsContract if held_by else NothingHeld
    for reason in reasons:
        release(commission, reason, actor)
    return commission


def reject(commission_id: str, actor: str) -> None:
    """End every reason of a commission that an operator took back."""
    end(commission_id, actor)
    audit.note(actor, "hold.reject", commission_id)
    db.session.flush()


def end(commission_id: str, actor: str) -> None:
    """End every reason of a commission of which nothing is left: it goes nowhere any more."""
    still = select(Hold).where(Hold.commission_id == commission_id, Hold.released_at.is_(None))
    for found in db.session.scalars(still):
        found.released_at, found.released_by = clock.now(), actor


def get_commission(commission_id: str) -> Commission:
    """Return the commission with its partner locked; raises ``UnknownCommission``."""
    partner_id = db.session.scalar(select(Commission.partner_id).where(Commission.id == commission_id))
    if partner_id is None:
        raise UnknownCommission
    lock_partner(partner_id)
    found = select(Commission).where(Commission.id == commission_id)
    return db.session.scalars(found.execution_options(populate_existing=True)).one()


def open_reasons(commission_id: str) -> list[str]:
    found = select(Hold.reason).where(Hold.commission_id == commission_id, Hold.released_at.is_(None))
    return sorted(db.session.scalars(found))


def held_commissions(partner_id: str, reason: str, advertiser: str) -> list[Commission]:
    found = (
        select(Commission)
        .join(Hold, Hold.commission_id == Commission.id)
        .where(
            Hold.partner_id == partner_id,
            Hold.reason == reason,
            Hold.released_at.is_(None),
            Commission.advertiser == advertiser,
        )
        .order_by(Commission.earned_at, Commission.key)
    )
    return list(db.session.scalars(found))


def held_by_reason(partner_id: str) -> dict[str, int]:
    """Return the cents that each reason holds; a commission with two reasons counts for both."""
    return by_reason(held_sums(partner_id))


def by_reason(sums: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return what ``held_sums`` did, of all advertisers together."""
    found: dict[str, int] = {}
    for (reason, _), cents in sums.items():
        found[reason] = found.get(reason, 0) + cents
    return found


def held_sums(partner_id: str) -> dict[tuple[str, str], int]:
    """Return the cents that are held, by (reason, advertiser)."""
    found = (
        select(Hold.reason, Commission.advertiser, func.sum(Commission.cents - Commission.reversed_cents))
        .join(Commission, Commission.id == Hold.commission_id)
        # Of both, so that no plan reads everybody's commissions beside the holds of one.
        .where(Hold.partner_id == partner_id, Commission.partner_id == partner_id, Hold.released_at.is_(None))
        .group_by(Hold.reason, Commission.advertiser)
    )
    return {(reason, name): int(cents) for reason, name, cents in db.session.execute(found) if cents}


def list_holds() -> list[tuple[Hold, Commission]]:
    """Return every open hold of something that is left, with its commission, the oldest first."""
    found = (
        select(Hold, Commission)
        .join(Commission, Commission.id == Hold.commission_id)
        .where(Hold.released_at.is_(None), Commission.cents > Commission.reversed_cents)
        .order_by(Hold.opened_at, Hold.id)
    )
    return list(db.session.execute(found))


def get_hold(hold_id: str) -> Hold:
    """Return a hold with its partner locked; raises ``UnknownCommission``."""
    found = db.session.get(Hold, hold_id) if is_id(hold_id) else None
    if found is None:
        raise UnknownCommission
    lock_partner(found.partner_id)
    db.session.refresh(found)
    return found


def _look_at(hold: Hold) -> None:
    """Raises ``NothingHeld`` and ``NeedsContract`` of what nobody need decide."""
    if hold.released_at is not None:
        raise NothingHeld
    if hold.reason == CONTRACT:
        raise NeedsContract


def release_hold(hold_id: str, actor: str, why: str) -> None:
    """End one reason that holds a commission; it cannot be undone: the money goes on.

    Raises ``NothingHeld`` once it is released, ``NeedsContract`` where only a contract ends it.
    """
    found = get_hold(hold_id)
    _look_at(found)
    commission = db.session.get_one(Commission, found.commission_id)
    audit.note(
        actor,
        "hold.release",
        found.id,
        reason=why,
        before={"state": "held", "reason": found.reason, "cents": commission.left_cents},
        after={"state": "released"},
    )
    release(commission, found.reason, actor)


def keep_hold(hold_id: str, actor: str, why: str) -> AuditEntry:
    """Say that it was looked at and stays held: it waits for nobody any more.

    Raises ``NothingHeld`` once it is released or kept, ``NeedsContract`` where a contract is awaited.
    """
    found = get_hold(hold_id)
    _look_at(found)
    if found.kept_at is not None:
        raise NothingHeld
    found.kept_at = clock.now()
    db.session.flush()
    return audit.note(
        actor, "hold.keep", found.id, reason=why, before={"state": "held"}, after={"state": "kept"}
    )


def undo_keep(entry: AuditEntry) -> None:
    """Let a hold wait to be looked at again."""
    found = get_hold(entry.subject)
    if found.released_at is not None:
        raise NothingHeld
    found.kept_at = None
    db.session.flush()
