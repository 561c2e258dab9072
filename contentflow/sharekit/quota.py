"""The hard cap on mails: recipients of one partner in any 24 hours, on Flask-Limiter."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing import standing
from contentflow.mailing.models import Delivery
from contentflow.partners.models import Partner
from contentflow.sharekit import emails
from contentflow.sharekit.emails import SharePlan
from contentflow.web import limits

CAP = "share_email"
# With fewer left one wants to know when more is free; with more nobody asks.
FEW_LEFT = 50

# An entry of the limit leaves its window before a mail that was captured stops giving its place back.
CAPTURED_WINDOW = timedelta(seconds=limits.DAY - 60)


def _limit(partner_id: str, at: datetime | None = None) -> int:
    """Return the cap; what only reached the local mailbox gave its place back."""
    since = (at or clock.now()) - CAPTURED_WINDOW
    captured = (
        Delivery.kind == "share",
        Delivery.state == "captured",
        Delivery.partner_id == partner_id,
        func.coalesce(Delivery.due_at, Delivery.created_at) > since,
    )
    back = db.session.scalar(select(func.count()).select_from(Delivery).where(*captured)) or 0
    return settings().share_email_daily_limit + back


def left_today(partner_id: str, at: datetime | None = None) -> int:
    """Return how many recipients still fit, now or on the day of a mail for later."""
    left = limits.left(CAP, partner_id, _limit(partner_id, at), limits.DAY, at)
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


def remaining(partner_id: str, at: datetime | None = None) -> dict[str, Any]:
    """What every page that mails shows of the cap; when more is free, only where few are left."""
    left = left_today(partner_id, at)
    is_short = at is None and left < FEW_LEFT
    return {
        "left_today": left,
        "more_free_at": more_free_at(partner_id) if is_short else None,
        "paused_because": standing.why_paused(partner_id),
    }


def send_within_cap(
    partner: Partner, planned: SharePlan, language: str, nonce: str, with_reply_to: bool
) -> str:
    """Queue the mails of a plan and return the send's id; a send that was made already is the one that was.

    To be called in the transaction that planned it. Raises ``TooMany`` when they do not all fit, and
    ``SenderPaused``.
    """
    if planned.send_id is not None:
        return planned.send_id
    standing.check_standing(partner.id)
    if planned.recipients:
        # All of them or none: nothing is used up when they do not all fit.
        limit, cost, due_at = _limit(partner.id, planned.due_at), planned.recipients, planned.due_at
        if due_at is None:
            limits.take(CAP, partner.id, limit, limits.DAY, cost=cost)
        else:
            limits.plan(CAP, partner.id, limit, limits.DAY, due_at, cost=cost)
    return emails.send(partner, planned, language, nonce, with_reply_to)
