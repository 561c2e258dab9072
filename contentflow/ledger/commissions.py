"""The ledger's own moves: post a transaction, add commissions, move, mature and reverse them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.ledger import double_entry
from contentflow.ledger.double_entry import PARTNER_ACCOUNTS, Account, Leg, Share
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction, Source, TransactionKind
from contentflow.partners.locks import lock_partner

MATURE_AT_ONCE = 200  # Commissions a sweep makes available: what is left is the next sweep's.


def post(
    key: str,
    kind: str,
    legs: Iterable[Leg],
    partner_id: str | None,
    conversion_id: str | None = None,
    note: str = "",
    posted_at: datetime | None = None,
) -> str:
    """Write one transaction, as of now, and return its id; the database wants its legs to sum to zero."""
    transaction_id = new_id()
    rows = [
        {
            "transaction_id": transaction_id,
            "account": str(leg.account),
            "partner_id": partner_id if leg.account in PARTNER_ACCOUNTS else None,
            "commission_id": leg.commission_id,
            "amount_cents": leg.cents,
        }
        for leg in legs
    ]
    db.session.flush()
    if rows:
        db.session.execute(insert(LedgerEntry), rows)
    made = LedgerTransaction(
        id=transaction_id,
        key=key,
        kind=kind,
        partner_id=partner_id,
        conversion_id=conversion_id,
        note=note,
        posted_at=posted_at or clock.now(),
    )
    db.session.add(made)
    db.session.flush()
    return transaction_id


def add(source: Source, parts: Sequence[int], matures_at: datetime | None = None) -> list[Commission]:
    """Write one pending commission a part; see ``make``."""
    commissions = make(source, parts, matures_at)
    db.session.add_all(commissions)
    db.session.flush()
    return commissions


def make(source: Source, parts: Sequence[int], matures_at: datetime | None = None) -> list[Commission]:
    """Return one pending commission a part, not written yet; parts of zero are left out.

    ``matures_at``: by default, when the source's holding days from now are over.
    """
    now = clock.now()
    return [
        Commission(
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
            reversed_cents=0,
            state=str(Account.PENDING),
            matures_at=matures_at or now + timedelta(days=source.holding_days),
            earned_at=now,
        )
        for number, cents in enumerate(part for part in parts if part)
    ]


def shares_of(commissions: Iterable[Commission]) -> list[Share]:
    return [Share(one.id, Account(one.state), one.left_cents) for one in commissions]


def move(commission: Commission, target: Account, kind: TransactionKind, note: str = "") -> None:
    """Move what is left of a commission to another account, as a transaction of its own."""
    source, left = Account(commission.state), commission.left_cents
    if left and source != target:
        legs = double_entry.move(commission.id, source, target, left)
        key = f"{kind}:{commission.id}:{new_id()}"
        post(key, kind, legs, commission.partner_id, commission.conversion_id, note)
    commission.state = str(target)
    db.session.flush()


def reverse(
    key: str,
    kind: str,
    commissions: Sequence[Commission],
    gross_cents: int,
    cents: int,
    conversion_id: str | None,
    note: str = "",
) -> None:
    """Reverse ``cents`` of one partner's commissions, and ``gross_cents`` of what the network owes.

    What is held or pending goes first. Once something was available, the transaction is a ``clawback``:
    the only one that may bring an available balance below zero.
    """
    chosen = take(commissions, cents)
    is_clawback = double_entry.is_clawback(chosen)
    partner_id = commissions[0].partner_id if commissions else None
    legs = double_entry.reverse(gross_cents, chosen)
    post(key, TransactionKind.CLAWBACK if is_clawback else kind, legs, partner_id, conversion_id, note)


def take(commissions: Iterable[Commission], cents: int) -> list[Share]:
    """Count ``cents`` of these commissions as reversed, and return of which; no transaction is posted."""
    by_id = {commission.id: commission for commission in commissions}
    chosen = double_entry.take_from(shares_of(by_id.values()), cents)
    for share in chosen:
        by_id[share.commission_id].reversed_cents += share.cents
    return chosen


def due(now: datetime) -> list[tuple[str, str]]:
    """Return (partner, commission) ids whose holding time is over, the partner's first in one row."""
    found = (
        select(Commission.partner_id, Commission.id)
        .where(Commission.state == Account.PENDING, Commission.matures_at <= now)
        .order_by(Commission.partner_id, Commission.matures_at)
        .limit(MATURE_AT_ONCE)
    )
    return [(partner_id, commission_id) for partner_id, commission_id in db.session.execute(found)]


def mature(partner_id: str, commission_ids: Iterable[str]) -> None:
    """Make a partner's pending commissions available, unless they were held or are not due meanwhile."""
    lock_partner(partner_id)
    found = select(Commission).where(
        Commission.id.in_(list(commission_ids)),
        Commission.state == Account.PENDING,
        Commission.matures_at <= clock.now(),
    )
    for commission in db.session.scalars(found.execution_options(populate_existing=True)):
        move(commission, Account.AVAILABLE, TransactionKind.MATURE)
