"""What others ask of the mail: queue it, take it back, stop it, say yes."""

from __future__ import annotations

from typing import Any

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.work import ring
from contentflow.mailing.composers import register_composer, render_mail
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.sends import (
    Entry,
    Mail,
    MailPage,
    SendResult,
    SendSummary,
    cancel_send,
    find_send,
    mails_of_post,
    recent_sends,
    send_result,
)
from contentflow.mailing.share_mail import Shown, preview_share, register_show
from contentflow.mailing.shares import (
    Consent,
    Judged,
    ShareWords,
    cancel_of_partner,
    cancel_waiting,
    captured_since,
    plan_share,
    queue_share,
)
from contentflow.mailing.tokens import find_delivery, make_token, one_click
from contentflow.mailing.wishes import (
    Reader,
    find_reader,
    list_suppressions,
    subscribe,
    suppress,
    unsubscribe,
    unsuppress,
)

__all__ = [
    "Consent",
    "Entry",
    "Judged",
    "Mail",
    "MailPage",
    "Reader",
    "SendResult",
    "SendSummary",
    "ShareWords",
    "Shown",
    "cancel_of_partner",
    "cancel_send",
    "cancel_waiting",
    "captured_since",
    "find_delivery",
    "find_reader",
    "find_send",
    "list_suppressions",
    "mails_of_post",
    "make_token",
    "one_click",
    "plan_share",
    "preview_share",
    "queue_login",
    "queue_notice",
    "queue_share",
    "recent_sends",
    "recipient_hash",
    "register_composer",
    "register_show",
    "render_mail",
    "send_result",
    "subscribe",
    "suppress",
    "unsubscribe",
    "unsuppress",
]

SEND = "mailing.send"


def queue_login(recipient: str, request_id: str, language: str, *, is_invitation: bool = False) -> Delivery:
    """Queue the mail of a login request; its token is made when it is composed, and stands nowhere."""
    words = {"request_id": request_id} | ({"is_invitation": True} if is_invitation else {})
    return _queue_at_once(recipient, kind="login", language=language, words=words)


def queue_notice(
    kind: str, partner_id: str, recipient: str, language: str, words: dict[str, Any]
) -> Delivery:
    """Queue a mail to a partner about their own things: it goes as early as a login, and uses no cap."""
    return _queue_at_once(recipient, kind=kind, partner_id=partner_id, language=language, words=words)


def _queue_at_once(recipient: str, **values: Any) -> Delivery:
    delivery = Delivery(
        recipient=recipient,
        recipient_hash=recipient_hash(recipient),
        state="queued",
        next_attempt_at=clock.now(),
        **values,
    )
    db.session.add(delivery)
    db.session.flush()
    ring(SEND, delivery.id)
    return delivery
