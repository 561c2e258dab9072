"""The worker's sign of life, read by ``/readyz`` and ``doctor``."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base, db

FRESH = timedelta(seconds=30)


class Heartbeat(Base):
    """One row a process kind; ``at`` is its last sign of life."""

    __tablename__ = "heartbeats"

    name: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


def beat(name: str) -> None:
    db.session.merge(Heartbeat(name=name, at=clock.now()))


def check_worker() -> str | None:
    """Readiness: None when a worker was seen in the last 30 seconds."""
    seen = db.session.get(Heartbeat, "worker")
    # A sign from later than now says nothing: the clock was set back, and the next one comes in 5 seconds.
    if seen is not None and -clock.SLACK < clock.now() - seen.at < FRESH:
        return None
    return "No worker was seen for 30 seconds: start “contentflow worker” (or “serve”)."
