"""A claim that outlives its lease while its holder is alive: the lease is renewed from beside.

A dead worker renews nothing, so its rows are taken again after ``LEASE_SECONDS``. One that is told to
stop gives back at once what it can.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.work import GiveBack, Workable, bells

log = logging.getLogger(__name__)

LONGEST_WAIT = timedelta(days=1)  # Nothing waits as long for its next try.


@contextmanager
def held(
    model: type[Workable],
    row_id: str,
    lease: str,
    most_seconds: float,
    give_back: GiveBack | None = None,
) -> Iterator[None]:
    """Keep a claim for as long as the block runs, at most ``most_seconds``.

    ``give_back`` is called, from another thread, when the process is told to stop meanwhile. Without it
    the claim stays, as it must where something may have left already.
    """
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    over = threading.Event()
    until = time.monotonic() + most_seconds

    def renew() -> None:
        with app.app_context():
            pause = settings().lease_seconds / 3
            while not over.wait(pause) and time.monotonic() < until and _renewed(model, row_id, lease):
                pass

    if give_back is not None:
        bells().take_in_hand(lease, give_back)
    threading.Thread(target=renew, name=f"lease-{row_id}", daemon=True).start()
    try:
        yield
    finally:
        over.set()
        bells().let_go(lease)


def _renewed(model: type[Workable], row_id: str, lease: str) -> bool:
    """Return False when the claim is over; a database that is away is asked again."""
    try:
        with transaction():
            renewed = db.session.execute(
                update(model)
                .where(model.id == row_id, model.lease == lease)
                .values(leased_until=clock.now() + timedelta(seconds=settings().lease_seconds))
                .execution_options(synchronize_session=False)
            )
            return bool(renewed.rowcount)  # type: ignore[attr-defined]
    except SQLAlchemyError:
        log.warning("the lease of %s was not renewed", row_id)
        return True


def mend_times(model: type[Workable], *also: ColumnElement[bool]) -> None:
    """Sweep: date anew what a clock that was ahead wrote; else its row would wait until then.

    A lease that is alive is renewed from beside, so its new end is a whole lease from now.
    """
    now, lease = clock.now(), timedelta(seconds=settings().lease_seconds)
    changes = [
        (model.next_attempt_at > now + LONGEST_WAIT, {"next_attempt_at": now}),
        (model.leased_until > now + lease + clock.SLACK, {"leased_until": now + lease}),
    ]
    is_due = or_(*(which for which, _ in changes))
    found = db.session.scalar(select(model.id).where(is_due, *also).limit(1))
    db.session.rollback()
    if found is None:
        return
    with transaction():
        for which, values in changes:
            changed = update(model).where(which, *also).values(values)
            db.session.execute(changed.execution_options(synchronize_session=False))
    log.warning("a clock was ahead: times of %s that lay too far ahead are dated anew", model.__name__)
