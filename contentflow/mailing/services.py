"""What others ask of the mail: queue it, take it back, stop it, say yes."""

from __future__ import annotations

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.work import ring
from contentflow.mailing.composers import register_composer as register_composer
from contentflow.mailing.composers import render_mail as render_mail
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash as recipient_hash

SEND = "mailing.send"


def queue_login(recipient: str, request_id: str, language: str) -> Delivery:
    """Queue the mail of a login request; its token is made when it is composed, and stands nowhere."""
    delivery = Delivery(
        kind="login",
        recipient=recipient,
        recipient_hash=recipient_hash(recipient),
        language=language,
        words={"request_id": request_id},
        state="queued",
        next_attempt_at=clock.now(),
    )
    db.session.add(delivery)
    db.session.flush()
    ring(SEND, delivery.id)
    return delivery
