"""Times in the mail's rows after somebody set the clock, back or ahead.

What lies further ahead than anything here ever waits was written by another clock. Such a row is dated
anew, and nothing opens by that: a try whose age nobody knows is never asked again, and a place in the
account's day stays taken for a day from now.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Breaker, Delivery
from contentflow.mailing.sending import DELIVERIES, SLACK

log = logging.getLogger(__name__)

KINDS = ("login", "confirmation", "share")
MAX_OPEN = timedelta(days=1)
# Nobody plans a mail for later than that, nor waits as long for a place of the account.
MAX_PLANNED = timedelta(days=31)
BROKEN_WAITS = timedelta(minutes=1)


def date_anew() -> None:
    """Date anew what lies too far ahead; a sweep of the worker, with nothing to do on most days."""
    now = clock.now()
    ahead = [select(Delivery.id).where(which).exists() for which, _ in _changes(now)]
    if not db.session.scalar(
        select(or_(*ahead, select(Breaker.half_open_at).where(_is_strange(now)).exists()))
    ):
        return
    with transaction():
        found = list(db.session.scalars(select(Breaker).where(_is_strange(now))))
        for one in found:
            meant = MAX_OPEN if one.opened_at is None else one.half_open_at - one.opened_at
            one.opened_at, one.half_open_at = now, now + min(meant, MAX_OPEN)
        count = len(found)
        for which, values in _changes(now):
            anew = update(Delivery).where(which).values(values)
            dated = db.session.execute(anew.execution_options(synchronize_session=False))
            count += dated.rowcount  # type: ignore[attr-defined]
    log.warning("the clock was set: %s times of the mail lay too far ahead and are dated anew", count)


def _changes(now: datetime) -> list[tuple[ColumnElement[bool], dict[str, Any]]]:
    lease = timedelta(seconds=settings().lease_seconds)
    undo = timedelta(seconds=settings().share_email_undo_seconds)
    console = timedelta(seconds=settings().console_undo_seconds)  # A notice waits as long as its act's undo.
    retries = (timedelta(seconds=wait) for wait in settings().mail_retry_seconds)
    max_wait = max(undo, console, BROKEN_WAITS, *retries)
    waits = Delivery.state == DELIVERIES.waiting
    is_settled = Delivery.state.not_in([DELIVERIES.waiting, DELIVERIES.busy])
    is_tried_ahead = and_(Delivery.kind.in_(KINDS), Delivery.first_tried_at > now + SLACK)
    is_untouched_share = and_(Delivery.kind == "share", Delivery.first_tried_at.is_(None))
    ended = {"state": "unknown", "reason": "tried before the clock was set", "settled_at": now}
    return [
        (and_(is_tried_ahead, waits), {**ended, "first_tried_at": now}),
        (and_(is_tried_ahead, is_settled), {"first_tried_at": now}),
        (
            and_(waits, Delivery.next_attempt_at > now + max_wait + SLACK),
            {"next_attempt_at": case((is_untouched_share, now + undo), else_=now)},
        ),
        (
            and_(Delivery.state == "scheduled", Delivery.next_attempt_at > now + MAX_PLANNED + SLACK),
            {"state": DELIVERIES.waiting, "next_attempt_at": now + undo, "due_at": None},
        ),
        (
            and_(Delivery.state == DELIVERIES.busy, Delivery.leased_until > now + lease + SLACK),
            {"leased_until": now + lease},
        ),
    ]


def _is_strange(now: datetime) -> ColumnElement[bool]:
    return or_(Breaker.opened_at > now + SLACK, Breaker.half_open_at > now + MAX_OPEN + SLACK)
