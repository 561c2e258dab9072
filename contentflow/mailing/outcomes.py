"""What an event changes: the state of its mail, and who may be written to.

Nothing here depends on the order in which events come: a later one ends a doubt or an address, and none,
older or newer, takes that back.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import reports, standing
from contentflow.mailing.events import BrevoEvent
from contentflow.mailing.hooks import tell_clicked, tell_ended, tell_undelivered
from contentflow.mailing.models import Delivery

log = logging.getLogger(__name__)

AT_ONCE = 200
MAX_SECONDS = 5.0
# A mail that is being sent is settled by who sends it; an event that cannot be applied is tried again.
IN_HAND_WAITS, BROKEN_WAITS = timedelta(seconds=5), timedelta(minutes=5)
OUTCOMES = {"bounce": "bounced", "complaint": "complained"}


def apply_due(max_seconds: float = MAX_SECONDS, timeout_ms: int | None = None) -> int:
    """Apply what is due, each in a transaction of its own; return how many were."""
    until, done = time.monotonic() + max_seconds, 0
    for event_id in due_ids():
        if time.monotonic() > until:
            break
        try:
            with transaction(timeout_ms):
                _apply(event_id)
            done += 1
        except Exception:
            log.exception("event %s cannot be applied", event_id)
            with transaction(timeout_ms):
                _put_off(event_id, BROKEN_WAITS)
    return done


def due_ids() -> list[int]:
    due = select(BrevoEvent.id).where(BrevoEvent.apply_at <= clock.now())
    return list(db.session.scalars(due.order_by(BrevoEvent.apply_at, BrevoEvent.id).limit(AT_ONCE)))


def _apply(event_id: int) -> None:
    due = select(BrevoEvent).where(BrevoEvent.id == event_id, BrevoEvent.apply_at.is_not(None))
    event = db.session.scalar(due.with_for_update())
    if event is None:
        return
    delivery = db.session.get(Delivery, event.delivery_id, with_for_update=True, populate_existing=True)
    assert delivery is not None
    if delivery.state == "sending":
        _put_off(event_id, IN_HAND_WAITS)
        return
    event.apply_at = None
    _settle(delivery, event)
    if event.event == reports.CLICK:
        tell_clicked(delivery, min(event.ts_event, clock.now()))
        event.delivery_id = None  # What stays counts in sums alone.
    if cause := reports.ENDS.get(event.event):
        if delivery.outcome != "complained" and cause in OUTCOMES:
            delivery.outcome = OUTCOMES[cause]
            db.session.flush()
            standing.judge(delivery.partner_id)
        tell_ended(delivery, cause)


def _settle(delivery: Delivery, event: BrevoEvent) -> None:
    """End a doubt: Brevo has the mail, or had it and gave it to no server."""
    is_in_doubt = delivery.state == "unknown" or (
        delivery.state == "queued" and delivery.first_tried_at is not None
    )
    if not is_in_doubt:
        return
    has_failed = event.event in reports.NEVER_LEFT
    if event.event not in reports.KNOWN:
        return
    delivery.state = "failed" if has_failed else "sent"
    delivery.reason = f"Brevo {event.event}" if has_failed else None
    delivery.settled_at = clock.now()
    delivery.message_id = delivery.message_id or (f"<{event.message_id}>" if event.message_id else None)
    if has_failed:
        tell_undelivered([delivery.id])


def _put_off(event_id: int, wait: timedelta) -> None:
    later = update(BrevoEvent).where(BrevoEvent.id == event_id, BrevoEvent.apply_at.is_not(None))
    db.session.execute(later.values(apply_at=clock.now() + wait))
