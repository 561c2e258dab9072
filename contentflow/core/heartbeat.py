"""The worker's sign of life, read by ``/readyz`` and ``doctor``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base, db
from contentflow.terminal_language import says

FRESH = timedelta(seconds=30)
WORKER, BREVO, BACKUP = "worker", "brevo-webhook", "backup"  # whose last sign of life is told
LOOK, LEPT = "chores", "leap"  # Rows of their own: the last look at the clock, and the last leap.
LEAP, AWAY = timedelta(hours=1), timedelta(days=2)


class Heartbeat(Base):
    """One row a process kind; ``seen_at`` is its last sign of life."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    seen_at: Mapped[datetime] = mapped_column("at")


def last_seen(*names: str) -> Mapping[str, datetime]:
    """Return when each of them gave its last sign of life; who never did is not in it."""
    rows = db.session.scalars(select(Heartbeat).where(Heartbeat.name.in_(names)))
    return {row.name: row.seen_at for row in rows}


def beat(name: str) -> None:
    db.session.merge(Heartbeat(name=name, seen_at=clock.now()))


class Steadiness:
    """Whether the clock went on as time did: what is old is deleted by no clock that just leapt.

    Asked about once an hour. A clock that leapt, or a worker that was away for days, is believed at the
    next look, if it goes on from there: a year ahead for a moment must not be the end of a year's rows.
    """

    def __init__(self) -> None:
        self._looked: tuple[datetime, float] | None = None

    def look(self) -> bool:
        """Compare with the look before, in this process or an earlier one; needs a transaction."""
        now, steady = clock.now(), time.monotonic()
        before, self._looked = self._looked, (now, steady)
        if before is None:
            seen = db.session.get(Heartbeat, LOOK)
            expected, slack = (seen.seen_at, AWAY) if seen is not None else (now, AWAY)
        else:
            expected, slack = before[0] + timedelta(seconds=steady - before[1]), LEAP
        if now - expected > slack:
            db.session.merge(Heartbeat(name=LEPT, seen_at=expected))
            return False
        beat(LOOK)
        return True


def sure_now() -> datetime:
    """Return the time, or what it can be at most by the last look at a steady clock."""
    looked = db.session.get(Heartbeat, LOOK)
    return clock.now() if looked is None else min(clock.now(), looked.seen_at + 2 * LEAP)


def check_clock() -> str | None:
    """Doctor: None unless the clock leapt ahead in the last day."""
    leapt = db.session.get(Heartbeat, LEPT)
    if leapt is None or clock.now() - leapt.seen_at > timedelta(days=1):
        return None
    sentence = says(
        "L’horloge a sauté en avant après %s, ou aucun travail n’a tourné pendant des jours : voyez que la "
        "machine garde l’heure (NTP). Rien d’ancien n’en a été supprimé."
    )
    return sentence % clock.iso(leapt.seen_at)


def check_worker() -> str | None:
    """Readiness: None when a worker was seen in the last 30 seconds."""
    seen = db.session.get(Heartbeat, WORKER)
    # A sign from later than now says nothing: the clock was set back, and the next one comes in 5 seconds.
    if seen is not None and -clock.SLACK < clock.now() - seen.seen_at < FRESH:
        return None
    return says("Aucun travail n’a été vu depuis 30 secondes : lancez « contentflow worker » (ou « serve »).")
