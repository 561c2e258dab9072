"""What capabilities above hand in: who writes a mail, who may send, who hears that none arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from flask import Flask, current_app

from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery

Composer = Callable[[Delivery], Message | None]
# For mails of one sender that leave together: what all of them need is asked once.
BatchComposer = Callable[[Sequence[Delivery]], Composer]
SenderLock = Callable[[str], bool]
Undelivered = Callable[[Sequence[str]], object]
Ended = Callable[[Delivery, str], object]
Clicked = Callable[[Delivery, datetime], object]


def register_composer(app: Flask, kind: str, compose: Composer) -> None:
    """Let ``compose(delivery)`` write the mails of a kind, in the transaction that claims the row.

    It returns None for a mail that nobody needs any more, or that its recipient must not get: the delivery
    is then ``cancelled``.
    """
    register_batch_composer(app, kind, lambda _: compose)


def register_batch_composer(app: Flask, kind: str, prepare: BatchComposer) -> None:
    """As ``register_composer``, with the composer that ``prepare(deliveries)`` returns for these alone."""
    app.extensions.setdefault("composers", {})[kind] = prepare


def compose(deliveries: Sequence[Delivery]) -> dict[str, Message]:
    """Return the messages by their delivery's id; those that must not go are not among them."""
    found: dict[str, Message] = {}
    for kind in {delivery.kind for delivery in deliveries}:
        those = [delivery for delivery in deliveries if delivery.kind == kind]
        prepare: BatchComposer = current_app.extensions["composers"][kind]
        composer = prepare(those)
        found |= {one.id: message for one in those if (message := composer(one)) is not None}
    return found


def register_sender_lock(app: Flask, may_send: SenderLock) -> None:
    """Let ``may_send(partner_id)`` hold the sender's row, and say whether mail may leave in their name."""
    app.extensions["sender_lock"] = may_send


def lock_sender(partner_id: str | None) -> bool:
    """Whether the sender may send until the transaction ends: taken before any row of theirs is."""
    if partner_id is None:
        return True
    may_send: SenderLock = current_app.extensions["sender_lock"]
    return may_send(partner_id)


def on_undelivered(app: Flask, subscriber: Undelivered) -> None:
    """Call ``subscriber(delivery_ids)`` when mails end unreached, in the transaction that ends them."""
    app.extensions.setdefault("undelivered", []).append(subscriber)


def tell_undelivered(delivery_ids: Sequence[str]) -> None:
    for subscriber in current_app.extensions.get("undelivered", []):
        subscriber(delivery_ids)


def on_ended(app: Flask, subscriber: Ended) -> None:
    """Call ``subscriber(delivery, cause)`` when the service tells that its recipient takes no more.

    ``cause`` is ``bounce`` (the address is dead), ``complaint`` or ``unsubscribe``; in the transaction that
    notes it on the delivery, and again when it is told again.
    """
    app.extensions.setdefault("ended", []).append(subscriber)


def tell_ended(delivery: Delivery, cause: str) -> None:
    for subscriber in current_app.extensions.get("ended", []):
        subscriber(delivery, cause)


def on_clicked(app: Flask, subscriber: Clicked) -> None:
    """Call ``subscriber(delivery, at)`` once for each click in a mail that the service tells."""
    app.extensions.setdefault("clicked", []).append(subscriber)


def tell_clicked(delivery: Delivery, at: datetime) -> None:
    for subscriber in current_app.extensions.get("clicked", []):
        subscriber(delivery, at)
