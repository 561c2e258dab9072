"""Figures about clicks, for ``/metrics``."""

from __future__ import annotations

import time

from sqlalchemy import func, select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.links import journal_files
from contentflow.links.models import LinkDay


def clicks_of_day() -> dict[str, float]:
    """Return the credited clicks of today in France by verdict."""
    clicks = select(LinkDay.verdict, func.sum(LinkDay.clicks)).where(LinkDay.day == clock.today())
    return {
        verdict: float(number) for verdict, number in db.session.execute(clicks.group_by(LinkDay.verdict))
    }


def fold_lag() -> dict[str, float]:
    """Return for how many seconds the oldest click of this machine has waited; 0 where none does."""
    oldest = journal_files.oldest_waiting_at()
    return {"journal": 0.0 if oldest is None else max(0.0, time.time() - oldest)}
