"""A month's statement: what was not paid yet before, each entry, and what is not paid yet after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask_babel import gettext as _
from sqlalchemy import func, select

from contentflow.core import clock
from contentflow.core.csv_lines import Dialect
from contentflow.core.db import db
from contentflow.earnings.entries import UNPAID, Entry, read_entries
from contentflow.earnings.models import LedgerEntry, Posting
from contentflow.earnings.refusals import WrongMonth
from contentflow.earnings.words import account_words
from contentflow.sharekit.sentences import channel_name

MOST_RECENT = 20
COLUMNS = (
    *("at", "kind", "transaction", "channel", "advertiser", "note", "amount_eur", "posting_id"),
    *("network", "offer", "post", "submission_id", "share_pct", "commission_eur"),
    *("pending_eur", "held_eur", "available_eur"),
)


@dataclass(frozen=True)
class Statement:
    """``opening`` and ``closing`` are cents by account, of what was earned and is not paid yet."""

    month: str
    opening: Mapping[str, int]
    entries: list[Entry]
    closing: Mapping[str, int]

    @property
    def opening_cents(self) -> int:
        return sum(self.opening.values())

    @property
    def closing_cents(self) -> int:
        return sum(self.closing.values())

    @property
    def is_over(self) -> bool:
        return self.month < this_month()


def this_month() -> str:
    return f"{clock.in_france(clock.now()):%Y-%m}"


def statement(partner_id: str, month: str) -> Statement:
    """Return the statement of a month in France; raises ``WrongMonth``."""
    start, end = _bounds(month)
    entries = [entry for entry in read_entries(partner_id, start, end) if entry.cents]
    return Statement(month, _unpaid_before(partner_id, start), entries, _unpaid_before(partner_id, end))


def recent_entries(partner_id: str) -> list[Entry]:
    """Return the last entries, the newest first, moves between accounts too."""
    return read_entries(partner_id, None, datetime(9999, 1, 1, tzinfo=UTC), MOST_RECENT)


def months_of(partner_id: str) -> list[str]:
    """Return the months that have a statement, the newest first, this one always."""
    oldest = db.session.scalar(select(func.min(Posting.at)).where(Posting.partner_id == partner_id))
    now = clock.in_france(clock.now())
    start = clock.in_france(oldest) if oldest else now
    first, last = start.year * 12 + start.month - 1, now.year * 12 + now.month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last, first - 1, -1)]


def csv_of_statement(found: Statement, dialect: Dialect) -> Iterator[str]:
    """Yield the statement's lines: words and marks of a language for people, plain names for machines."""
    yield dialect.start + dialect.line(_titles() if dialect.is_for_people else COLUMNS)
    yield _balance("opening", found.opening, dialect)
    for entry in found.entries:
        yield _line(entry, dialect)
    yield _balance("closing", found.closing, dialect)


def _titles() -> tuple[str, ...]:
    return (
        *(_("Date"), _("Écriture"), _("Transaction"), _("Réseau"), _("Annonceur"), _("Motif")),
        *(
            _("Montant (EUR)"),
            _("Numéro d’écriture"),
            _("Plateforme"),
            _("Offre"),
            _("Post"),
            _("Numéro du post"),
            _("Part en %"),
        ),
        _("Commission (EUR)"),
        *(f"{account_words(account).capitalize()} (EUR)" for account in UNPAID),
    )


def _line(entry: Entry, dialect: Dialect) -> str:
    is_for_people = dialect.is_for_people
    is_shared = entry.commission_cents is not None
    return dialect.line(
        (
            dialect.moment(entry.at),
            entry.words if is_for_people else entry.kind,
            entry.transaction,
            channel_name(entry.channel) if is_for_people and entry.channel else entry.channel,
            entry.advertiser,
            entry.shown_note,
            dialect.cents(entry.cents),
            entry.posting_id,
            entry.network,
            entry.offer,
            entry.post,
            entry.submission_id,
            dialect.percent(entry.share_bp) if is_shared else "",
            dialect.cents(entry.commission_cents),
            *("", "", ""),
        )
    )


def _balance(kind: str, accounts: Mapping[str, int], dialect: Dialect) -> str:
    words = {"opening": _("Pas encore versé, au début"), "closing": _("Pas encore versé, à la fin")}
    told = words[kind] if dialect.is_for_people else kind
    total, parts = sum(accounts.values()), [dialect.cents(accounts[account]) for account in UNPAID]
    return dialect.line(("", told, "", "", "", "", dialect.cents(total), *("",) * 7, *parts))


def _bounds(month: str) -> tuple[datetime, datetime]:
    found = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if found is None:
        raise WrongMonth
    year, number = int(found[1]), int(found[2])
    return clock.start_of_month(year, number), clock.start_of_month(year + number // 12, number % 12 + 1)


def _unpaid_before(partner_id: str, moment: datetime) -> dict[str, int]:
    """Return the cents of each account as it stood then."""
    sums = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .join(Posting, Posting.id == LedgerEntry.posting_id)
        .where(LedgerEntry.partner_id == partner_id, LedgerEntry.account.in_(UNPAID))
        .where(Posting.partner_id == partner_id, Posting.at < moment)
        .group_by(LedgerEntry.account)
    )
    found = {account: int(cents) for account, cents in db.session.execute(sums)}
    return {str(account): found.get(account, 0) for account in UNPAID}
