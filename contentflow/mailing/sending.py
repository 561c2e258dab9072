"""One delivery, from the claim to its settled outcome.

The claim decides, in one transaction, whether the mail may still leave, and composes it; the
network comes after it; the outcome is written under the claim's lease. While a try may have been
accepted ``first_tried_at`` stands, and only a transport that knows the delivery's id again is asked
again, within ten minutes (Brevo forgets an idempotency key after fifteen) and six tries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import clock, work
from contentflow.core.db import db
from contentflow.mailing import pauses
from contentflow.mailing.composers import compose
from contentflow.mailing.messages import Message
from contentflow.mailing.models import UNREACHED, Delivery, FirstContact
from contentflow.mailing.permission import lock_sender, may_still_leave, must_wait
from contentflow.mailing.transports import Outcome, Transport

WAITING, BUSY = ["queued"], "sending"
SAME_KEY_FOR = timedelta(minutes=10)
# A clock that is set moves the moment of a try; by more than this, and nobody knows how long ago it was.
SLACK = timedelta(minutes=1)
MOST_TRIES = 6


@dataclass(frozen=True)
class Claim:
    """``is_first``: no earlier try can have been accepted; ``was_accepted``: one was, said the service.

    ``is_probe``: the others wait for its answer.
    """

    delivery_id: str
    lease: str
    to: str
    message: Message
    tries: int
    first_tried_at: datetime
    is_first: bool
    was_accepted: bool
    is_probe: bool


def claim(delivery_id: str, transport: Transport) -> Claim | None:
    """Take a delivery that is due, and compose it; None when it waits, is settled, or not ours."""
    sender_id = db.session.scalar(select(Delivery.partner_id).where(Delivery.id == delivery_id))
    may_send = lock_sender(sender_id)
    delivery = _lock_due(delivery_id)
    if delivery is None:
        return None
    if _is_past_asking(delivery, transport):
        _close(delivery, "unknown", delivery.reason or "no answer in time")
        return None
    if not may_send:
        _drop(delivery, delivery.first_tried_at is None)
        return None
    if must_wait(delivery) or (way := pauses.take_way(transport.name)) == "closed":
        return None
    return _compose(delivery, _take(delivery, transport), transport, way == "probe")


def _lock_due(delivery_id: str) -> Delivery | None:
    return db.session.scalar(
        select(Delivery)
        .where(Delivery.id == delivery_id, work.due(Delivery, WAITING, [BUSY]))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )


def _is_past_asking(delivery: Delivery, transport: Transport) -> bool:
    """Whether it may have been accepted, and asking again could make a second message of it."""
    if delivery.first_tried_at is None:
        return False
    is_known_there = transport.knows_again and delivery.transport == transport.name
    return not is_known_there or not _is_key_kept(delivery.first_tried_at, clock.now())


def _is_key_kept(first_tried_at: datetime, at: datetime) -> bool:
    return first_tried_at - SLACK <= at < first_tried_at + SAME_KEY_FOR


@dataclass(frozen=True)
class _Taken:
    lease: str
    is_first: bool


def _take(delivery: Delivery, transport: Transport) -> _Taken:
    has_died = delivery.state == BUSY
    is_first = delivery.first_tried_at is None
    lease = work.claim(Delivery, delivery.id, WAITING, BUSY)
    assert lease is not None  # The row is locked since it was found due.
    db.session.refresh(delivery)
    if has_died:  # A worker's death uses up no try of the mail it held.
        delivery.attempts -= 1
    delivery.transport = transport.name
    delivery.first_tried_at = delivery.first_tried_at or clock.now()
    return _Taken(lease, is_first)


def _compose(delivery: Delivery, taken: _Taken, transport: Transport, is_probe: bool) -> Claim | None:
    message = compose(delivery) if may_still_leave(delivery) else None
    if message is None:
        _drop(delivery, taken.is_first)
        if is_probe:
            pauses.rest(transport.name, 0, "waits for one mail to try")
        return None
    assert delivery.recipient is not None and delivery.first_tried_at is not None
    return Claim(
        delivery_id=delivery.id,
        lease=taken.lease,
        to=delivery.recipient,
        message=message,
        tries=delivery.attempts,
        first_tried_at=delivery.first_tried_at,
        is_first=taken.is_first,
        was_accepted=delivery.accepted_at is not None,
        is_probe=is_probe,
    )


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
        free_first_contact(delivery.id)


def free_first_contact(*delivery_ids: str) -> None:
    """What never reached its reader uses nothing up."""
    db.session.execute(delete(FirstContact).where(FirstContact.delivery_id.in_(delivery_ids)))


def settle(claim: Claim, outcome: Outcome, transport: Transport) -> None:
    """Write what became of a claim; one that was taken over meanwhile keeps its successor's."""
    values = _settled(claim, outcome)
    is_ours = work.settle(Delivery, claim.delivery_id, claim.lease, **values)
    if is_ours and values["state"] in UNREACHED:
        free_first_contact(claim.delivery_id)
    if not is_ours and values["state"] == "sent":
        _tell_sent(claim.delivery_id, values)
    if outcome.kind == "rest":
        pauses.rest(transport.name, outcome.wait_seconds, outcome.reason)
    elif claim.is_probe:
        pauses.end(transport.name)


