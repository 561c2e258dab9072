"""The sending task on the mail queue, and the sweep that enqueues what is due."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from traceback import extract_tb

from flask import Flask, current_app
from sqlalchemy import ColumnElement, and_, func, select, update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import clock, quarantine
from contentflow.core.broker import broker, enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.jobs import claims_in_hand
from contentflow.core.metrics import count_by_state
from contentflow.core.queues import THREADS
from contentflow.mailing import account, breaker, brevo_lists, outcomes, reports, standing, transports
from contentflow.mailing.events import BrevoDay, BrevoEvent
from contentflow.mailing.models import BULK, Delivery
from contentflow.mailing.sending import DELIVERIES, MailClaim, claim_batch, complete_all, looking_again
from contentflow.mailing.times import BROKEN_WAITS
from contentflow.mailing.transports import SendOutcome

log = logging.getLogger(__name__)

SEND = "mailing.send"
READ_LIST, APPLY_EVENTS = "mailing.read_list", "mailing.apply_events"
LOGINS = Delivery.kind == "login"
URGENT = Delivery.kind.not_in(BULK)
# Said by what it is not: an index by kind would lead through every share mail that ever left.
SHARES = Delivery.kind.not_in(("login", "confirmation"))
# More messages than this say nothing new: the sweep enqueues the rest within a second.
MAX_ENQUEUED = 100
# No batch takes as long; whoever does is given up for dead.
MAX_SECONDS = 600
# Share mails claimed, and written down, together: two transactions for all of them.
FIRST_BATCH, MAX_BATCH = 25, 100
# What a batch has not begun by then is let go again: the account may have been suspended since.
MAX_BATCH_SECONDS = 1.0
# A task ends after the batch of this moment, so that a worker that is told to stop need not wait.
MAX_TASK_SECONDS = 5.0
URGENT_EVERY_SECONDS = 0.2
COMPLETE_AGAIN = (0.5, 1.0, 2.0, 4.0, 8.0)


class Pace:
    """How many mails are claimed at a time: what the service took of the last ones in half a batch's time.

    Whoever claims more than leaves composes the rest again, with new tokens.
    """

    batch = FIRST_BATCH

    def keep(self, tried: int, seconds: float) -> None:
        self.batch = max(1, min(MAX_BATCH, int(tried * MAX_BATCH_SECONDS / 2 / max(seconds, 0.001))))


def init_pace(app: Flask) -> None:
    app.extensions["mail_pace"] = Pace()


def _pace() -> Pace:
    pace: Pace = current_app.extensions["mail_pace"]
    return pace


def send(delivery_id: str) -> None:
    """Send one delivery, then share mails that are due too; login and confirmation mail goes before each."""
    transport = transports.chosen()
    if transport is None:
        return
    until = time.monotonic() + MAX_TASK_SECONDS
    _send_urgent(transport)
    batch = _batch(delivery_id, transport)
    while _send(batch, transport) and time.monotonic() < until and not claims_in_hand().is_stopping:
        next_id = next(iter(_due(1, _may_leave())), None)
        if next_id is None or not transport.knows_again:
            return
        batch = _batch(next_id, transport)


def _send_urgent(transport: transports.Transport) -> None:
    for due_id in _due(1, URGENT):
        _send([due_id], transport)


def _batch(delivery_id: str, transport: transports.Transport) -> list[str]:
    """Return a delivery's id, then those of share mails of the same sender that are due.

    Only where asking twice never makes two messages: of a worker that dies nobody knows how far it came.
    """
    if not transport.knows_again:
        return [delivery_id]
    # Nor questions that Brevo puts: it knows no key there.
    alike = and_(SHARES, Delivery.kind != "invitation") if settings().asks_at_brevo else SHARES
    is_first = Delivery.id == delivery_id
    sender = select(Delivery.partner_id).where(is_first, alike).scalar_subquery()
    # In an expression, so that no index leads through all that the sender ever sent.
    due = _due(_pace().batch * THREADS["mail"], and_(alike, func.coalesce(Delivery.partner_id, "") == sender))
    size = -(-len(due) // THREADS["mail"])  # Of few, or of a slow service, each thread has its part.
    return [delivery_id, *(one for one in due if one != delivery_id)][: max(1, size)]


def _send(batch: Sequence[str], transport: transports.Transport) -> bool:
    """Send those of a batch that can be claimed; False when there were none, or nothing leaves for now."""
    claims = _claim(batch, transport)
    if not claims:
        return False
    with DELIVERIES.keep_leases([one.job for one in claims], MAX_SECONDS):
        outcomes = _hand_over_each(claims, transport)
        _complete(outcomes, transport)
    return all(outcome.kind != "throttled" for _, outcome in outcomes)


def _hand_over_each(
    claims: Sequence[MailClaim], transport: transports.Transport
) -> list[tuple[MailClaim, SendOutcome]]:
    began = looked_at = time.monotonic()
    outcomes: list[tuple[MailClaim, SendOutcome]] = []
    has_tripped = False
    with looking_again() as is_wanted:
        for number, claim in enumerate(claims):
            now = time.monotonic()
            if number and now - looked_at > URGENT_EVERY_SECONDS:
                _send_urgent(transport)
                looked_at = now
            if number and (has_tripped or now - began > MAX_BATCH_SECONDS or claims_in_hand().is_stopping):
                outcome = SendOutcome("not_tried")
            else:
                outcome = _hand_over_if(is_wanted if number else None, claim, transport)
            has_tripped = has_tripped or outcome.kind == "throttled"
            outcomes.append((claim, outcome))
    tried = sum(outcome.kind != "not_tried" for _, outcome in outcomes)
    _pace().keep(tried, time.monotonic() - began)
    return outcomes


def _hand_over_if(
    is_wanted: Callable[[MailClaim], bool] | None, claim: MailClaim, transport: transports.Transport
) -> SendOutcome:
    try:
        if is_wanted is not None and not is_wanted(claim):
            return SendOutcome("withdrawn")
    except SQLAlchemyError as error:
        # What left before it is written down, as soon as the database is back.
        log.warning("delivery %s is not tried (%s)", claim.delivery_id, type(error).__name__)
        return SendOutcome("not_tried")
    return _hand_over(claim, transport)


def _hand_over(taken: MailClaim, transport: transports.Transport) -> SendOutcome:
    """Whatever a transport did not foresee is an outcome too: the message may have left before it."""
    try:
        return transport.send(taken.message, taken.to, taken.delivery_id)
    except Exception as error:
        where = extract_tb(error.__traceback__)[-1]
        said = f"{transport.name}: {type(error).__name__}"
        # Not the error's own text: it may hold the address.
        log.error("delivery %s: %s in %s:%s", taken.delivery_id, said, where.filename, where.lineno)
        return SendOutcome("indeterminate" if transport.knows_again else "unknown", said)


def _complete(outcomes: Sequence[tuple[MailClaim, SendOutcome]], transport: transports.Transport) -> None:
    """Write the outcomes; a database away for a moment is asked again, or what was sent were unknown."""
    for pause in COMPLETE_AGAIN:
        try:
            with transaction():
                return complete_all(outcomes, transport)
        except SQLAlchemyError as error:
            log.warning("%s deliveries are not settled yet (%s)", len(outcomes), type(error).__name__)
            time.sleep(pause)
    with transaction():
        complete_all(outcomes, transport)


def _claim(batch: Sequence[str], transport: transports.Transport) -> list[MailClaim]:
    try:
        with transaction():
            return claim_batch(batch, transport)
    except SQLAlchemyError:
        raise
    except Exception:
        if len(batch) > 1:  # One of them cannot be composed: alone, each shows whether it is the one.
            return [claim for one in batch for claim in _claim([one], transport)]
        # A mail that cannot be composed must not stand at the head of the queue for ever.
        log.exception("delivery %s cannot be composed", batch[0])
        with transaction():
            DELIVERIES.postpone(batch[0], BROKEN_WAITS.total_seconds())
        return []


def queue_scheduled() -> None:
    """Sweep: what was for later is queued when it is due."""
    is_due = (Delivery.state == "scheduled", Delivery.next_attempt_at <= clock.now())
    found = db.session.scalar(select(Delivery.id).where(*is_due).limit(1))
    db.session.rollback()
    if found is not None:
        with transaction():
            due = update(Delivery).where(*is_due).values(state=DELIVERIES.waiting)
            db.session.execute(due.execution_options(synchronize_session=False))


def enqueue_due() -> None:
    """Enqueue what is due, the urgent first, and never more than the queue can soon do."""
    transport = transports.chosen()
    if transport is None:
        return
    circuit = breaker.state(transport.name)
    room = MAX_ENQUEUED - broker().depth("mail")
    if circuit == "open" or room <= 0:
        return
    is_held = quarantine.is_held(quarantine.MAIL)
    ids = _due(room, LOGINS if is_held else URGENT)
    if breaker.state(breaker.ACCOUNT) == "open":
        with transaction():
            account.put_off()
    elif not is_held and settings().can_mail_kits and not standing.is_domain_paused():
        shares = _due(room, _may_leave())
        # A message for each thread: its task sends the others too.
        step = max(1, len(shares) // THREADS["mail"]) if transport.knows_again else 1
        ids += shares[::step]
    for due_id in ids[: 1 if circuit == "half_open" else room]:
        enqueue_now(SEND, due_id)


def _may_leave() -> ColumnElement[bool]:
    """Mails of partners who are neither paused nor have had their part of the day."""
    held = account.held_back()
    return and_(SHARES, func.coalesce(Delivery.partner_id, "").not_in(held)) if held else SHARES


def read_list(list_id: str) -> None:
    brevo_lists.read_waiting_list(list_id)


def apply_events(_list_id: str) -> None:
    outcomes.apply_due()


def enqueue_events() -> None:
    """Enqueue the lists that their callers left behind, and what waits to be applied."""
    for list_id in brevo_lists.LISTS.due_ids(limit=MAX_ENQUEUED):
        enqueue_now(READ_LIST, list_id)
    if outcomes.due_ids():
        enqueue_now(APPLY_EVENTS, "due")


def _due(limit: int, which: ColumnElement[bool]) -> list[str]:
    return DELIVERIES.due_ids(which, limit=limit)


def backlog() -> tuple[int, float]:
    return DELIVERIES.backlog(Delivery.created_at)


def deliveries_of_day() -> dict[str, float]:
    """Return the mails of the last 24 hours by state."""
    return count_by_state(Delivery, Delivery.created_at >= clock.now() - timedelta(days=1))


def events_of_day() -> dict[str, float]:
    """Return Brevo's events of the last 24 hours by name; opens by people and by proxies stand apart."""
    since = BrevoEvent.received_at >= clock.now() - timedelta(days=1)
    counted = select(BrevoEvent.event, func.count()).where(since, BrevoEvent.event.in_(reports.KNOWN))
    found = {event: float(count) for event, count in db.session.execute(counted.group_by(BrevoEvent.event))}
    others = select(func.count()).select_from(BrevoEvent).where(since, BrevoEvent.event.not_in(reports.KNOWN))
    return {**found, "unknown": float(db.session.scalar(others) or 0)}


def items_of_day() -> dict[str, float]:
    day = db.session.get(BrevoDay, clock.now().date().isoformat())
    names = ("received", "unreadable", "lost")
    return {name: float(getattr(day, name)) if day else 0.0 for name in names}
