"""Read the figures of a period, and count anew the days in which something changed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any, Final

from sqlalchemy import delete, func, insert, literal, select, union_all

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.figures import sources
from contentflow.figures.models import CUTS, By, FigureChange, FigureSum
from contentflow.figures.sources import HOUR, Span

DAY: Final = timedelta(days=1)
# A sweep ends after this; the next one goes on.
PASS_SECONDS: Final = 1.0
KEY_COLUMNS: Final = ("cut", "span", "day", "key")
COLUMNS: Final = [one for one in FigureSum.__table__.columns if one.key not in KEY_COLUMNS]
Figures = dict[str, dict[str, int]]


def sums(by: By, first: date, last: date) -> Figures:
    """Return by key the columns of ``FigureSum`` that are not zero; the key of a day is its date.

    A day that is not over, or in which something changed that is not summed up yet, is counted here.
    """
    days, months = _changed(first, last)
    days |= set(_days(max(first, clock.today()), last))
    kept: list[tuple[str, date, date]] = []
    if by != "day":
        whole = [one for one in _months(first, last) if one not in months and not days & set(_of_month(one))]
        kept = [("month", month, month) for month in whole]
        days_of_months = {day for month in whole for day in _of_month(month)}
    else:
        days_of_months = set()
    single = [day for day in _days(first, last) if day not in days and day not in days_of_months]
    kept += [("day", *span) for span in _spans(single)]
    found: Figures = sources.count(by, _spans(sorted(days))) if days else {}
    for key, amounts in _kept(by, kept):
        line = found.setdefault(key, {})
        for name, amount in amounts.items():
            line[name] = line.get(name, 0) + amount
    return found


def kept_sums(first: date, last: date) -> dict[str, int]:
    """Return the columns of ``FigureSum`` that are not zero, over days that are over, by one statement.

    What changed a moment ago may not be in it: the worker sums it up anew.
    """
    found: dict[str, int] = {}
    for _day, amounts in _kept("day", [("day", first, last)]):
        for name, amount in amounts.items():
            found[name] = found.get(name, 0) + amount
    return found


def _kept(by: By, spans: Sequence[tuple[str, date, date]]) -> Iterator[tuple[str, dict[str, int]]]:
    # Each row has a channel: what is of a day is what is of its channels.
    cut, key = ("channel", FigureSum.day) if by == "day" else (by, FigureSum.key)
    parts: list[Any] = [
        select(key.label("cut_by"), *(func.sum(column) for column in COLUMNS))
        .where(FigureSum.cut == cut, FigureSum.span == span, FigureSum.day.between(first, last))
        .group_by("cut_by")
        for span, first, last in spans
    ]
    for row in db.session.execute(union_all(*parts)) if parts else ():
        named = zip(COLUMNS, row[1:], strict=True)
        yield str(row[0]), {column.key: int(amount) for column, amount in named if amount}


def _changed(first: date, last: date) -> tuple[set[date], set[date]]:
    """Return the days and the months of this period that are not summed up as they are now."""
    # Hours of UTC: the French day begins in the one before.
    noted = select(FigureChange.hour).distinct()
    noted = noted.where(FigureChange.hour >= f"{first - DAY:%Y-%m}", FigureChange.hour < f"{last + DAY}")
    days, months = set(), set()
    for hour in db.session.scalars(noted):
        if len(hour) == HOUR:
            days.add(sources.day_of(hour))
        else:
            months.add(date.fromisoformat(f"{hour}-01"))
    return {day for day in days if first <= day <= last}, months


def sum_up() -> int:
    """Sweep: count anew the days that are over and changed, then their months; return how many."""
    until, done = time.monotonic() + PASS_SECONDS, 0
    while time.monotonic() < until and (stale := _oldest()):
        span, day = stale
        with transaction():
            _sum_up_day(day) if span == "day" else _sum_up_month(day)
        done += 1
    db.session.rollback()
    return done


def _oldest() -> tuple[str, date] | None:
    """Return the first day that is over and to be counted anew; none: such a month."""
    today = clock.today()
    hour = func.length(FigureChange.hour) == HOUR
    first = select(func.min(FigureChange.hour))
    noted = db.session.scalar(first.where(hour, FigureChange.hour < f"{today}"))
    if noted is not None and (day := sources.day_of(noted)) < today:
        return "day", day
    month = db.session.scalar(first.where(~hour, FigureChange.hour < f"{today:%Y-%m}"))
    return None if month is None else ("month", date.fromisoformat(f"{month}-01"))


def _sum_up_day(day: date) -> None:
    """Take the notes of a day away, and count it anew.

    The notes go first: whoever does the same waits here for the end of this transaction, and what is
    written to the day after its rows were read comes with a note of its own.
    """
    start, end = clock.start_of(day), clock.start_of(day + DAY)
    hours = [
        f"{start + timedelta(hours=n):%Y-%m-%d %H}" for n in range(int((end - start).total_seconds()) // 3600)
    ]
    if not _take(hours):
        return
    db.session.execute(
        delete(FigureSum).where(FigureSum.cut.in_(CUTS), FigureSum.span == "day", FigureSum.day == day)
    )
    nothing = {column.key: 0 for column in COLUMNS}
    rows = [
        {**nothing, **amounts, "cut": cut, "span": "day", "day": day, "key": key}
        for cut in CUTS
        for key, amounts in sources.count(cut, [(day, day)]).items()
    ]
    if rows:
        db.session.execute(insert(FigureSum), rows)
    db.session.add(FigureChange(hour=f"{day:%Y-%m}"))


def _sum_up_month(month: date) -> None:
    if not _take([f"{month:%Y-%m}"]):
        return
    *_, last = _of_month(month)
    of_cuts = FigureSum.cut.in_(CUTS)
    db.session.execute(delete(FigureSum).where(of_cuts, FigureSum.span == "month", FigureSum.day == month))
    of_days = (
        select(FigureSum.cut, literal("month"), literal(month), FigureSum.key, *map(func.sum, COLUMNS))
        .where(of_cuts, FigureSum.span == "day", FigureSum.day.between(month, last))
        .group_by(FigureSum.cut, FigureSum.key)
    )
    names = [*KEY_COLUMNS, *(column.key for column in COLUMNS)]
    db.session.execute(insert(FigureSum).from_select(names, of_days, include_defaults=False))


def _take(hours: Sequence[str]) -> bool:
    """Take notes away; return whether there were any."""
    gone: Any = db.session.execute(delete(FigureChange).where(FigureChange.hour.in_(hours)))
    return bool(gone.rowcount)


def _days(first: date, last: date) -> list[date]:
    return [first + DAY * number for number in range((last - first).days + 1)]


def _of_month(month: date) -> list[date]:
    after = (month + timedelta(days=31)).replace(day=1)
    return _days(month, after - DAY)


def _months(first: date, last: date) -> list[date]:
    """Return the months, by their first days, that lie whole in the period."""
    firsts = [day for day in _days(first, last) if day.day == 1]
    return [month for month in firsts if _of_month(month)[-1] <= last]


def _spans(days: Sequence[date]) -> list[Span]:
    """Return sorted days as (first, last) of those that follow one another."""
    if not days:
        return []
    gaps = [(before, after) for before, after in pairwise(days) if after - before > DAY]
    starts, ends = [days[0], *(after for _, after in gaps)], [*(before for before, _ in gaps), days[-1]]
    return list(zip(starts, ends, strict=True))
