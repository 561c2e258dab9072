"""Our books beside a network's statement, once it was applied or looked at: its period, sums, differences."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, select

from contentflow.conversions import comparison
from contentflow.conversions.comparison import Compared, Key, Side, Sum
from contentflow.conversions.models import Conversion
from contentflow.conversions.statement_import import Opened
from contentflow.conversions.statement_table import REFUSED
from contentflow.conversions.statement_verdicts import StatementVerdict
from contentflow.core.db import db

ASKED_AT_ONCE = 1_000

Period = tuple[datetime, datetime]


def period_of(opened: Opened, month: datetime | None) -> Period | None:
    """Return the first moment of a statement's period, and the first after it, in the network's zone.

    The period is ``month``, else from the first to the last of the file's days; None where no row has a date.
    """
    zone = ZoneInfo(opened.zone)
    if month is not None:
        first, last = month.replace(day=1), month.replace(day=28) + timedelta(days=4)
        return first.replace(tzinfo=zone), last.replace(day=1, tzinfo=zone)
    moments = [line.report.at.astimezone(zone) for line in opened.lines if line.report and line.has_date]
    if not moments:
        return None
    first, last = min(moments), max(moments) + timedelta(days=1)
    return _midnight(first), _midnight(last)


def compare(opened: Opened, judged: Sequence[StatementVerdict], period: Period | None) -> list[Compared]:
    """Return ours beside theirs, a line a transaction: also those of the period that the file does not have.

    Rows that were refused are left out: what they say is not known.
    """
    theirs = {(one.transaction, one.type): one.theirs for one in judged if one.theirs}
    unread = {one.transaction for one in judged if one.verdict == REFUSED and not one.theirs}
    ours = dict(_ours(opened.network_id, theirs.keys(), period))
    db.session.rollback()
    return comparison.compare({key: word for key, word in ours.items() if key[0] not in unread}, theirs)


def sums_of(judged: Iterable[StatementVerdict]) -> list[Sum]:
    """Return what stood in our books of the statement's transactions, what stands, and what it says."""
    return comparison.sums((one.type, one.before, one.after, one.theirs) for one in judged if one.theirs)


def _midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _ours(network_id: str, keys: Collection[Key], period: Period | None) -> Iterator[tuple[Key, Side]]:
    names = sorted({name for name, _kind in keys})
    wheres: list[ColumnElement[bool]] = [
        Conversion.transaction.in_(names[start : start + ASKED_AT_ONCE])
        for start in range(0, len(names), ASKED_AT_ONCE)
    ]
    if period:
        wheres.append((Conversion.occurred_at >= period[0]) & (Conversion.occurred_at < period[1]))
    own = select(
        Conversion.transaction,
        Conversion.type,
        Conversion.amount_cents,
        Conversion.currency,
        Conversion.state,
    ).where(Conversion.network_id == network_id)
    for where in wheres:
        for name, kind, cents, currency, state in db.session.execute(own.where(where)):
            yield (name, kind), Side(cents, currency, state)
