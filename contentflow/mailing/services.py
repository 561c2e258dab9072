"""What others ask of the mail: queue it, and take back what has not left."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, update

from contentflow.core import audit, clock
from contentflow.core.broker import enqueue
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.mailing import breaker, retention, standing
from contentflow.mailing.hooks import tell_undelivered
from contentflow.mailing.models import BULK, WAITING, Breaker, Delivery
from contentflow.mailing.recipients import recipient_hash

SEND = "mailing.send"


class NotPaused(Refused):
    status = 409
    message = _l("Ces envois ne sont pas en pause.")


# Queueing


def queue_login(recipient: str, request_id: str, language: str, *, is_invitation: bool = False) -> Delivery:
    """Queue the mail of a login request; its token is made when it is composed, and stands nowhere."""
    context = {"request_id": request_id} | ({"is_invitation": True} if is_invitation else {})
    return _queue_at_once(recipient, kind="login", language=language, context=context)


def queue_notice(
    kind: str, partner_id: str, recipient: str, language: str, context: dict[str, Any]
) -> Delivery:
    """Queue a mail to a partner about their own things: it goes as early as a login, and uses no cap."""
    return _queue_at_once(recipient, kind=kind, partner_id=partner_id, language=language, context=context)


def queue_words(recipient: str, language: str, words: dict[str, Any], leaves_at: datetime) -> Delivery:
    """Queue a mail of finished words, not to leave before ``leaves_at``; it uses no cap."""
    (delivery,) = queue_all([recipient], leaves_at, kind="notice", language=language, context=words)
    return delivery


def _queue_at_once(recipient: str, **values: Any) -> Delivery:
    (delivery,) = queue_all([recipient], clock.now(), **values)
    enqueue(SEND, delivery.id)
    return delivery


def queue_all(recipients: Iterable[str], leaves_at: datetime, **values: Any) -> list[Delivery]:
    """Queue the same mail to each recipient, not to leave before ``leaves_at``; the sweep finds them then.

    With ``due_at`` among the values they are ``scheduled``.
    """
    state = "scheduled" if values.get("due_at") else "queued"
    deliveries = [
        Delivery(
            id=new_id(),
            recipient=recipient,
            recipient_hash=recipient_hash(recipient),
            state=state,
            next_attempt_at=leaves_at,
            **values,
        )
        for recipient in recipients
    ]
    db.session.add_all(deliveries)
    db.session.flush()
    return deliveries


# Pauses


def open_breakers() -> list[Breaker]:
    """Return why mail does not leave freely; none: it does."""
    return breaker.all_open()


def resume(actor: str) -> int:
    """End every pause; returns how many there were."""
    ended = breaker.close()
    audit.note(actor, "mailing.resume", "", before={"pauses": ended}, after={"pauses": 0})
    return ended


def resume_sender(scope: str, actor: str, reason: str) -> None:
    """Let a paused sender's mails leave again. Raises ``NotPaused``."""
    if not standing.resume(scope, reason):
        raise NotPaused
    audit.note(actor, "mailing.resume", scope[:64], reason=reason)


# Taking back


def cancel_waiting(submission_id: str) -> int:
    """Take back whatever waits of a post that was withdrawn; returns how many."""
    return _cancel(Delivery.submission_id == submission_id)


def cancel_of_partner(partner_id: str) -> int:
    """Take back whatever waits in a partner's name; returns how many."""
    return _cancel(Delivery.partner_id == partner_id)


def cancel_of_send(send_id: str) -> int:
    """Take back what has not left yet of one press of “send”; returns how many."""
    return _cancel(Delivery.send_id == send_id)


def cancel_words(delivery_id: str) -> bool:
    """Take back a mail of finished words that has not left; False when it has."""
    taken = db.session.execute(
        update(Delivery)
        .where(
            Delivery.id == delivery_id,
            Delivery.kind == "notice",
            Delivery.state == "queued",
            Delivery.first_tried_at.is_(None),
        )
        .values(state="cancelled", settled_at=clock.now(), reason="taken back")
        .execution_options(synchronize_session=False)
    )
    return bool(taken.rowcount)  # type: ignore[attr-defined]


def stop_shares_to(recipient: str, partner_id: str | None) -> set[str | None]:
    """Take back what waits for somebody who said stop, of one partner or of all, and drop their address.

    Returns the ids of the sends that held it.
    """
    from_whom = [Delivery.partner_id == partner_id] if partner_id else []
    _cancel(Delivery.recipient_hash == recipient, *from_whom)
    return retention.erase_recipient(recipient, *from_whom)


def cancel_to(recipient: str) -> int:
    """Take back whatever waits for an address that takes no mail any more; returns how many."""
    return _cancel(Delivery.recipient_hash == recipient)


def _cancel(*which: ColumnElement[bool]) -> int:
    """Cancel the waiting mails of partners that were never tried; one that may have left goes on."""
    cancelled = db.session.scalars(
        update(Delivery)
        .where(
            Delivery.kind.in_(BULK), Delivery.state.in_(WAITING), Delivery.first_tried_at.is_(None), *which
        )
        .values(state="cancelled", settled_at=clock.now(), reason="taken back")
        .returning(Delivery.id)
        .execution_options(synchronize_session=False)
    ).all()
    tell_undelivered(cancelled)
    return len(cancelled)
