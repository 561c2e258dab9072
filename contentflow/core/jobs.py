"""Rows that are worked off: claimed with a lease, then completed, retried later, released or given up.

The row is the job: it carries its own state, attempts, next time and lease. A capability says once how its
rows are worked off, and each of its tasks has this shape (see also ``broker``, which names due rows):

    POSTS = Jobs(Post, "queued", "publishing", max_attempts=5, retry_seconds=lambda: (60, 300))

    def publish(post_id: str) -> None:
        with transaction():
            claim = POSTS.claim(post_id)
        if claim is None:
            return
        with POSTS.keep_lease(claim, MAX_SECONDS):
            ...  # the network, outside of any transaction
        with transaction():
            POSTS.complete(claim, state="published")  # or retry_later, release, give_up

Every outcome is written under the claim's lease, so a worker that was given up for dead cannot overwrite
its successor: each verb returns False when the claim is over.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from flask import Flask, current_app
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, bindparam, func, inspect, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import UTCDateTime, db, transaction
from contentflow.core.ids import new_id

log = logging.getLogger(__name__)

# No row waits as long for its next try: one that does was dated by a clock that was ahead.
MAX_WAIT = timedelta(days=1)
Release = Callable[[], object]


class JobMixin:
    """The columns of a row that is worked off: the claim ``lease`` holds it until ``leased_until``."""

    id: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]  # each table has an index on (state, next_attempt_at)
    leased_until: Mapped[datetime | None]
    lease: Mapped[str | None]
    reason: Mapped[str | None]


@dataclass(frozen=True)
class Claim:
    """A row that is ours until its lease runs out; ``attempts`` counts this try too."""

    row_id: str
    lease: str
    attempts: int


class Jobs(NamedTuple):
    """How the rows of one table are worked off.

    ``waiting`` and ``busy`` are the states before a claim and during it; ``failed`` is the one of a row that
    was given up. ``retry_seconds`` returns the waits after the first try, the second, …; the last one stays.
    """

    model: type[JobMixin]
    waiting: str
    busy: str
    max_attempts: int
    retry_seconds: Callable[[], Sequence[float]]
    failed: str = "failed"

    def is_due(self) -> ColumnElement[bool]:
        """The rows to take now: waiting and their time has come, or held by a lease that ran out."""
        model, now = self.model, clock.now()
        has_come = or_(model.next_attempt_at.is_(None), model.next_attempt_at <= now)
        return and_(
            model.state.in_([self.waiting, self.busy]),  # Said once more: rows that are done are not read.
            or_(
                and_(model.state == self.waiting, has_come),
                and_(model.state == self.busy, model.leased_until <= now),
            ),
        )

    def due_ids(self, *also: ColumnElement[bool], limit: int = 100) -> list[str]:
        found = select(self.model.id).where(self.is_due(), *also).order_by(self.model.next_attempt_at)
        return list(db.session.scalars(found.limit(limit)))

    def backlog(self, since: SQLColumnExpression[Any], *also: ColumnElement[bool]) -> tuple[int, float]:
        """Return how many rows are due, and for how many seconds the oldest has been.

        ``since`` is from when a row without a next time counts.
        """
        oldest = func.min(func.coalesce(self.model.next_attempt_at, since), type_=UTCDateTime())
        depth, due_at = db.session.execute(select(func.count(), oldest).where(self.is_due(), *also)).one()
        return depth, max(0.0, (clock.now() - due_at).total_seconds()) if due_at else 0.0

    def claim(self, row_id: str, *also: ColumnElement[bool]) -> Claim | None:
        """Take one row by compare-and-set; None when it is not ours to take."""
        lease = new_id()
        taken = (
            update(self.model)
            .where(self.model.id == row_id, self.is_due(), *also)
            .values(state=self.busy, lease=lease, attempts=self.model.attempts + 1, leased_until=_lease_end())
            .returning(self.model.attempts)
            .execution_options(synchronize_session=False)
        )
        attempts = db.session.scalar(taken)
        return None if attempts is None else Claim(row_id, lease, attempts)

    def take(self, row: JobMixin) -> Claim:
        """Claim a row that this transaction found due and holds; its other changes are written with it."""
        row.state, row.lease, row.leased_until = self.busy, new_id(), _lease_end()
        row.attempts += 1
        return Claim(row.id, row.lease, row.attempts)

    def write(self, claim: Claim, **values: Any) -> bool:
        """Note something on a claimed row, such as its progress; the claim goes on."""
        written = db.session.execute(
            update(self.model)
            .where(self.model.id == claim.row_id, self.model.lease == claim.lease)
            .values(**values)
            .execution_options(synchronize_session=False)
        )
        return bool(written.rowcount)  # type: ignore[attr-defined]

    def complete(self, claim: Claim, **values: Any) -> bool:
        """Write the outcome, which ends the claim."""
        return self.write(claim, lease=None, leased_until=None, **values)

    def complete_all(self, outcomes: Mapping[Claim, Mapping[str, Any]]) -> set[Claim]:
        """Write the outcomes of many claims at once; returns those claims that were not over.

        They say the same columns of each.
        """
        held = select(self.model.id, self.model.lease).where(
            self.model.id.in_([claim.row_id for claim in outcomes])
        )
        leases = {row_id: lease for row_id, lease in db.session.execute(held.with_for_update())}
        ours = {claim for claim in outcomes if leases.get(claim.row_id) == claim.lease}
        names = {name for claim in ours for name in outcomes[claim]}
        if ours:
            # Of the table: the mapper takes ten times as long over its rows.
            table = inspect(self.model).local_table
            ended: dict[str, Any] = {
                "lease": None,
                "leased_until": None,
                **{name: bindparam(name) for name in names},
            }
            written = update(table).where(table.c.id == bindparam("row_id")).values(ended)
            db.session.execute(written, [{"row_id": claim.row_id, **outcomes[claim]} for claim in ours])
        return ours

    def retry_later(self, claim: Claim, **values: Any) -> bool:
        """Let the row wait for its next try, longer after each."""
        return self.complete(claim, **self.waits(self.delay_after(claim.attempts)), **values)

    def release(self, claim: Claim, **values: Any) -> bool:
        """Undo a claim that its worker does not end: the row is due at once, and no try is counted."""
        undone = {"attempts": self.model.attempts - 1, "state": self.waiting, "next_attempt_at": None}
        return self.complete(claim, **undone, **values)

    def give_up(self, claim: Claim, reason: str, **values: Any) -> bool:
        """Fail the row for good; ``reason`` says why to whoever looks at it."""
        return self.complete(claim, state=self.failed, reason=reason, **values)

    def may_retry(self, claim: Claim) -> bool:
        return claim.attempts < self.max_attempts

    def delay_after(self, attempts: int) -> float:
        """Return how many seconds a row waits after that many tries."""
        delays = self.retry_seconds()
        return delays[min(attempts, len(delays)) - 1]

    def waits(self, seconds: float) -> dict[str, Any]:
        """Return the values of a row that is tried again in ``seconds``, for an outcome that says more."""
        return {"state": self.waiting, "next_attempt_at": clock.now() + timedelta(seconds=seconds)}

    def postpone(self, row_id: str, seconds: float) -> None:
        """Put off a due row that nobody could claim, so that it does not stand before all others."""
        later = {"lease": None, "leased_until": None, **self.waits(seconds)}
        db.session.execute(update(self.model).where(self.model.id == row_id, self.is_due()).values(later))

    @contextmanager
    def keep_lease(self, claim: Claim, max_seconds: float, release: Release | None = None) -> Iterator[None]:
        """As ``keep_leases``, of one row."""
        with self.keep_leases([claim], max_seconds, release):
            yield

    @contextmanager
    def keep_leases(
        self, claims: Sequence[Claim], max_seconds: float, release: Release | None = None
    ) -> Iterator[None]:
        """Renew the leases from beside for as long as the block runs, at most ``max_seconds``.

        A dead worker renews nothing, so its rows are taken again after LEASE_SECONDS. ``release`` is called,
        from another thread, when the process is told to stop meanwhile; without it the claim stays, as it
        must where something may have left already.
        """
        app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        is_over = threading.Event()
        until = time.monotonic() + max_seconds

        def renew() -> None:
            with app.app_context():
                pause = settings().lease_seconds / 3
                while not is_over.wait(pause) and time.monotonic() < until and self._renew(claims):
                    pass

        in_hand = claims_in_hand(app)
        if release is not None:
            in_hand.add(claims[0].lease, release)
        threading.Thread(target=renew, name=f"lease-{claims[0].row_id}", daemon=True).start()
        try:
            yield
        finally:
            is_over.set()
            in_hand.remove(claims[0].lease)

    def _renew(self, claims: Sequence[Claim]) -> bool:
        """Return False when all claims are over; a database that is away is asked again."""
        try:
            with transaction():
                return any([self.write(claim, leased_until=_lease_end()) for claim in claims])
        except SQLAlchemyError:
            log.warning("the lease of %s was not renewed", claims[0].row_id)
            return True

    def date_anew(self) -> None:
        """Sweep: date anew what a clock that was ahead wrote; else its row would wait until then.

        A lease that is alive is renewed from beside, so its new end is a whole lease from now.
        """
        model, now = self.model, clock.now()
        is_open = model.state.in_([self.waiting, self.busy])
        changes = [
            (model.next_attempt_at > now + MAX_WAIT, {"next_attempt_at": now}),
            (model.leased_until > _lease_end() + clock.SLACK, {"leased_until": _lease_end()}),
        ]
        is_ahead = or_(*(which for which, _ in changes))
        found = db.session.scalar(select(model.id).where(is_ahead, is_open).limit(1))
        db.session.rollback()
        if found is None:
            return
        with transaction():
            for which, values in changes:
                changed = update(model).where(which, is_open).values(values)
                db.session.execute(changed.execution_options(synchronize_session=False))
        log.warning("a clock was ahead: times of %s that lay too far ahead are dated anew", model.__name__)


def _lease_end() -> datetime:
    return clock.now() + timedelta(seconds=settings().lease_seconds)


class ClaimsInHand:
    """The claims that this process can release when it is told to stop."""

    def __init__(self) -> None:
        self.is_stopping = False
        self._releases: dict[str, Release] = {}

    def add(self, lease: str, release: Release) -> None:
        """Remember how a claim is released; when the process stops already, that is done at once."""
        self._releases[lease] = release
        if self.is_stopping:
            release()

    def remove(self, lease: str) -> None:
        self._releases.pop(lease, None)

    def stop(self) -> list[Release]:
        """Let no task begin from now on; return what releases the claims that are in hand."""
        self.is_stopping = True
        return list(self._releases.values())


def init_jobs(app: Flask) -> None:
    app.extensions["claims_in_hand"] = ClaimsInHand()


def claims_in_hand(app: Flask | None = None) -> ClaimsInHand:
    found = (app or current_app).extensions["claims_in_hand"]
    assert isinstance(found, ClaimsInHand)
    return found
