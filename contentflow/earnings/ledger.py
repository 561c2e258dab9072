"""The ledger's verbs: post, credit, mature, take back; and what a partner's accounts hold."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, insert, select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.earnings import postings
from contentflow.earnings.models import Credit, LedgerEntry, Posting
from contentflow.earnings.postings import PARTNERS, Account, Leg, Share
from contentflow.partners import locks
from contentflow.tongue import says

MATURE_AT_ONCE = 200


@dataclass(frozen=True, kw_only=True)
class Source:
    """What earned: a conversion, or a day's clicks. ``key`` names it once and for all."""

    key: str
    kind: str
    partner_id: str
    submission_id: str
    offer_id: str
    advertiser: str
    channel: str
    day: date
    holding_days: int
    conversion_id: str | None = None
    units: int = 1


def lock_partner(partner_id: str) -> bool:
    """Let one event of a partner's money come after the other, whether they are active or not.

    Return whether the person is still there: after an erasure nothing new is credited.
    """
    partner = locks.lock_partner(partner_id)
    return partner is not None and partner.email is not None


def post(
    key: str,
    kind: str,
    legs: Iterable[Leg],
    partner_id: str | None,
    conversion_id: str | None = None,
    note: str = "",
) -> str:
    """Write one posting and return its id; the database refuses it unless its legs sum to zero."""
    posting_id = new_id()
    rows = [
        {
            "posting_id": posting_id,
            "account": str(leg.account),
            "partner_id": partner_id if leg.account in PARTNERS else None,
            "credit_id": leg.credit_id,
            "amount_cents": leg.cents,
        }
        for leg in legs
    ]
    db.session.flush()
    if rows:
        db.session.execute(insert(LedgerEntry), rows)
    values = {
        "key": key,
        "kind": kind,
        "partner_id": partner_id,
        "conversion_id": conversion_id,
        "note": note,
    }
    db.session.execute(insert(Posting).values(id=posting_id, at=clock.now(), **values))
    return posting_id


def add_credits(source: Source, parts: Sequence[int]) -> list[Credit]:
    """Write one pending credit a part; parts of zero are left out."""
    now = clock.now()
    credits = [
        Credit(
            id=new_id(),
            key=f"{source.key}/{number}",
            kind=source.kind,
            partner_id=source.partner_id,
            conversion_id=source.conversion_id,
            submission_id=source.submission_id,
            offer_id=source.offer_id,
            advertiser=source.advertiser,
            channel=source.channel,
            day=source.day,
            units=source.units if number == 0 else 0,
            cents=cents,
            taken_cents=0,
            state=str(Account.PENDING),
            matures_at=now + timedelta(days=source.holding_days),
            at=now,
        )
        for number, cents in enumerate(part for part in parts if part)
    ]
    db.session.add_all(credits)
    db.session.flush()
    return credits


def shares_of(credits: Iterable[Credit]) -> list[Share]:
    return [Share(credit.id, Account(credit.state), credit.cents - credit.taken_cents) for credit in credits]


def credits_of(conversion_id: str) -> list[Credit]:
    found = select(Credit).where(Credit.conversion_id == conversion_id).order_by(Credit.key)
    return list(db.session.scalars(found))


def change_state(credit: Credit, target: Account, kind: str, note: str = "") -> None:
    """Move what is left of a credit to another account, as a posting of its own."""
    source, left = Account(credit.state), credit.cents - credit.taken_cents
    if left and source != target:
        legs = postings.move(credit.id, source, target, left)
        post(f"{kind}:{credit.id}:{new_id()}", kind, legs, credit.partner_id, credit.conversion_id, note)
    credit.state = str(target)
    db.session.flush()


def take_back(
    key: str,
    credits: Sequence[Credit],
    commission_cents: int,
    cents: int,
    conversion_id: str | None,
    note: str = "",
) -> str:
    """Take ``cents`` of the partner's credits back and return the posting's kind.

    What is held or pending goes first. Once something was available, the posting is a ``clawback``:
    the only one that may bring an available balance below zero.
    """
    chosen = postings.take_from(shares_of(credits), cents)
    kind = "clawback" if postings.is_clawback(chosen) else "refund"
    by_id = {credit.id: credit for credit in credits}
    for share in chosen:
        by_id[share.credit_id].taken_cents += share.cents
    partner_id = credits[0].partner_id if credits else None
    post(key, kind, postings.take_back(commission_cents, chosen), partner_id, conversion_id, note)
    db.session.flush()
    return kind


def due_credits(now: datetime) -> list[tuple[str, str]]:
    """Return (partner, credit) ids whose holding time is over, the partner's first in one row."""
    due = (
        select(Credit.partner_id, Credit.id)
        .where(Credit.state == Account.PENDING, Credit.matures_at <= now)
        .order_by(Credit.partner_id, Credit.matures_at)
        .limit(MATURE_AT_ONCE)
    )
    return [(partner_id, credit_id) for partner_id, credit_id in db.session.execute(due)]


def next_maturity(partner_id: str) -> datetime | None:
    """Return when the next of a partner's pending credits becomes available."""
    waiting = (
        Credit.partner_id == partner_id,
        Credit.state == Account.PENDING,
        Credit.cents > Credit.taken_cents,
    )
    return db.session.scalar(select(func.min(Credit.matures_at)).where(*waiting))


def mature(partner_id: str, credit_ids: Iterable[str]) -> None:
    """Make a partner's pending credits available, unless they were held or are not due meanwhile."""
    lock_partner(partner_id)
    found = select(Credit).where(
        Credit.id.in_(list(credit_ids)), Credit.state == Account.PENDING, Credit.matures_at <= clock.now()
    )
    for credit in db.session.scalars(found.execution_options(populate_existing=True)):
        change_state(credit, Account.AVAILABLE, "release")


def balances(partner_id: str) -> Mapping[str, int]:
    """Return the partner's cents by account; an account that was never used has 0."""
    found = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.partner_id == partner_id)
        .group_by(LedgerEntry.account)
    )
    sums = {account: int(cents) for account, cents in db.session.execute(found)}
    return {str(account): sums.get(account, 0) for account in PARTNERS}


def earned_of_post(submission_id: str) -> Mapping[str, int]:
    """Return what is left of a post's credits, in cents by account; what was paid stands in no post's."""
    found = (
        select(Credit.state, func.sum(Credit.cents - Credit.taken_cents))
        .where(Credit.submission_id == submission_id)
        .group_by(Credit.state)
    )
    return {state: int(cents) for state, cents in db.session.execute(found) if cents}


def check_ledger() -> str | None:
    """Doctor: None when every cent has its counterpart and each credit stands in its account."""
    if int(db.session.scalar(select(func.sum(LedgerEntry.amount_cents))) or 0):
        return says("La somme du grand livre n’est pas nulle : reprenez la sauvegarde, demandez de l’aide.")
    booked = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.credit_id.is_not(None))
        .group_by(LedgerEntry.account)
    )
    stood = select(Credit.state, func.sum(Credit.cents - Credit.taken_cents)).group_by(Credit.state)
    left = {account: int(cents) for account, cents in db.session.execute(booked) if cents}
    right = {state: int(cents) for state, cents in db.session.execute(stood) if cents}
    if left == right:
        return None
    return says("Crédits et grand livre diffèrent : reprenez la sauvegarde, demandez de l’aide.")