def _tell_sent(delivery_id: str, values: dict[str, Any]) -> None:
    """Who took the claim over could not know; its holder was only late, and was told that it was sent."""
    unknown = (Delivery.id == delivery_id, Delivery.state == "unknown")
    db.session.execute(
        update(Delivery).where(*unknown).values(values).execution_options(synchronize_session=False)
    )


def _settled(claim: Claim, outcome: Outcome) -> dict[str, Any]:
    reason = _storable(outcome.reason)
    if outcome.kind == "rest":
        return _after_rest(claim, outcome, reason)
    if outcome.kind == "unsure":
        accepted = {"accepted_at": clock.now()} if outcome.was_accepted else {}
        return {**_after_unsure(claim, reason), **accepted}
    if outcome.kind == "later":
        return _after_refusal(claim, reason)
    if outcome.kind == "taken":
        return _ended("sent" if claim.was_accepted else "unknown", reason)
    if outcome.kind == "failed":
        return _refused(claim, reason)
    return {**_ended(outcome.kind, reason), "message_id": _storable(outcome.message_id)}


def _storable(text: str) -> str | None:
    """Return what every database keeps of a stranger's text: no NUL, no lone surrogate, 255 letters."""
    return "".join(letter for letter in text if letter.isprintable())[:255] or None


def _ended(state: str, reason: str | None) -> dict[str, Any]:
    return {"state": state, "reason": reason, "settled_at": clock.now()}


def _refused(claim: Claim, reason: str | None) -> dict[str, Any]:
    """An earlier try may have been accepted, and what may have left is never free again."""
    return _ended("failed" if claim.is_first else "unknown", reason)


def _after_rest(claim: Claim, outcome: Outcome, reason: str | None) -> dict[str, Any]:
    """A try that stopped a way on which other mail goes may do so because of its message."""
    tries = claim.tries if outcome.uses_try and not claim.is_probe else claim.tries - 1
    may_have_left = outcome.may_have_left or not claim.is_first
    if tries >= MOST_TRIES:
        return _ended("unknown" if may_have_left else "failed", reason)
    first_tried_at = claim.first_tried_at if may_have_left else None
    return {**_wait(0), "attempts": tries, "first_tried_at": first_tried_at, "reason": reason}


def _after_unsure(claim: Claim, reason: str | None) -> dict[str, Any]:
    delay = _delay(claim.tries)
    again_at = clock.now() + timedelta(seconds=delay)
    if claim.tries >= MOST_TRIES or not _is_key_kept(claim.first_tried_at, again_at):
        return _ended("unknown", reason)
    return {**_wait(delay), "reason": reason}


def _after_refusal(claim: Claim, reason: str | None) -> dict[str, Any]:
    if claim.tries >= MOST_TRIES:
        return _refused(claim, reason)
    # The ten minutes begin with the first try that may have been accepted: this one was not.
    first_tried_at = None if claim.is_first else claim.first_tried_at
    return {**_wait(_delay(claim.tries)), "first_tried_at": first_tried_at, "reason": reason}


def _wait(seconds: float) -> dict[str, Any]:
    return {"state": "queued", "next_attempt_at": clock.now() + timedelta(seconds=seconds)}


def _delay(tries: int) -> int:
    delays = settings().mail_retry_seconds
    return delays[min(tries, len(delays)) - 1]
