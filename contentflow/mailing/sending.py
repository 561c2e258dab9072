"""One delivery, from the claim to its settled outcome.

The claim decides, in one transaction, whether the mail may still leave, and composes it; the
network comes after it; the outcome is written under the claim's lease. While a try may have been
accepted ``first_tried_at`` stands, and only a transport that knows the delivery's id again is asked
again, within ten minutes (Brevo forgets an idempotency key after fifteen) and six tries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import asking, db
from contentflow.core.jobs import Claim, Jobs
from contentflow.mailing import breaker
from contentflow.mailing.account import SenderTurn
from contentflow.mailing.hooks import compose, lock_sender, tell_undelivered
from contentflow.mailing.messages import Message
from contentflow.mailing.models import DOUBLE_OPT_IN, UNREACHED, Delivery
from contentflow.mailing.transports import SendOutcome, Transport

SAME_KEY_FOR = timedelta(minutes=10)
# A clock that is set moves the moment of a try; by more than this, and nobody knows how long ago it was.
SLACK = timedelta(minutes=1)
DELIVERIES = Jobs(
    Delivery, "queued", "sending", max_attempts=6, retry_seconds=lambda: settings().mail_retry_seconds
)
_IS_WANTED = "SELECT 1 FROM deliveries WHERE id = :id AND lease = :lease AND recipient IS NOT NULL"


class MailClaim(NamedTuple):
    """``is_first``: no earlier try can have been accepted; ``was_accepted``: one was, said the service.

    ``is_probe``: the others wait for its answer.
    """

    job: Claim
    to: str
    message: Message
    first_tried_at: datetime
    is_first: bool
    was_accepted: bool
    is_probe: bool

    @property
    def delivery_id(self) -> str:
        return self.job.row_id


def claim(delivery_id: str, transport: Transport) -> MailClaim | None:
    """Take a delivery that is due, and compose it; None when it waits, is settled, or not ours."""
    return next(iter(claim_batch([delivery_id], transport)), None)


def claim_batch(delivery_ids: Sequence[str], transport: Transport) -> list[MailClaim]:
    """As ``claim``, of many that have one sender: those of others are left alone."""
    sender_id = db.session.scalar(select(Delivery.partner_id).where(Delivery.id == delivery_ids[0]))
    may_send = lock_sender(sender_id)
    taken: dict[str, _Taken] = {}
    circuit: breaker.State | None = None
    turn = SenderTurn(sender_id)
    due = select(Delivery).where(Delivery.id.in_(delivery_ids), DELIVERIES.is_due())
    locked = due.order_by(Delivery.next_attempt_at, Delivery.id).with_for_update(skip_locked=True)
    for delivery in db.session.scalars(locked.execution_options(populate_existing=True)).all():
        if delivery.partner_id != sender_id or _is_over(delivery, transport, may_send):
            continue
        if not turn.has_come(delivery):
            continue
        circuit = circuit or breaker.let_through(transport.name)
        if circuit != "open":
            has_died, is_first = delivery.state == DELIVERIES.busy, delivery.first_tried_at is None
            job = DELIVERIES.take(delivery)
            if has_died:  # A worker's death uses up no try of the mail it held.
                delivery.attempts -= 1
            delivery.transport = _way(delivery, transport)
            delivery.first_tried_at = delivery.first_tried_at or clock.now()
            taken[delivery.id] = _Taken(delivery, replace(job, attempts=delivery.attempts), is_first)
        if circuit != "closed":
            break
    return _compose(taken, transport, is_probe=circuit == "half_open")


def _is_over(delivery: Delivery, transport: Transport, may_send: bool) -> bool:
    """Settle a mail that must not be tried any more; False for all others."""
    if _is_past_asking(delivery, transport):
        _close(delivery, "unknown", delivery.reason or "no answer in time")
    elif not may_send:
        _drop(delivery, delivery.first_tried_at is None)
    else:
        return False
    return True


def _is_past_asking(delivery: Delivery, transport: Transport) -> bool:
    """Whether it may have been accepted, and asking again could make a second message of it."""
    if delivery.first_tried_at is None:
        return False
    is_known_there = transport.knows_again and delivery.transport == transport.name
    return not is_known_there or not _is_key_kept(delivery.first_tried_at, clock.now())


def _way(delivery: Delivery, transport: Transport) -> str:
    """Return how it leaves; Brevo's double opt-in knows no key, so whoever left by it is not asked again."""
    asks_at_brevo = settings().asks_at_brevo and transport.name == "brevo"
    return DOUBLE_OPT_IN if asks_at_brevo and delivery.kind == "invitation" else transport.name


def _is_key_kept(first_tried_at: datetime, at: datetime) -> bool:
    return first_tried_at - SLACK <= at < first_tried_at + SAME_KEY_FOR


class _Taken(NamedTuple):
    delivery: Delivery
    job: Claim
    is_first: bool


def _compose(taken: Mapping[str, _Taken], transport: Transport, is_probe: bool) -> list[MailClaim]:
    # Who has no address is written to no more; whether the others may be is for the composer to ask.
    messages = compose([one.delivery for one in taken.values() if one.delivery.recipient is not None])
    claims = []
    for delivery_id, one in taken.items():
        delivery, message = one.delivery, messages.get(delivery_id)
        if message is None:
            _drop(delivery, one.is_first)
            if is_probe:
                breaker.trip(transport.name, 0, "waits for one mail to try")
            continue
        assert delivery.recipient is not None and delivery.first_tried_at is not None
        claims.append(
            MailClaim(
                job=one.job,
                to=delivery.recipient,
                message=message,
                first_tried_at=delivery.first_tried_at,
                is_first=one.is_first,
                was_accepted=delivery.accepted_at is not None,
                is_probe=is_probe,
            )
        )
    return claims


