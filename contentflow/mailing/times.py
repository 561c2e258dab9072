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
from contentflow.mailing.models import Delivery, MailPause
from contentflow.mailing.sending import BUSY, SLACK, WAITING

log = logging.getLogger(__name__)

KINDS = ("login", "confirmation", "share")
LONGEST_REST = timedelta(days=1)
BROKEN_WAITS = timedelta(minutes=1)


def mend_times() -> None:
    """Date anew what lies too far ahead; a sweep of the worker, with nothing to do on most days."""
    now = clock.now()
    ahead = [select(Delivery.id).where(which).exists() for which, _ in _changes(now)]
    if not db.session.scalar(select(or_(*ahead, select(MailPause.until).where(_is_strange(now)).exists()))):
        return
    with transaction():
        count = sum(_change(which, values) for which, values in _changes(now)) + _mend_pauses(now)
    log.warning("the clock was set: %s times of the mail lay too far ahead and are dated anew", count)


def _changes(now: datetime) -> list[tuple[ColumnElement[bool], dict[str, Any]]]:
    lease = timedelta(seconds=settings().lease_seconds)
    undo = timedelta(seconds=settings().share_email_undo_seconds)
    longest = max(undo, BROKEN_WAITS, *(timedelta(seconds=wait) for wait in settings().mail_retry_seconds))
    waits = Delivery.state.in_(WAITING)
    is_tried_ahead = and_(Delivery.kind.in_(KINDS), Delivery.first_tried_at > now + SLACK)
    is_untouched_share = and_(Delivery.kind == "share", Delivery.first_tried_at.is_(None))
    ended = {"state": "unknown", "reason": "tried before the clock was set", "settled_at": now}
    return [
        (and_(is_tried_ahead, waits), {**ended, "first_tried_at": now}),
        (and_(is_tried_ahead, Delivery.state.not_in([*WAITING, BUSY])), {"first_tried_at": now}),
        (
            and_(waits, Delivery.next_attempt_at > now + longest + SLACK),
            {"next_attempt_at": case((is_untouched_share, now + undo), else_=now)},
        ),
        (
            and_(Delivery.state == BUSY, Delivery.leased_until > now + lease + SLACK),
            {"leased_until": now + lease},
        ),
    ]


def _change(which: ColumnElement[bool], values: dict[str, Any]) -> int:
    changed = db.session.execute(
        update(Delivery).where(which).values(values).execution_options(synchronize_session=False)
    )
    return int(changed.rowcount)  # type: ignore[attr-defined]


def _is_strange(now: datetime) -> ColumnElement[bool]:
    return or_(MailPause.since > now + SLACK, MailPause.until > now + LONGEST_REST + SLACK)


def _mend_pauses(now: datetime) -> int:
    found = list(db.session.scalars(select(MailPause).where(_is_strange(now))))
    for pause in found:
        meant = LONGEST_REST if pause.since is None else pause.until - pause.since
        pause.since, pause.until = now, now + min(meant, LONGEST_REST)
    return len(found)
