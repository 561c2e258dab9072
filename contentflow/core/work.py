"""Rows that are worked off: claim with a lease, retry with back-off, give up with a reason.

The row is the job: it carries its own state, attempts, next time and lease. After the commit a bell
is rung (Huey) so that the worker looks at once; the sweep rings again for whatever was missed, so a
lost bell, worker or Redis loses nothing.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from flask import Flask, current_app
from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.config import settings
from contentflow.core import clock, lanes
from contentflow.core.db import after_commit, db
from contentflow.core.ids import new_id
from contentflow.tongue import says

if TYPE_CHECKING:
    from huey import Huey
    from huey.api import TaskWrapper

log = logging.getLogger(__name__)

Lane = Literal["mail", "fetch", "video"]
LANES: tuple[Lane, ...] = ("mail", "fetch", "video")
AWAY_SECONDS = 5.0
Step = Callable[[str], object]
GiveBack = Callable[[], object]


class Workable:
    """The columns of a row that is worked off.

    ``lease`` names the claim that holds the row until ``leased_until``; every outcome is written
    under that name, so a worker that was given up for dead cannot overwrite its successor.
    """

    id: Mapped[str]
    state: Mapped[str] = mapped_column(index=True)
    attempts: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime | None]  # each table has an index on (state, next_attempt_at)
    leased_until: Mapped[datetime | None]
    lease: Mapped[str | None]


def due(model: type[Workable], waiting: Sequence[str], busy: Sequence[str]) -> ColumnElement[bool]:
    """The rows to take now: waiting and their time has come, or held by a lease that ran out."""
    now = clock.now()
    return and_(
        model.state.in_([*waiting, *busy]),  # Said once more, so that the rows that are done are not read.
        or_(
            and_(
                model.state.in_(waiting), or_(model.next_attempt_at.is_(None), model.next_attempt_at <= now)
            ),
            and_(model.state.in_(busy), model.leased_until <= now),
        ),
    )


def claim(
    model: type[Workable], row_id: str, waiting: Sequence[str], busy: str, *also: ColumnElement[bool]
) -> str | None:
    """Take one row by compare-and-set; return the lease's name, or None when it is not ours to take.

    The row's state becomes ``busy`` and its attempts go up by one.
    """
    lease = new_id()
    taken = db.session.execute(
        update(model)
        .where(model.id == row_id, due(model, waiting, [busy]), *also)
        .values(
            state=busy,
            lease=lease,
            attempts=model.attempts + 1,
            leased_until=clock.now() + timedelta(seconds=settings().lease_seconds),
        )
        .execution_options(synchronize_session=False)
    )
    return lease if taken.rowcount else None  # type: ignore[attr-defined]


def settle(model: type[Workable], row_id: str, lease: str, **values: Any) -> bool:
    """Write the outcome of the claim ``lease``; False when the row has another holder by now."""
    done = db.session.execute(
        update(model)
        .where(model.id == row_id, model.lease == lease)
        .values(lease=None, leased_until=None, **values)
        .execution_options(synchronize_session=False)
    )
    return bool(done.rowcount)  # type: ignore[attr-defined]


def due_ids(
    model: type[Workable],
    waiting: Sequence[str],
    busy: Sequence[str],
    *also: ColumnElement[bool],
    limit: int = 100,
) -> list[str]:
    found = (
        select(model.id).where(due(model, waiting, busy), *also).order_by(model.next_attempt_at).limit(limit)
    )
    return list(db.session.scalars(found))


class BellsAway(Exception):
    """Redis or its like did not answer a moment ago; asking each time would hold up whoever rings."""


class Bells:
    """One Huey a lane, the steps that a bell may name, and the sweeps that find missed rows."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._opened: dict[Lane, tuple[Huey, TaskWrapper]] = {}
        self._inodes: dict[Lane, int] = {}
        self._away_until = 0.0
        self._hands: dict[Lane, ThreadPoolExecutor] = {}
        self._in_hand: set[tuple[str, str]] = set()
        self._is_stopping = False
        self._give_backs: dict[str, GiveBack] = {}
        self.steps: dict[str, tuple[Lane, Step]] = {}
        self.sweeps: list[Callable[[], object]] = []
        self.chores: list[Callable[[], object]] = []

    def lane(self, lane: Lane) -> Huey:
        return self._open(lane)[0]

    def ring(self, step: str, row_id: str) -> None:
        if time.monotonic() < self._away_until:
            raise BellsAway
        try:
            self._open(self.steps[step][0])[1](step, row_id)
        except Exception:
            self._away_until = time.monotonic() + AWAY_SECONDS
            self.mend(self.steps[step][0])
            raise

    def mend(self, lane: Lane) -> bool:
        """Let go of a lane whose file of bells is broken or was replaced; True when it did."""
        chosen = self._app.config["CONTENTFLOW"]
        if chosen.huey_url or lane not in self._opened:
            return False
        path = lanes.bell_file(lane, chosen)
        if not lanes.is_broken(path) and _inode(path) == self._inodes.get(lane):
            return False
        with suppress(Exception):  # It is broken: nobody knows what closing it says.
            self._opened.pop(lane)[0].storage.close()
        return True

    def waiting(self, lane: Lane) -> int:
        """How many bells of a lane nobody has answered yet."""
        try:
            return int(self.lane(lane).pending_count())
        except Exception:
            return sum(self.steps[step][0] == lane for step, _ in list(self._in_hand))

    def lend_hands(self, threads: Mapping[Lane, int]) -> None:
        """Let this process do the steps itself while no bell can be rung: the worker does so."""
        self._hands = {lane: ThreadPoolExecutor(number) for lane, number in threads.items()}

    def do_at_hand(self, step: str, row_id: str) -> bool:
        """Do a step in a thread of this process, unless it is being done; False without hands."""
        if not self._hands:
            return False
        if (step, row_id) not in self._in_hand:
            self._in_hand.add((step, row_id))
            self._hands[self.steps[step][0]].submit(self._do, step, row_id)
        return True

    def _do(self, step: str, row_id: str) -> None:
        try:
            self._work_off(step, row_id)
        finally:
            self._in_hand.discard((step, row_id))

    def take_in_hand(self, lease: str, give_back: GiveBack) -> None:
        """Remember how a claim of this process is given back; when it stops already, that is done at once."""
        self._give_backs[lease] = give_back
        if self._is_stopping:
            give_back()

    def let_go(self, lease: str) -> None:
        self._give_backs.pop(lease, None)

    def stop(self) -> list[GiveBack]:
        """Begin no step from now on; return what gives back the claims that are in hand."""
        self._is_stopping = True
        return list(self._give_backs.values())

    def _open(self, lane: Lane) -> tuple[Huey, TaskWrapper]:
        # Opened at the first use: a Redis that is away must not stop the web from starting.
        if lane not in self._opened:
            huey = lanes.open_lane(lane, self._app.config["CONTENTFLOW"])
            self._opened[lane] = huey, huey.task(name="work_off")(self._work_off)
            self._inodes[lane] = _inode(lanes.bell_file(lane, self._app.config["CONTENTFLOW"]))
        return self._opened[lane]

    def _work_off(self, step: str, row_id: str) -> None:
        """The worker's edge: the one place that survives whatever a step did not foresee."""
        if self._is_stopping:
            return  # The next worker's sweep finds the row.
        with self._app.app_context():
            try:
                self.steps[step][1](row_id)
            except Exception:
                log.exception("step %s of row %s failed", step, row_id)


