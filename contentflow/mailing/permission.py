"""Whether a mail may leave: asked when it is planned, and again in the claim of each try."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from flask import Flask, current_app
from sqlalchemy import func, select, text

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, is_sqlite
from contentflow.mailing import pauses
from contentflow.mailing.models import Delivery, FirstContact, Subscription, Suppression

EVERYBODY = ""  # the partner_id of a suppression that holds for the whole programme
ACCOUNT_WINDOW = timedelta(hours=24)

SenderLock = Callable[[str], bool]


def lock(name: str) -> None:
    """Let one transaction at a time pass here; SQLite has one writer anyway."""
    if not is_sqlite():
        db.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def register_sender_lock(app: Flask, may_send: SenderLock) -> None:
    """Let ``may_send(partner_id)`` hold the sender's row, and say whether mail may leave in their name."""
    app.extensions["sender_lock"] = may_send


def lock_sender(partner_id: str | None) -> bool:
    """Whether the sender may send until the transaction ends: taken before any row of theirs is."""
    if partner_id is None:
        return True
    may_send: SenderLock = current_app.extensions["sender_lock"]
    return may_send(partner_id)


def suppressed_for(partner_id: str | None, hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that must get no share mail of this partner."""
    scopes = [EVERYBODY, partner_id or EVERYBODY]
    found = select(Suppression.recipient_hash).where(
        Suppression.recipient_hash.in_(hashes), Suppression.partner_id.in_(scopes)
    )
    return set(db.session.scalars(found))


def subscribed_to(partner_id: str | None, hashes: Collection[str]) -> set[str]:
    """Return those of ``hashes`` that said yes themselves to this partner."""
    found = select(Subscription.recipient_hash).where(
        Subscription.recipient_hash.in_(hashes), Subscription.partner_id == partner_id
    )
    return set(db.session.scalars(found))


def once_contacted(hashes: Collection[str]) -> set[str]:
    found = select(FirstContact.recipient_hash).where(FirstContact.recipient_hash.in_(hashes))
    return set(db.session.scalars(found))


def must_wait(delivery: Delivery) -> bool:
    """Whether share mail stands still for now: switched off, or the account's day is full."""
    if delivery.kind != "share":
        return False
    return not settings().can_mail_kits or _is_account_full(delivery)


def _is_account_full(delivery: Delivery) -> bool:
    limit = settings().email_account_daily_limit
    if limit is None or delivery.first_tried_at is not None:
        return False
    lock("mailing.account")
    since = clock.now() - ACCOUNT_WINDOW
    in_window = (Delivery.kind == "share", Delivery.first_tried_at > since, Delivery.state != "captured")
    used = db.session.scalar(select(func.count()).select_from(Delivery).where(*in_window)) or 0
    if used < limit:
        pauses.end(pauses.ACCOUNT)
        return False
    frees = select(Delivery.first_tried_at).where(*in_window).order_by(Delivery.first_tried_at)
    first = db.session.scalars(frees.offset(used - limit).limit(1)).one()
    assert first is not None
    pauses.rest(pauses.ACCOUNT, (first - since).total_seconds(), "EMAIL_ACCOUNT_DAILY_LIMIT is reached")
    return True


def may_still_leave(delivery: Delivery) -> bool:
    """Whether its reader may still be written to; what was planned may have been stopped since."""
    if delivery.recipient is None:
        return False
    if delivery.kind != "share":
        return True
    reader = delivery.recipient_hash
    if suppressed_for(delivery.partner_id, [reader]):
        return False
    return bool(subscribed_to(delivery.partner_id, [reader])) or _holds_first_contact(delivery)


def _holds_first_contact(delivery: Delivery) -> bool:
    held = select(FirstContact.delivery_id).where(FirstContact.recipient_hash == delivery.recipient_hash)
    return db.session.scalar(held) == delivery.id
