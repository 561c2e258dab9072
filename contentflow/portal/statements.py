"""A month's statement: what was not paid yet before, each entry, and what is not paid yet after."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from contentflow.core import clock
from contentflow.core.csv_lines import Dialect
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.ledger.double_entry import UNPAID
from contentflow.ledger.models import LedgerEntry, LedgerTransaction
from contentflow.ledger.words import account_words
from contentflow.links.sentences import channel_name
from contentflow.portal.statement_lines import StatementLine, read_lines

MAX_RECENT = 20  # A look at the last weeks; the statements hold all.
COLUMNS = (
    *("at", "kind", "transaction", "channel", "advertiser", "note", "amount_eur", "posting_id"),
    *("network", "offer", "post", "submission_id", "share_pct", "commission_eur"),
    *("pending_eur", "held_eur", "available_eur"),
)
TITLES = (
    *(_l("Date"), _l("Écriture"), _l("Transaction"), _l("Réseau"), _l("Annonceur"), _l("Motif")),
    *(
        _l("Montant (EUR)"),
        _l("Numéro d’écriture"),
        _l("Plateforme"),
        _l("Offre"),
        _l("Post"),
        _l("Numéro du post"),
        _l("Part en %"),
    ),
    _l("Commission (EUR)"),
)


class WrongMonth(Refused):
    message = _l("Un mois s’écrit AAAA-MM, par exemple 2026-11.")


class Statement(NamedTuple):
    """``opening`` and ``closing`` are cents by account, of what was earned and is not paid yet."""

    month: str
    opening: Mapping[str, int]
    lines: list[StatementLine]
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
    known = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if known is None:
        raise WrongMonth
    year, number = int(known[1]), int(known[2])
    start = clock.start_of_month(year, number)
    end = clock.start_of_month(year + number // 12, number % 12 + 1)
    lines = [line for line in read_lines(partner_id, start, end) if line.cents]
    return Statement(month, _unpaid_before(partner_id, start), lines, _unpaid_before(partner_id, end))


def recent_lines(partner_id: str) -> list[StatementLine]:
    """Return the last entries, the newest first, moves between accounts too."""
    return read_lines(partner_id, None, datetime(9999, 1, 1, tzinfo=UTC), MAX_RECENT)


def months_of(partner_id: str) -> list[str]:
    """Return the months that have a statement, the newest first, this one always."""
    own = LedgerTransaction.partner_id == partner_id
    oldest = db.session.scalar(select(func.min(LedgerTransaction.posted_at)).where(own))
    now = clock.in_france(clock.now())
    start = clock.in_france(oldest) if oldest else now
    first, last = start.year * 12 + start.month - 1, now.year * 12 + now.month - 1
    return [f"{month // 12}-{month % 12 + 1:02d}" for month in range(last, first - 1, -1)]


def csv_of_statement(found: Statement, dialect: Dialect) -> Iterator[str]:
    """Yield the statement's lines: words and marks of a language for people, plain names for machines."""
    accounts = (f"{account_words(account).capitalize()} (EUR)" for account in UNPAID)
    titles = (*map(str, TITLES), *accounts)
    yield dialect.start + dialect.line(titles if dialect.is_for_people else COLUMNS)
    yield _balance("opening", found.opening, dialect)
    for line in found.lines:
        is_for_people = dialect.is_for_people
        is_shared = line.commission_cents is not None
        yield dialect.line(
            (
                dialect.moment(line.posted_at),
                line.words if is_for_people else line.kind,
                line.sale,
                channel_name(line.channel) if is_for_people and line.channel else line.channel,
                line.advertiser,
                line.shown_note,
                dialect.cents(line.cents),
                line.transaction_id,
                line.network,
                line.offer,
                line.post,
                line.submission_id,
                dialect.percent(line.share_bp) if is_shared else "",
                dialect.cents(line.commission_cents),
                *("", "", ""),
            )
        )
    yield _balance("closing", found.closing, dialect)


def _balance(kind: str, accounts: Mapping[str, int], dialect: Dialect) -> str:
    words = {"opening": _("Pas encore versé, au début"), "closing": _("Pas encore versé, à la fin")}
    told = words[kind] if dialect.is_for_people else kind
    total, parts = sum(accounts.values()), [dialect.cents(accounts[account]) for account in UNPAID]
    return dialect.line(("", told, "", "", "", "", dialect.cents(total), *("",) * 7, *parts))


def _unpaid_before(partner_id: str, moment: datetime) -> dict[str, int]:
    """Return the cents of each account as it stood then."""
    sums = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerEntry.partner_id == partner_id, LedgerEntry.account.in_(UNPAID))
        .where(LedgerTransaction.partner_id == partner_id, LedgerTransaction.posted_at < moment)
        .group_by(LedgerEntry.account)
    )
    found = {account: int(cents) for account, cents in db.session.execute(sums)}
    return {str(account): found.get(account, 0) for account in UNPAID}