def _inode(path: Path) -> int:
    """Return the number of a file, 0 where it is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def init_work(app: Flask) -> None:
    app.extensions["bells"] = Bells(app)


def bells() -> Bells:
    found = current_app.extensions["bells"]
    assert isinstance(found, Bells)
    return found


def register_step(app: Flask, name: str, lane: Lane, step: Step) -> None:
    """Let ``ring(name, id)`` call ``step(id)`` in the worker; a step opens its own transactions."""
    app.extensions["bells"].steps[name] = (lane, step)


def register_sweep(app: Flask, sweep: Callable[[], object]) -> None:
    """Let the worker call ``sweep()`` every second or so, to ring again for rows that were missed."""
    app.extensions["bells"].sweeps.append(sweep)


def register_chore(app: Flask, chore: Callable[[], object]) -> None:
    """Let the worker call ``chore()`` at its start and every hour: what is old is deleted there."""
    app.extensions["bells"].chores.append(chore)


def ring(name: str, row_id: str) -> None:
    """Ring for a row once the open transaction is committed."""
    after_commit(lambda: ring_now(name, row_id))


def ring_now(name: str, row_id: str) -> None:
    """Ring at once. Where no bell can be rung the worker does the step itself; others leave it to a sweep."""
    try:
        bells().ring(name, row_id)
    except Exception as error:
        if not bells().do_at_hand(name, row_id):
            log.warning(
                "the bell %s was not rung (%s); the sweep will find the row", name, type(error).__name__
            )


def check_bells() -> str | None:
    """Doctor: None when every lane answers. Huey has no error of its own: each storage raises another."""
    try:
        for lane in LANES:
            bells().lane(lane).pending_count()
    except Exception as error:
        sentence = says("Les sonneries ne répondent pas (%s), et tout est plus lent : voyez HUEY_URL.")
        return sentence % type(error).__name__
    aside = lanes.count_aside(settings())
    if aside:
        where = settings().data_dir / lanes.ASIDE
        sentence = says(
            "%(count)s fichiers de sonneries abîmés sont mis de côté, rien n’est perdu : voyez le disque, "
            "supprimez %(where)s."
        )
        return sentence % {"count": aside, "where": where}
    return None
