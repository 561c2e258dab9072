"""How a message leaves: each transport says truthfully what became of it."""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from contentflow.mailing.messages import Message

Kind = Literal[
    "sent",
    "captured",
    "rejected",
    "unknown",
    "indeterminate",
    "duplicate",
    "deferred",
    "throttled",
    "not_tried",
    "withdrawn",
]


class SendOutcome(NamedTuple):
    """What a transport knows of one message.

    ``sent``, ``captured``, ``rejected`` and ``unknown`` are final. ``indeterminate``: it may have been
    accepted, and the same key may be tried again; ``was_accepted``: the service said so, only the end
    of its answer is missing. ``duplicate``: the key was used before, by a try that may have been accepted.
    ``deferred``: this one was not accepted, for now. ``throttled``: it was not accepted, and nothing will be
    for ``wait_seconds``; ``uses_try``: unless the message itself is why; ``may_have_left``: that it was
    not accepted is not certain. ``reason`` is for operators: never an address, a key or a token.

    Two are the worker's, of a mail that waited for others of its batch: ``not_tried``, it is due again;
    ``withdrawn``, it was stopped meanwhile. No transport was asked.
    """

    kind: Kind
    reason: str = ""
    message_id: str = ""
    wait_seconds: float = 0
    was_accepted: bool = False
    uses_try: bool = False
    may_have_left: bool = False


class Transport(Protocol):
    """``knows_again``: a second try with the same delivery id is never a second message."""

    name: str
    knows_again: bool

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome: ...


def chosen() -> Transport | None:
    """Return the transport that the settings ask for; in development without one the local mailbox.

    None: no mail leaves, and what waits goes on waiting.
    """
    from contentflow.config import settings
    from contentflow.mailing.transports.brevo import Brevo
    from contentflow.mailing.transports.mailbox import Mailbox
    from contentflow.mailing.transports.smtp import Smtp

    if not settings().sends_mail:
        return None
    if settings().brevo_api_key:
        return Brevo(settings())
    return Smtp(settings()) if settings().smtp_url else Mailbox(settings())
