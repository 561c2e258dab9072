"""What capabilities above are told: somebody answered, stopped, or bounced."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple

from flask import Flask, current_app

Kind = Literal["yes", "no", "unsubscribed", "bounced"]


class Proof(NamedTuple):
    """The sentence that was shown, when its button was pressed, where, and the keyed hash of the IP."""

    text: str
    at: datetime
    origin: str
    ip_hash: str
    language: str


class RecipientAnswer(NamedTuple):
    """What became of an address with ``partner_id``, or ("") with everybody.

    ``address`` is None where it is erased; yes and no come of a mail's link, and have a proof.
    """

    kind: Kind
    recipient_hash: str
    partner_id: str
    address: str | None = None
    proof: Proof | None = None


AnswerSubscriber = Callable[[RecipientAnswer], object]


def on_answer(app: Flask, subscriber: AnswerSubscriber) -> None:
    """Call ``subscriber(answer)`` in the transaction that keeps it."""
    app.extensions.setdefault("answers", []).append(subscriber)


def tell_answer(answer: RecipientAnswer) -> None:
    for subscriber in current_app.extensions.get("answers", []):
        subscriber(answer)
