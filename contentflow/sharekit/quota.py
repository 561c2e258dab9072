"""The hard cap on mails: recipients of one partner in any 24 hours, on Flask-Limiter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from contentflow.config import settings
from contentflow.core import clock
from contentflow.mailing import services as mailing
from contentflow.web import limits

CAP = "share_email"


# An entry of the limit leaves its window before a mail that was captured stops giving its place back.
CAPTURED_WINDOW = timedelta(seconds=limits.DAY - 60)


def _limit(partner_id: str) -> int:
    """Return the cap; what only reached the local mailbox gave its place back."""
    back = mailing.captured_since(partner_id, clock.now() - CAPTURED_WINDOW)
    return settings().share_email_daily_limit + back


def take_places(partner_id: str, recipients: int) -> None:
    """Take ``recipients`` places of the partner's 24 hours, in the transaction that queues the mails.

    Raises ``TooMany`` when they do not all fit; nothing is used up then.
    """
    limits.take(CAP, partner_id, _limit(partner_id), limits.DAY, cost=recipients)


def left_today(partner_id: str) -> int:
    left = limits.left(CAP, partner_id, _limit(partner_id), limits.DAY)
    return min(left, settings().share_email_daily_limit)


def daily_email_count(partner_id: str) -> int:
    """Return how many recipients the partner mailed in the last 24 hours."""
    return max(0, settings().share_email_daily_limit - left_today(partner_id))


def more_free_at(partner_id: str) -> datetime | None:
    """Return when the next places become free; None while nothing is used, or nothing ever fits."""
    if not daily_email_count(partner_id):
        return None
    wanted = left_today(partner_id) + 1
    seconds = limits.retry_after(CAP, partner_id, _limit(partner_id), limits.DAY, wanted)
    return clock.now() + timedelta(seconds=seconds)


def places(partner_id: str) -> dict[str, Any]:
    """What every page that mails shows of the cap."""
    return {"left_today": left_today(partner_id), "more_free_at": more_free_at(partner_id)}
