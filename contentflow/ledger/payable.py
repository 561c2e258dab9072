"""What a payout may take of a partner's ``available`` entries, and the postings that pay it.

A payout covers the entries between two marks, which are ids of entries: a partner's are written one after
the other, under the lock of their row. The legs of payouts themselves are no income and belong to none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from sqlalchemy import and_, case, func, or_, select

from contentflow.core.db import db
from contentflow.ledger import commissions
from contentflow.ledger.double_entry import Account, Leg
from contentflow.ledger.models import Commission, Hold, LedgerEntry, LedgerTransaction, TransactionKind

AT_ONCE: Final = 500


class Payable(NamedTuple):
    """What was available to a partner at a moment: ``cents``, up to the entry ``covers_to``.

    What was taken back since lowers it: then it is all that is available now, up to the last entry.
    """

    cents: int
    covers_to: int


class Covered(NamedTuple):
    """What a commission, or a posting of its own (``cause``, its key), brings between two marks."""

    partner_id: str
    cents: int
    cause: str
    advertiser: str = ""
    kind: str = ""
    day: date | None = None


class Written(NamedTuple):
    """Where a transaction stands in the order of the ledger, and when it was posted."""

    place: int
    posted_at: datetime


def payable(before: datetime, partner_ids: Collection[str] | None = None) -> dict[str, Payable]:
    """Return what each partner had available before a moment, and has still.

    Of all of them without ``partner_ids``. Who had no entry then is left out.
    """
    if partner_ids is not None:
        found: dict[str, Payable] = {}
        for some in _batches(partner_ids):
            found |= _payable(before, some)
        return found
    return _payable(before, None)


def _payable(before: datetime, partner_ids: Sequence[str] | None) -> dict[str, Payable]:
    is_payout = LedgerTransaction.kind == TransactionKind.PAYOUT
    is_early = LedgerTransaction.posted_at < before
    amount = LedgerEntry.amount_cents
    sums = (
        select(
            LedgerEntry.partner_id,
            func.sum(case((or_(is_early, is_payout), amount), else_=0)),
            func.sum(amount),
            func.max(case((and_(is_early, ~is_payout), LedgerEntry.id))),
            func.max(case((~is_payout, LedgerEntry.id))),
        )
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerEntry.account == Account.AVAILABLE, LedgerEntry.partner_id.is_not(None))
        .group_by(LedgerEntry.partner_id)
    )
    if partner_ids is not None:
        sums = sums.where(LedgerEntry.partner_id.in_(partner_ids))
    found = {}
    for partner_id, then, now, early, last in db.session.execute(sums):
        if early is not None:
            is_less = int(now) < int(then)
            found[partner_id] = Payable(int(now if is_less else then), last if is_less else early)
    return found


def pieces(marks: Mapping[str, tuple[int, int]]) -> dict[str, list[Covered]]:
    """Return by partner what lies between their two marks: the first is outside, the second inside."""
    found: dict[str, list[Covered]] = {}
    for some in _batches(marks):
        low = min(marks[one][0] for one in some)
        entries = (
            select(
                LedgerEntry.partner_id,
                LedgerEntry.id,
                LedgerEntry.commission_id,
                LedgerEntry.amount_cents,
                LedgerTransaction.key,
            )
            .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
            .where(LedgerEntry.partner_id.in_(some), LedgerEntry.account == Account.AVAILABLE)
            .where(LedgerEntry.id > low, LedgerTransaction.kind != TransactionKind.PAYOUT)
        )
        sums: dict[tuple[str, str, str], int] = {}
        for partner_id, entry_id, commission_id, cents, key in db.session.execute(entries):
            assert partner_id is not None
            after, last = marks[partner_id]
            if after < entry_id <= last:
                cause = (partner_id, commission_id or "", "" if commission_id else key)
                sums[cause] = sums.get(cause, 0) + cents
        known: dict[str, tuple[str, str, date]] = {}
        for ids in _batches({one for _, one, _ in sums}):
            columns = select(Commission.id, Commission.advertiser, Commission.kind, Commission.day)
            for row in db.session.execute(columns.where(Commission.id.in_(ids))):
                known[row[0]] = (row[1], row[2], row[3])
        for (partner_id, commission_id, key), cents in sums.items():
            if cents:
                found.setdefault(partner_id, []).append(
                    Covered(partner_id, cents, key, *known.get(commission_id, ()))
                )
    return found


def held_for_contract(partner_ids: Collection[str]) -> set[str]:
    """Return who of these has something that waits for a contract alone."""
    found: set[str] = set()
    for some in _batches(partner_ids):
        held = select(Hold.partner_id).where(
            Hold.partner_id.in_(some), Hold.reason == "contract", Hold.released_at.is_(None)
        )
        found |= set(db.session.scalars(held.distinct()))
    return found


def written(keys: Collection[str]) -> dict[str, Written]:
    """Return by key where these transactions stand; who is not known is left out."""
    found: dict[str, Written] = {}
    for some in _batches(keys):
        places = (
            select(LedgerTransaction.key, func.min(LedgerEntry.id), LedgerTransaction.posted_at)
            .join(LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
            .where(LedgerTransaction.key.in_(some))
            .group_by(LedgerTransaction.key, LedgerTransaction.posted_at)
        )
        found |= {key: Written(place, posted_at) for key, place, posted_at in db.session.execute(places)}
    return found


def payout_legs(cents: int) -> list[Leg]:
    return [Leg(Account.AVAILABLE, -cents), Leg(Account.PAYING, cents)]


def post_paid(partner_id: str, transfer_id: str, cents: int) -> None:
    """The bank paid a transfer."""
    legs = [Leg(Account.PAYING, -cents), Leg(Account.PAID, cents)]
    commissions.post(f"paid:{transfer_id}", TransactionKind.PAID, legs, partner_id)


def post_returned(partner_id: str, transfer_id: str, cents: int, note: str) -> None:
    """What was paid came back."""
    legs = [Leg(Account.PAID, -cents), Leg(Account.PAYING, cents)]
    commissions.post(f"returned:{transfer_id}", TransactionKind.RETURNED, legs, partner_id, note=note)


def post_cancelled(partner_id: str, payout_id: str, cents: int) -> None:
    """A payout is paid no more: what it took is available again, after every mark there is."""
    legs = [Leg(Account.PAYING, -cents), Leg(Account.AVAILABLE, cents)]
    commissions.post(f"cancelled:{payout_id}", TransactionKind.CANCELLED, legs, partner_id)


def _batches(ids: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(one for one in ids if one)
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]
