"""What the worker does again and again: sweeps each second, maintenance each hour. Each has a name.

A sweep finds rows that are due, or dates anew what a wrong clock wrote. Maintenance erases what is old, so
it rests while the clock is not to be trusted; when each was last done, or failed, stands beside the
worker's sign of life, where ``doctor`` reads it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from flask import Flask, current_app
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.core.heartbeat import Heartbeat, Steadiness, beat
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

Act = Callable[[], object]
DONE, FAILED = "maintenance:", "maintenance-failed:"


class Maintenance:
    """``sweeps`` and ``hourly`` map a name, ``<capability>.<what>``, to what is done."""

    def __init__(self) -> None:
        self.sweeps: dict[str, Act] = {}
        self.hourly: dict[str, Act] = {}
        self._steadiness = Steadiness()

    def sweep(self) -> None:
        for name, act in self.sweeps.items():
            survive(name, act)

    def run_hourly(self) -> None:
        """Do what is due each hour, unless the clock leapt since the last look."""
        with transaction():
            is_steady = self._steadiness.look()
        if not is_steady:
            log.warning("the clock leapt: what is old is deleted in an hour, if it goes on from here")
            return
        for name, act in self.hourly.items():
            kind = DONE if survive(name, act) else FAILED

            def note(sign: str = kind + name) -> None:
                with transaction():
                    beat(sign)

            survive(name, note)


def survive(name: str, act: Act) -> bool:
    """Return False when ``act`` raised: the worker goes on whatever a database that is away may raise."""
    try:
        act()
    except Exception:
        db.session.rollback()
        log.exception("%s failed", name)
        return False
    return True


def init_maintenance(app: Flask) -> None:
    app.extensions["maintenance"] = Maintenance()


def maintenance(app: Flask | None = None) -> Maintenance:
    found = (app or current_app).extensions["maintenance"]
    assert isinstance(found, Maintenance)
    return found


def register_sweep(app: Flask, name: str, act: Act) -> None:
    """Let the worker call ``act()`` every second or so, to enqueue again what was missed."""
    maintenance(app).sweeps[name] = act


def register_maintenance(app: Flask, name: str, act: Act) -> None:
    """Let the worker call ``act()`` at its start and every hour: what is old is deleted there."""
    maintenance(app).hourly[name] = act


def last_runs(sign: str = DONE) -> Mapping[str, float]:
    """Return when each maintenance was last done, or failed, in seconds since 1970."""
    rows = db.session.scalars(select(Heartbeat).where(Heartbeat.name.startswith(sign)))
    return {row.name.removeprefix(sign): row.seen_at.timestamp() for row in rows}


def check_maintenance() -> str | None:
    """Doctor: None unless the last run of some maintenance failed."""
    done, failed = last_runs(), last_runs(FAILED)
    known = {name: moment for name, moment in failed.items() if name in maintenance().hourly}
    names = ", ".join(sorted(name for name, moment in known.items() if moment > done.get(name, 0.0)))
    if not names:
        return None
    sentence = says(
        "L’entretien n’aboutit plus (%s) : le journal du travail dit pourquoi ; il est retenté chaque heure."
    )
    return sentence % names
