"""When a mail for later leaves: what was typed, read as ISO 8601 or as the clock in France. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from contentflow.core.clock import FRANCE

FURTHEST: Final = timedelta(days=30)


class UnreadableTime(ValueError):
    """What was typed is no date with a time."""


class TimeIsPast(ValueError):
    """It is now, or before."""


class TimeIsTooFar(ValueError):
    """It is more than 30 days ahead."""


def read_at(text: str, now: datetime) -> datetime | None:
    """Return the moment, None for an empty field. Without a zone it is the time in Paris.

    Raises ``UnreadableTime``, ``TimeIsPast`` or ``TimeIsTooFar``.
    """
    if not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip())
        if moment.tzinfo is None and hasattr(FRANCE, "localize"):
            moment = FRANCE.localize(moment)
        elif moment.tzinfo is None:
            moment = moment.replace(tzinfo=FRANCE)
        moment = moment.astimezone(now.tzinfo)
    except (ValueError, OverflowError) as error:
        raise UnreadableTime from error
    if moment <= now:
        raise TimeIsPast
    if moment - now > FURTHEST:
        raise TimeIsTooFar
    return moment
