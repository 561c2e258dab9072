"""After a doubt a post is looked for among the account's last ones, by the short link in its text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from contentflow.core import clock
from contentflow.publishing.models import Assignment

# Clocks of two machines differ by minutes at most.
CLOCK_SKEW = timedelta(minutes=10)


def link_code_in(text: str) -> str:
    """Return the code of the short link, "" without one."""
    found = re.search(r"https?://\S+/l/([0-9A-Za-z]+)", text)
    return found[1] if found else ""


def seconds_until(row: Assignment, quiet_seconds: float) -> float:
    """Return how long nothing may be tried any more since the last try; 0 or less when something may."""
    tried = row.last_tried_at or clock.now()
    return quiet_seconds - (clock.now() - tried).total_seconds()


def is_older(moment: Any, since: datetime) -> bool:
    """Whether what a platform says of a post's time is from well before; False for no time."""
    try:
        at = datetime.fromisoformat(str(moment))
    except ValueError:
        return False
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) < since - CLOCK_SKEW
