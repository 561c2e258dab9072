"""The ledger's verbs: credit what was earned, reverse it, mature it; and what a partner's accounts hold."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, case, func, literal, select

from contentflow.core import audit, clock, heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.ledger import commissions, contracts, double_entry, holds
from contentflow.ledger.double_entry import PARTNER_ACCOUNTS, Account, Share
from contentflow.ledger.errors import NothingHeld, ReasonMissing, TooMuchReversed
from contentflow.ledger.models import (
    NEVER,
    Commission,
    LedgerEntry,
    LedgerTransaction,
    Source,
    TransactionKind,
)
from contentflow.offers.terms import MAX_DAYS
from contentflow.partners.locks import lock_partner
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

UNAPPROVED: Final = "unapproved"  # the part of ``pending`` that waits for an advertiser's word


def lock_payee(partner_id: str) -> bool:
    """Let one event of a partner's money come after the other, whether they are active or not.

    Return whether the person is still there: after an erasure nothing new is credited.
    """
    partner = lock_partner(partner_id)
    return partner is not None and partner.email is not None


def credit(
    source: Source,
    cents: int,
    key: str,
    kind: str,
    gross_cents: int = 0,
    matures_at: datetime | None = None,
    note: str = "",
) -> list[Commission]:
    """Book ``gross_cents`` from the network and ``cents`` of it as the partner's, whose row is locked.

    What goes beyond the contract threshold is a commission of its own, held for the contract. What matures
    at ``NEVER`` is not approved yet: the threshold is ``approve``'s.
    """
    room = None if matures_at == NEVER else contracts.room_cents(source.partner_id, source.advertiser)
    within, beyond = (cents, 0) if room is None else double_entry.split(cents, room)
    earned = commissions.add(source, [within, beyond], matures_at)
    legs = double_entry.earn(gross_cents, commissions.shares_of(earned))
    commissions.post(key, kind, legs, source.partner_id, source.conversion_id, note)
    if beyond:
        holds.hold(earned[-1], [holds.CONTRACT])
    return earned


def book_programmes(key: str, kind: str, gross_cents: int, conversion_id: str, note: str = "") -> None:
    """Book what a network owes for a conversion that is nobody's, or owes no more: all is the programme's."""
    commissions.post(key, kind, double_entry.earn(gross_cents, []), None, conversion_id, note)


def commissions_of(conversion_id: str) -> list[Commission]:
    found = select(Commission).where(Commission.conversion_id == conversion_id).order_by(Commission.key)
    return list(db.session.scalars(found))


def reverse(
    key: str,
    kind: str,
    earned: Sequence[Commission],
    gross_cents: int,
    cents: int,
    conversion_id: str,
    note: str = "",
) -> None:
    """Reverse ``cents`` of one conversion's commissions, for ``conversion_id``: its own, or the refund's.

    Lets go what waited for a contract, where the year is under the limit again.
    """
    commissions.reverse(key, kind, earned, gross_cents, cents, conversion_id, note)
    if earned:
        contracts.relax(earned[0].partner_id, earned[0].advertiser)


def approve(key: str, earned: Sequence[Commission], source: Source) -> None:
    """Let one conversion's commissions be earned as of now: holding days begin, the threshold counts them.

    The posting moves what goes beyond the threshold to a commission of its own, held for the contract;
    else it has no legs and only says when.
    """
    waiting = [one for one in earned if not one.is_approved]
    left = sum(one.left_cents for one in waiting)
    room = contracts.room_cents(source.partner_id, source.advertiser)
    beyond = 0 if room is None else double_entry.split(left, room)[1]
    now = clock.now()
    for one in waiting:
        one.earned_at, one.matures_at = now, now + timedelta(days=source.holding_days)
    moved = commissions.take(waiting, beyond)
    apart = commissions.add(source, [beyond])
    legs = [*double_entry.reverse(0, moved), *double_entry.earn(0, commissions.shares_of(apart))]
    legs = [leg for leg in legs if leg.account != Account.PROGRAMME]
    commissions.post(key, TransactionKind.APPROVE, legs, source.partner_id, source.conversion_id)
    carry_holds(earned, apart)
    for one in apart:
        holds.hold(one, [holds.CONTRACT])


def suspend(key: str, earned: Sequence[Commission], source: Source, note: str) -> list[Commission]:
    """Take the approval back: what is left of one conversion's commissions waits for another one.

    Of what was available it is a ``clawback``, as a rejection is.
    """
    left = sum(one.left_cents for one in earned)
    taken = commissions.take(earned, left)
    is_clawback = double_entry.is_clawback(taken)
    waiting = commissions.add(source, [left], NEVER)
    legs = [*double_entry.reverse(0, taken), *double_entry.earn(0, commissions.shares_of(waiting))]
    legs = [leg for leg in legs if leg.account != Account.PROGRAMME]
    kind = TransactionKind.CLAWBACK if is_clawback else TransactionKind.SUSPEND
    commissions.post(key, kind, legs, source.partner_id, source.conversion_id, note)
    carry_holds(earned, waiting)
    contracts.relax(source.partner_id, source.advertiser)
    return waiting


def carry_holds(earned: Iterable[Commission], new: Iterable[Commission]) -> None:
    """Hold new commissions of a conversion for what its others are held for, but for a contract.

    What an operator let go is not held again. The holds of a commission of which nothing is left end here.
    """
    others = [one for one in earned if one not in new]
    reasons = {reason for one in others for reason in holds.open_reasons(one.id)} - {holds.CONTRACT}
    for one in new:
        holds.hold(one, reasons)
    for one in others:
        if not one.left_cents:
            holds.end(one.id, "network")


def claw_back(commission_id: str, cents: int, reason: str, actor: str) -> Commission:
    """Take back a part of a commission, by name: the partner reads the reason on the statement."""
    reason = reason.strip()
    if not 1 <= len(reason) <= 200 or not reason.isprintable():
        raise ReasonMissing
    commission = holds.get_commission(commission_id)
    if not 0 < cents <= commission.left_cents:
        raise TooMuchReversed
    commission.reversed_cents += cents
    commission.clawed_cents += cents
    legs = double_entry.reverse(0, [Share(commission.id, Account(commission.state), cents)])
    key, conversion_id = f"clawback:{new_id()}", commission.conversion_id
    commissions.post(key, TransactionKind.CLAWBACK, legs, commission.partner_id, conversion_id, reason)
    contracts.relax(commission.partner_id, commission.advertiser)
    audit.note(actor, "ledger.clawback", commission.id)
    return commission


def reject_commission(commission_id: str, reason: str, actor: str) -> int:
    """Take back what is left of a held commission, for good; return the cents. The partner reads the reason.

    Raises ``UnknownCommission``, ``NothingHeld`` and ``ReasonMissing``.
    """
    commission = holds.get_commission(commission_id)
    if not holds.open_reasons(commission_id):
        raise NothingHeld
    left = commission.left_cents
    claw_back(commission_id, left, reason, actor)
    holds.reject(commission_id, actor)
    return left


def mature_due() -> None:
    """Sweep: make available what was held long enough; one transaction a partner.

    What matures under a clock that leapt would be available for good, so a steady clock says what is due.
    """
    due = commissions.due(heartbeat.sure_now())
    db.session.rollback()
    for partner_id in {partner_id for partner_id, _ in due}:
        with transaction():
            commissions.mature(partner_id, [one for owner, one in due if owner == partner_id])


def date_anew() -> None:
    """Let what was earned while a clock was far ahead wait its holding days, and no longer."""
    last = clock.now() + timedelta(days=MAX_DAYS + 1)
    late = (Commission.matures_at > last) & (Commission.matures_at < NEVER)
    with transaction():
        for one in db.session.scalars(select(Commission).where(Commission.state == Account.PENDING, late)):
            log.warning("commission %s was written while a clock was ahead: dated anew", one.id)
            now = clock.now()
            one.earned_at, one.matures_at = now, now + (one.matures_at - one.earned_at)


def next_maturity(partner_id: str) -> datetime | None:
    """Return when the next of a partner's pending commissions becomes available."""
    waiting = (
        Commission.partner_id == partner_id,
        Commission.state == Account.PENDING,
        Commission.cents > Commission.reversed_cents,
        Commission.matures_at < NEVER,
    )
    return db.session.scalar(select(func.min(Commission.matures_at)).where(*waiting))