@contextmanager
def looking_again() -> Iterator[Callable[[MailClaim], bool]]:
    """Yield what says whether a claim that waited for others of its batch may still leave.

    Whoever says stop is erased from every mail of theirs, also a claimed one, before they are answered.
    """
    with asking(_IS_WANTED) as ask:
        yield lambda claim: ask(id=claim.delivery_id, lease=claim.job.lease) is not None


def _drop(delivery: Delivery, is_first: bool) -> None:
    """Nobody needs it any more; one that may have left already is not called back by that."""
    if is_first:
        delivery.first_tried_at = None
        _close(delivery, "cancelled", "not needed any more")
    else:
        _close(delivery, "unknown", delivery.reason or "stopped after a try without an answer")


def _close(delivery: Delivery, state: str, reason: str) -> None:
    delivery.state, delivery.reason, delivery.settled_at = state, reason, clock.now()
    delivery.lease = delivery.leased_until = None
    if state in UNREACHED:
        tell_undelivered([delivery.id])


def complete(claim: MailClaim, outcome: SendOutcome, transport: Transport) -> None:
    """Write what became of a claim; one that was taken over meanwhile keeps its successor's."""
    values = _values_of(claim, outcome)
    is_ours = DELIVERIES.complete(claim.job, **values)
    if is_ours and values["state"] in UNREACHED:
        tell_undelivered([claim.delivery_id])
    if not is_ours and values["state"] == "sent":
        # Who took the claim over could not know; its holder was only late, and was told that it was sent.
        unknown = (Delivery.id == claim.delivery_id, Delivery.state == "unknown")
        late = update(Delivery).where(*unknown).values(values)
        db.session.execute(late.execution_options(synchronize_session=False))
    if outcome.kind == "throttled":
        breaker.trip(transport.name, outcome.wait_seconds, outcome.reason)
    elif claim.is_probe:
        breaker.close(transport.name)


def complete_all(outcomes: Sequence[tuple[MailClaim, SendOutcome]], transport: Transport) -> None:
    """Write what became of the claims of a batch: those that were sent at once, the others one by one."""
    sent = {
        claim.job: _values_of(claim, outcome)
        for claim, outcome in outcomes
        if outcome.kind == "sent" and not claim.is_probe
    }
    written = DELIVERIES.complete_all(sent) if len(sent) > 1 else set()
    for claim, outcome in outcomes:
        if claim.job not in written:
            complete(claim, outcome, transport)


def _values_of(claim: MailClaim, outcome: SendOutcome) -> dict[str, Any]:
    reason = _storable(outcome.reason)
    if outcome.kind == "throttled":
        # A try that stopped a way on which other mail goes may do so because of its message.
        tries = claim.job.attempts if outcome.uses_try and not claim.is_probe else claim.job.attempts - 1
        may_have_left = outcome.may_have_left or not claim.is_first
        if tries >= DELIVERIES.max_attempts:
            return _ended("unknown" if may_have_left else "failed", reason)
        first_tried_at = claim.first_tried_at if may_have_left else None
        return {**DELIVERIES.waits(0), "attempts": tries, "first_tried_at": first_tried_at, "reason": reason}
    if outcome.kind == "indeterminate":
        accepted = {"accepted_at": clock.now()} if outcome.was_accepted else {}
        return {**_after_indeterminate(claim, reason), **accepted}
    if outcome.kind == "deferred":
        return _after_deferral(claim, reason)
    if outcome.kind == "duplicate":
        return _ended("sent" if claim.was_accepted else "unknown", reason)
    if outcome.kind == "rejected":
        return _refused(claim, reason)
    if outcome.kind == "not_tried":
        # It is due again, and no try is counted.
        before = {"attempts": claim.job.attempts - 1, "first_tried_at": _first_try_before(claim)}
        return {**DELIVERIES.waits(0), **before}
    if outcome.kind == "withdrawn":
        state = "cancelled" if claim.is_first else "unknown"
        return {**_ended(state, "stopped before it left"), "first_tried_at": _first_try_before(claim)}
    return {**_ended(outcome.kind, reason), "message_id": _storable(outcome.message_id)}


def _storable(text: str) -> str | None:
    """Return what every database keeps of a stranger's text: no NUL, no lone surrogate, 255 letters."""
    return "".join(letter for letter in text if letter.isprintable())[:255] or None


def _ended(state: str, reason: str | None) -> dict[str, Any]:
    return {"state": state, "reason": reason, "settled_at": clock.now()}


def _first_try_before(claim: MailClaim) -> datetime | None:
    """Return the first try that may have been accepted, leaving this one out."""
    return None if claim.is_first else claim.first_tried_at


def _refused(claim: MailClaim, reason: str | None) -> dict[str, Any]:
    """An earlier try may have been accepted, and what may have left is never free again."""
    return _ended("failed" if claim.is_first else "unknown", reason)


def _after_indeterminate(claim: MailClaim, reason: str | None) -> dict[str, Any]:
    delay = DELIVERIES.delay_after(claim.job.attempts)
    again_at = clock.now() + timedelta(seconds=delay)
    if not DELIVERIES.may_retry(claim.job) or not _is_key_kept(claim.first_tried_at, again_at):
        return _ended("unknown", reason)
    return {**DELIVERIES.waits(delay), "reason": reason}


def _after_deferral(claim: MailClaim, reason: str | None) -> dict[str, Any]:
    if not DELIVERIES.may_retry(claim.job):
        return _refused(claim, reason)
    # The ten minutes begin with the first try that may have been accepted: this one was not.
    first_tried_at = _first_try_before(claim)
    delay = DELIVERIES.delay_after(claim.job.attempts)
    return {**DELIVERIES.waits(delay), "first_tried_at": first_tried_at, "reason": reason}
