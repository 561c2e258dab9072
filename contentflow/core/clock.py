"""The one clock: aware UTC times."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from babel.dates import get_timezone

# Statements and the years of contracts follow the French calendar, as every shown time does.
FRANCE: Final[Any] = get_timezone("Europe/Paris")


_told: ContextVar[datetime | None] = ContextVar("told", default=None)


# Clocks of several machines differ by less; what lies further ahead was written before a clock was set back.
SLACK: Final = timedelta(minutes=1)


def now() -> datetime:
    return _told.get() or datetime.now(UTC)


@contextmanager
def telling(moment: datetime) -> Iterator[None]:
    """Let it be ``moment`` inside: for the demo, which tells what happened last month."""
    token = _told.set(moment)
    try:
        yield
    finally:
        _told.reset(token)


def iso(moment: datetime | None) -> str | None:
    """Return ``2026-11-24T08:00:00Z``, the form of every exported time."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def today() -> date:
    """Return the day in France."""
    return day_of(now())


def day_of(moment: datetime) -> date:
    """Return the day in France at a moment: the only kind of day that is counted, shown or paid by."""
    return in_france(moment).date()


def start_of(day: date) -> datetime:
    """Return the first moment of a day in France, in UTC."""
    start = datetime(day.year, day.month, day.day)
    local: datetime = FRANCE.localize(start) if hasattr(FRANCE, "localize") else start.replace(tzinfo=FRANCE)
    return local.astimezone(UTC)


def in_france(moment: datetime) -> datetime:
    return moment.astimezone(FRANCE)


def start_of_month(year: int, month: int) -> datetime:
    """Return the first moment of a month in France, in UTC."""
    return start_of(date(year, month, 1))