def balances(partner_id: str) -> Mapping[str, int]:
    """Return the partner's cents by account; an account that was never used has 0."""
    sums = {account: int(cents) for account, cents in db.session.execute(_sums(partner_id))}
    return {str(account): sums.get(account, 0) for account in PARTNER_ACCOUNTS}


def _sums(partner_id: str) -> Select[str, int]:
    return (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.partner_id == partner_id)
        .group_by(LedgerEntry.account)
    )


def standing(partner_id: str) -> Mapping[str, int]:
    """Return ``balances`` with what no advertiser approved yet apart from ``pending``, as ``unapproved``."""
    left = func.sum(Commission.cents - Commission.reversed_cents)
    waiting = select(literal(UNAPPROVED), left).where(
        Commission.partner_id == partner_id,
        Commission.state == Account.PENDING,
        Commission.matures_at == NEVER,
    )
    rows = db.session.execute(_sums(partner_id).union_all(waiting))
    found = {account: int(cents or 0) for account, cents in rows}
    sums = {str(account): found.get(account, 0) for account in PARTNER_ACCOUNTS}
    sums[Account.PENDING] -= found[UNAPPROVED]
    return {**sums, UNAPPROVED: found[UNAPPROVED]}


def earned_of_post(submission_id: str) -> Mapping[str, int]:
    """Return what is left of a post's commissions, in cents by account; what was paid stands in no post's.

    What no advertiser approved yet is ``unapproved``.
    """
    is_waiting = (Commission.state == Account.PENDING) & (Commission.matures_at == NEVER)
    account = case((is_waiting, UNAPPROVED), else_=Commission.state)
    found = (
        select(account, func.sum(Commission.cents - Commission.reversed_cents))
        .where(Commission.submission_id == submission_id)
        .group_by(account)
    )
    return {state: int(cents) for state, cents in db.session.execute(found) if cents}


