"""A platform that refuses everybody rests for all; an operator may let it rest too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import select

from contentflow.core.db import db
from contentflow.publishing.models import PlatformPause

REFUSALS = 5
REST_SECONDS = 300.0
PAUSED_LOOK_SECONDS = 60.0


def _row(platform: str) -> PlatformPause:
    found = db.session.get(PlatformPause, platform, with_for_update=True, populate_existing=True)
    if found is None:
        found = PlatformPause(platform=platform, refusals=0, is_by_operator=False, reason="")
        db.session.add(found)
        db.session.flush()
    return found


def seconds_left(platform: str, now: datetime) -> float:
    """Return for how long nothing of this platform may be tried; 0 when it may.

    Where the rest is over one probe may go: whoever asks then is the probe, and the next one waits.
    """
    found = db.session.get(PlatformPause, platform, with_for_update=True, populate_existing=True)
    if found is None:
        return 0.0
    if found.is_by_operator:
        return PAUSED_LOOK_SECONDS
    if found.half_open_at is None:
        return 0.0
    if found.half_open_at > now:
        return (found.half_open_at - now).total_seconds()
    found.half_open_at = now + timedelta(seconds=REST_SECONDS)
    return 0.0


def is_paused_by_operator(platform: str) -> bool:
    found = db.session.get(PlatformPause, platform)
    return found is not None and found.is_by_operator


def heard(platform: str, kind: str, reason: str, now: datetime) -> None:
    """Count refusals in a row; whatever went well opens the platform again."""
    if kind in ("done", "wait"):
        found = db.session.get(PlatformPause, platform)
        if found is not None and (found.refusals or found.half_open_at):
            found.refusals, found.half_open_at, found.reason = 0, None, ""
    elif kind == "refused":
        found = _row(platform)
        found.refusals += 1
        found.reason = reason[:255]
        if found.refusals >= REFUSALS:
            found.half_open_at = now + timedelta(seconds=REST_SECONDS)


def pause(platform: str) -> None:
    _row(platform).is_by_operator = True


def resume(platform: str) -> None:
    found = _row(platform)
    found.is_by_operator, found.refusals, found.half_open_at = False, 0, None


def paused() -> Sequence[PlatformPause]:
    rests = PlatformPause.is_by_operator | PlatformPause.half_open_at.is_not(None)
    return db.session.scalars(select(PlatformPause).where(rests)).all()
