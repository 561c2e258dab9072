"""A month's statement: what was owed before, each entry, what is owed after."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import func, select

from contentflow.core import clock
from contentflow.core.csv_lines import BOM, csv_line, decimal_cents
from contentflow.core.db import db
from contentflow.earnings.models import Conversion, Credit, LedgerEntry, Posting
from contentflow.earnings.postings import Account
from contentflow.earnings.refusals import WrongMonth
from contentflow.earnings.words import MENTIONS, kind_words
from contentflow.sharekit.sentences import channel_name

OWED = (Account.PENDING, Account.HELD, Account.AVAILABLE)
MOST_RECENT = 20


@dataclass(frozen=True)
class Entry:
    """``cents`` is what the event added to what is owed; 0 where it only moved it."""

    posting_id: str
    at: datetime
    kind: str
    cents: int
    transaction: str
    channel: str
    advertiser: str
    note: str

    @property
    def words(self) -> str:
        return kind_words(self.kind)

    @property
    def about(self) -> str:
        channel = channel_name(self.channel) if self.channel else ""
        return " · ".join(
            part for part in (self.advertiser, channel, self.transaction, self.shown_note) if part
        )

    @property
    def shown_note(self) -> str:
        return self.note if self.kind == "clawback" else ""


@dataclass(frozen=True)
class Statement:
    month: str
    opening_cents: int
    entries: list[Entry]
    closing_cents: int

    @property
    def is_over(self) -> bool:
        return self.month < this_month()


def this_month() -> str:
    return f"{clock.in_france(clock.now()):%Y-%m}"


def statement(partner_id: str, month: str) -> Statement:
    """Return the statement of a month in France; raises ``WrongMonth``."""
    start, end = _bounds(month)
    opening = _owed_before(partner_id, start)
    entries = [entry for entry in _entries(partner_id, start, end) if entry.cents]
    return Statement(month, opening, entries, opening + sum(entry.cents for entry in entries))


def recent_entries(partner_id: str) -> list[Entry]:
    """Return the last entries, the newest first, moves between accounts too."""
    far = datetime(9999, 1, 1, tzinfo=UTC)
    return _entries(partner_id, None, far, MOST_RECENT)


def months_of(partner_id: str) -> list[str]:
    """Return the months that have a statement, the newest first, this one always."""
    oldest = db.session.scalar(select(func.min(Posting.at)).where(Posting.partner_id == partner_id))
    now = clock.in_france(clock.now())
    start = clock.in_france(oldest) if oldest else now
    first, last = start.year * 12 + start.month - 1, now.year * 12 + now.month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last, first - 1, -1)]


def csv_of_statement(found: Statement) -> Iterator[str]:
    yield BOM + csv_line(
        ("at", "kind", "transaction", "channel", "advertiser", "note", "amount_eur", "posting_id")
    )
    yield csv_line(("", "opening", "", "", "", "", decimal_cents(found.opening_cents), ""))
    for entry in found.entries:
        yield csv_line(
            (
                clock.iso(entry.at),
                entry.kind,
                entry.transaction,
                entry.channel,
                entry.advertiser,
                entry.shown_note,
                decimal_cents(entry.cents),
                entry.posting_id,
            )
        )
    yield csv_line(("", "closing", "", "", "", "", decimal_cents(found.closing_cents), ""))
    for mention in MENTIONS:
        yield csv_line(("", "mention", "", "", "", str(mention), "", ""))


def _bounds(month: str) -> tuple[datetime, datetime]:
    found = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if found is None:
        raise WrongMonth
    year, number = int(found[1]), int(found[2])
    return clock.start_of_month(year, number), clock.start_of_month(year + number // 12, number % 12 + 1)


def _owed_before(partner_id: str, start: datetime) -> int:
    total = (
        select(func.sum(LedgerEntry.amount_cents))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.partner_id == partner_id, LedgerEntry.account.in_(OWED))
        .where(Posting.partner_id == partner_id, Posting.at < start)
    )
    return int(db.session.scalar(total) or 0)


def _entries(partner_id: str, start: datetime | None, end: datetime, limit: int | None = None) -> list[Entry]:
    cents = func.coalesce(func.sum(LedgerEntry.amount_cents), 0)
    own = LedgerEntry.account.in_(OWED) & (LedgerEntry.partner_id == partner_id)
    found = (
        select(Posting, cents, func.max(LedgerEntry.credit_id))
        .outerjoin(LedgerEntry, (LedgerEntry.posting_id == Posting.id) & own)
        .where(Posting.partner_id == partner_id, Posting.at < end)
        .group_by(Posting.id)
        .order_by(Posting.at.desc() if limit else Posting.at, Posting.id)
        .limit(limit)
    )
    if start is not None:
        found = found.where(Posting.at >= start)
    rows = list(db.session.execute(found))
    credits = _by_id(Credit, [credit_id for _, _, credit_id in rows if credit_id])
    conversions = _by_id(
        Conversion, [posting.conversion_id for posting, _, _ in rows if posting.conversion_id]
    )
    return [
        _entry(posting, int(total), credits.get(credit_id), conversions.get(posting.conversion_id))
        for posting, total, credit_id in rows
    ]


Row = TypeVar("Row", Credit, Conversion)


def _by_id(model: type[Row], ids: list[str]) -> dict[str | None, Row]:
    found: dict[str | None, Row] = {}
    for start in range(0, len(ids), 500):
        for row in db.session.scalars(select(model).where(model.id.in_(ids[start : start + 500]))):
            found[row.id] = row
    return found


def _entry(posting: Posting, cents: int, credit: Credit | None, conversion: Conversion | None) -> Entry:
    return Entry(
        posting_id=posting.id,
        at=posting.at,
        kind=posting.kind,
        cents=cents,
        transaction=conversion.transaction if conversion else "",
        channel=credit.channel if credit else "",
        advertiser=credit.advertiser if credit else "",
        note=posting.note,
    )
