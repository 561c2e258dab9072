"""A plain mail kind for the tests of the way out, and what became of it."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.mailing import services as mailing
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery


def write_plain_logins(app: Flask) -> None:
    """Let login mails be composed of nothing: these tests are about the way, not the words."""
    mailing.register_composer(app, "login", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))


def queue(recipient: str = "reader@example.org") -> str:
    with transaction():
        return mailing.queue_login(recipient, "request", "fr").id


def delivery(delivery_id: str) -> Delivery:
    db.session.rollback()
    found = db.session.get(Delivery, delivery_id, populate_existing=True)
    assert found is not None
    return found


def states() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Delivery.state)))