def check_ledger() -> str | None:
    """Doctor: None when every cent has its counterpart and each commission stands in its account."""
    if int(db.session.scalar(select(func.sum(LedgerEntry.amount_cents))) or 0):
        return says("La somme du grand livre n’est pas nulle : reprenez la sauvegarde, demandez de l’aide.")
    booked = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.commission_id.is_not(None))
        .group_by(LedgerEntry.account)
    )
    left_cents = func.sum(Commission.cents - Commission.reversed_cents)
    stood = select(Commission.state, left_cents).group_by(Commission.state)
    left = {account: int(cents) for account, cents in db.session.execute(booked) if cents}
    right = {state: int(cents) for state, cents in db.session.execute(stood) if cents}
    if left == right:
        return None
    return says("Crédits et grand livre diffèrent : reprenez la sauvegarde, demandez de l’aide.")


def export_ledger(partner_id: str) -> list[dict[str, Any]]:
    found = (
        select(LedgerEntry, LedgerTransaction)
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerEntry.partner_id == partner_id)
        .order_by(LedgerEntry.id)
    )
    return [
        {
            "id": entry.id,
            "posting_id": posted.id,
            "kind": posted.kind,
            "account": entry.account,
            "amount_cents": entry.amount_cents,
            "conversion_id": posted.conversion_id,
            "note": posted.note,
            "at": clock.iso(posted.posted_at),
        }
        for entry, posted in db.session.execute(found)
    ]
