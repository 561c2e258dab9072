"""Limits that hold over workers and restarts: Flask-Limiter on the session's own connection.

An entry and the rows it allows commit together. The window moves: an entry counts until it is as
old as the window. Sums are by limit's name and key, not by the limit's text, so changing a setting
never starts a new day.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from flask import Flask
from flask_limiter import Limiter
from limits import RateLimitItemPerSecond
from limits.storage import MovingWindowSupport, Storage
from sqlalchemy import ColumnElement, Float, Index, String, delete, false, func, select, text, update
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core.db import Base, db, in_transaction, is_sqlite, transaction
from contentflow.core.errors import TooMany
from contentflow.core.maintenance import register_maintenance
from contentflow.core.writes import lock

log = logging.getLogger(__name__)

DAY = 86_400
MINUTE = 60
HOUR = 3_600
SCHEME = "contentflow"
SLACK_SECONDS = 60.0


class LimitEntry(Base):
    """What one request took of a limit, at ``taken_at`` (Unix seconds); ``is_planned``: for later."""

    __tablename__ = "limit_entries"
    __table_args__ = (Index(None, "name", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    taken_at: Mapped[float] = mapped_column("at", Float(53))
    cost: Mapped[int]
    keep_until: Mapped[float] = mapped_column(Float(53), index=True)
    is_planned: Mapped[bool] = mapped_column(default=False, server_default=false())


def database_now() -> float:
    """Unix seconds by the one clock that every machine shares: the database's."""
    if is_sqlite():
        return time.time()
    return float(db.session.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


class SessionStorage(Storage, MovingWindowSupport):
    """A ``limits`` storage whose entries are rows of the current transaction."""

    STORAGE_SCHEME = [SCHEME]  # noqa: RUF012 (limits reads it so)

    @property
    def base_exceptions(self) -> type[Exception]:
        return ArithmeticError  # Database errors pass through: the edge answers them with 503.

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        name = _name_in(key)
        lock(name)
        date_anew(LimitEntry.name == name)
        now = _steady_now(name)
        if _peak(name, now, expiry) + amount > limit:
            return False
        db.session.add(LimitEntry(name=name, taken_at=now, cost=amount, keep_until=now + expiry))
        db.session.flush()
        return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        name = _name_in(key)
        now = _steady_now(name)
        since = now - expiry
        oldest = select(func.min(LimitEntry.taken_at)).where(
            LimitEntry.name == name, LimitEntry.taken_at > since
        )
        return db.session.scalar(oldest) or now, _peak(name, now, expiry)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError("only the moving window is used: a fixed one burns what it refuses")

    def get(self, key: str) -> int:
        raise NotImplementedError("only the moving window is used")

    def get_expiry(self, key: str) -> float:
        raise NotImplementedError("only the moving window is used")

    def check(self) -> bool:
        return True

    def reset(self) -> int | None:
        raise NotImplementedError("limits are not reset")

    def clear(self, key: str) -> None:
        raise NotImplementedError("limits are not cleared")


def _name_in(key: str) -> str:
    """Cut the limit's text off a ``limits`` key: ``LIMITS:LIMITER/<name>/<amount>/<n>/<unit>``."""
    return key.split("/", 1)[1].rsplit("/", 3)[0]


def _steady_now(name: str) -> float:
    """Never before the newest entry: a clock that steps back a little must not open a limit."""
    made = LimitEntry.name == name, LimitEntry.is_planned.is_(False)
    newest = db.session.scalar(select(func.max(LimitEntry.taken_at)).where(*made))
    now = database_now()
    return min(max(now, newest or 0.0), now + SLACK_SECONDS)


def date_anew(*which: ColumnElement[bool]) -> int:
    """Date entries from later than now as of now; they count for their whole window, so nothing opens.

    A clock was ahead when they were made, by two hours or by a year: untouched, they would count until then.
    """
    now = database_now()
    ahead = [LimitEntry.taken_at > now + SLACK_SECONDS, LimitEntry.is_planned.is_(False), *which]
    if db.session.scalar(select(LimitEntry.id).where(*ahead).limit(1)) is None:
        return 0
    dated = db.session.execute(
        update(LimitEntry)
        .where(*ahead)
        .values(taken_at=now, keep_until=now + LimitEntry.keep_until - LimitEntry.taken_at)
        .execution_options(synchronize_session=False)
    )
    log.warning("a clock was ahead: limit entries from later than now count from now on")
    return int(dated.rowcount)  # type: ignore[attr-defined]


def _peak(name: str, at: float, window: float) -> int:
    """Return the most that any window which holds ``at`` has taken: what is planned for later counts too."""
    is_later = LimitEntry.taken_at > at
    cost = func.coalesce(func.sum(LimitEntry.cost).filter(~is_later), 0)
    later = func.count(LimitEntry.id).filter(is_later)
    within = LimitEntry.name == name, LimitEntry.taken_at > at - window, LimitEntry.taken_at < at + window
    used, planned = db.session.execute(select(cost, later).where(*within)).one()
    return _peak_of(_entries(name, at - window), at, window) if planned else int(used)


def _entries(name: str, since: float) -> list[tuple[float, int]]:
    """Return (moment, what was taken then), the oldest first."""
    within = LimitEntry.name == name, LimitEntry.taken_at > since
    found = select(LimitEntry.taken_at, LimitEntry.cost).where(*within).order_by(LimitEntry.taken_at)
    return [(float(taken_at), cost) for taken_at, cost in db.session.execute(found)]


def _peak_of(entries: Sequence[tuple[float, int]], at: float, window: float) -> int:
    ends = [at, *(taken_at for taken_at, _ in entries if at < taken_at < at + window)]
    # Floats of seconds since 1970 are a microsecond apart: what is as old as the window has left it.
    spans = [(end - window + 1e-5, end) for end in ends]
    return max(sum(cost for taken_at, cost in entries if since < taken_at <= end) for since, end in spans)


limiter = Limiter(
    key_func=lambda: "", storage_uri=f"{SCHEME}://", strategy="moving-window", headers_enabled=False
)


def init_app(app: Flask) -> None:
    limiter.init_app(app)
    register_maintenance(app, "web.erase_old_limits", erase_old_entries)


def take(name: str, key: str, amount: int, window_seconds: int, cost: int = 1) -> None:
    """Take ``cost`` of the ``amount`` that ``key`` has in any ``window_seconds``.

    Inside a transaction the entry commits with it; elsewhere it commits at once. Raises ``TooMany``,
    whose ``retry_after_seconds`` is when this cost will fit (86400 if never); nothing is used up then.
    """
    if not key:
        raise ValueError(f"the limit {name} has no key: that must never mean no limit")
    item = RateLimitItemPerSecond(max(amount, 0), window_seconds)
    with _joined_transaction():
        if amount < cost or not limiter.limiter.hit(item, name, key, cost=cost):
            raise TooMany(retry_after(name, key, amount, window_seconds, cost))


def plan(name: str, key: str, amount: int, window_seconds: int, at: datetime, cost: int = 1) -> None:
    """As ``take``, in the open transaction, of the windows that hold ``at``, a moment to come."""
    whole, moment = f"{name}/{key}", at.timestamp()
    lock(whole)
    if amount < cost or _peak(whole, moment, window_seconds) + cost > amount:
        raise TooMany(retry_after(name, key, amount, window_seconds, cost, at))
    kept = moment + window_seconds
    db.session.add(LimitEntry(name=whole, taken_at=moment, cost=cost, keep_until=kept, is_planned=True))
    db.session.flush()


def left(name: str, key: str, amount: int, window_seconds: int, at: datetime | None = None) -> int:
    """Return how much of the limit is free now, or at a moment to come."""
    if at is not None:
        return max(0, amount - _peak(f"{name}/{key}", at.timestamp(), window_seconds))
    item = RateLimitItemPerSecond(max(amount, 0), window_seconds)
    return max(0, limiter.limiter.get_window_stats(item, name, key).remaining)


def retry_after(
    name: str, key: str, amount: int, window_seconds: int, cost: int = 1, at: datetime | None = None
) -> int:
    """Return the seconds until ``cost`` will fit, from ``at`` on: entries leave the window oldest first."""
    if cost > amount:
        return DAY
    whole = f"{name}/{key}"
    now = _steady_now(whole)
    wanted = at.timestamp() if at is not None else now
    entries = _entries(whole, wanted - window_seconds)
    # It fits anew only where an entry has just left the window.
    for moment in [wanted, *(taken_at + window_seconds for taken_at, _ in entries)]:
        if moment >= wanted and _peak_of(entries, moment, window_seconds) + cost <= amount:
            return max(1, math.ceil(moment - now))
    return DAY


def erase_old_entries() -> None:
    """Delete the entries whose window is over, with an hour to spare for clocks that step back."""
    with transaction():
        date_anew()
        db.session.execute(delete(LimitEntry).where(LimitEntry.keep_until < database_now() - HOUR))


@contextmanager
def _joined_transaction() -> Iterator[None]:
    if in_transaction():
        yield
    else:
        with transaction():
            yield
