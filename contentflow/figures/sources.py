"""Where the programme's numbers come from: a statement a measure, cut by one thing, over French days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Select, String, and_, cast, func, literal, or_, select, union_all

from contentflow.byop.models import Submission
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import Base, db, is_sqlite
from contentflow.figures.models import CLICKS, By
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction
from contentflow.links.models import Link, LinkDay
from contentflow.mailing.models import Delivery
from contentflow.sharekit.models import ShareLog

Span = tuple[date, date]  # first and last day
HOUR: Final = len("2026-11-28 13")


class FigureSource(NamedTuple):
    """``time`` is a day or a moment of the rows of ``model``; ``keys`` are what they are cut by.

    A join that a cut needs leads over a row's post, link or conversion.
    """

    model: type[Base]
    time: Any
    is_day: bool
    amount: ColumnElement[Any]
    which: tuple[ColumnElement[bool], ...]
    keys: dict[By, Any]
    joins: dict[By, tuple[tuple[Any, ColumnElement[bool]], ...]]
    split: Any = None


def count(by: By, spans: Sequence[Span]) -> dict[str, dict[str, int]]:
    """Return what the rows of these days say: by key, the columns of ``FigureSum`` that are not zero."""
    parts: list[Any] = [_part(by, measure, spans) for measure in SOURCES]
    found: dict[str, dict[str, int]] = {}
    for measure, cut_by, split, amount in db.session.execute(union_all(*parts)):
        line = found.setdefault(_key(by, cut_by), {})
        column = f"{CLICKS}{split}" if measure == "clicks" else measure
        line[column] = line.get(column, 0) + int(amount or 0)
    lines = {key: {name: amount for name, amount in line.items() if amount} for key, line in found.items()}
    return {key: line for key, line in lines.items() if line}


def _part(by: By, measure: str, spans: Sequence[Span]) -> Select[Any]:
    source = SOURCES[measure]
    key = _day(source) if by == "day" else source.keys[by]
    split = literal("") if source.split is None else source.split
    cut_by, cut_split = cast(key, String).label("cut_by"), cast(split, String).label("cut_split")
    found = select(literal(measure).label("measure"), cut_by, cut_split, source.amount)
    found = found.select_from(source.model)
    for joined, on in source.joins.get(by, ()):
        found = found.outerjoin(joined, on)
    times = or_(*(_within(source, first, last) for first, last in spans))
    return found.where(times, *source.which).group_by("cut_by", "cut_split")


def _within(source: FigureSource, first: date, last: date) -> ColumnElement[bool]:
    if source.is_day:
        return and_(source.time >= first, source.time <= last)
    return and_(source.time >= clock.start_of(first), source.time < clock.start_of(last + timedelta(days=1)))


def _day(source: FigureSource) -> Any:
    """France is ahead by whole hours: SQLite, which knows no zones, cuts into hours."""
    if source.is_day:
        return source.time
    if is_sqlite():
        return func.substr(source.time, 1, HOUR, type_=String)
    return func.to_char(func.timezone("Europe/Paris", source.time), "YYYY-MM-DD", type_=String)


def _key(by: By, key: str | None) -> str:
    return day_of(key).isoformat() if by == "day" and key and len(key) == HOUR else key or ""


def day_of(hour: str) -> date:
    """Return the French day of an hour in UTC, as in ``2026-11-28 13``."""
    return clock.day_of(datetime.strptime(hour, "%Y-%m-%d %H").replace(tzinfo=UTC))


_LEG = (LedgerEntry, LedgerEntry.transaction_id == LedgerTransaction.id)
_OF_COMMISSION = (Commission, Commission.id == LedgerEntry.commission_id)
_SOLD = (Conversion, Conversion.id == Commission.conversion_id)
_OF_DAY = (Link, Link.id == LinkDay.link_id)
_OVER_LINK = (Link, Link.id == Conversion.link_id)
SOURCES: Final[Mapping[str, FigureSource]] = {
    "presses": FigureSource(
        ShareLog, ShareLog.created_at, False, func.count(), (),
        {
            "offer": Submission.offer_id, "partner": ShareLog.partner_id, "channel": ShareLog.channel,
            "variant": ShareLog.variant,
        },
        {"offer": ((Submission, Submission.id == ShareLog.submission_id),)},
    ),
    "clicks": FigureSource(
        LinkDay, LinkDay.day, True, func.sum(LinkDay.clicks), (),
        {
            "offer": Link.offer_id, "partner": Link.partner_id, "channel": Link.channel,
            "variant": Link.variant,
        },
        {"offer": (_OF_DAY,), "partner": (_OF_DAY,), "channel": (_OF_DAY,), "variant": (_OF_DAY,)},
        LinkDay.verdict,
    ),
    "conversions": FigureSource(
        Conversion, Conversion.recorded_at, False, func.count(), (Conversion.type != "refund",),
        {
            "offer": Submission.offer_id, "partner": Conversion.partner_id,
            "channel": Conversion.channel, "variant": Link.variant,
        },
        {
            "offer": ((Submission, Submission.id == Conversion.submission_id),),
            "variant": (_OVER_LINK,),
        },
    ),
    "earned_cents": FigureSource(
        Commission, Commission.day, True, func.sum(Commission.cents - Commission.reversed_cents), (),
        {
            "offer": Commission.offer_id, "partner": Commission.partner_id,
            "channel": Commission.channel, "variant": Link.variant,
        },
        {"variant": (_SOLD, _OVER_LINK)},
    ),
    "paid_cents": FigureSource(
        LedgerTransaction, LedgerTransaction.posted_at, False, func.sum(LedgerEntry.amount_cents),
        (LedgerEntry.account == Account.PAID,),
        {
            "offer": Commission.offer_id, "partner": LedgerEntry.partner_id,
            "channel": Commission.channel, "variant": Link.variant,
        },
        {
            "day": (_LEG,), "partner": (_LEG,), "offer": (_LEG, _OF_COMMISSION),
            "channel": (_LEG, _OF_COMMISSION), "variant": (_LEG, _OF_COMMISSION, _SOLD, _OVER_LINK),
        },
    ),
    "mails": FigureSource(
        Delivery, Delivery.created_at, False, func.count(),
        (Delivery.kind == "share", Delivery.state.in_(("sent", "captured"))),
        {
            "offer": Submission.offer_id, "partner": Delivery.partner_id, "channel": literal("email"),
            "variant": Delivery.variant,
        },
        {"offer": ((Submission, Submission.id == Delivery.submission_id),)},
    ),
}  # fmt: skip
