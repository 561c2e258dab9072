"""Mails for the tests of the way out: queueing them, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from flask import Flask
from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.mailing import services as mailing
from contentflow.mailing.addresses import parse_addresses
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery
from contentflow.sharekit import shares

WORDS = shares.ShareWords(
    sender_name="Alice Martin",
    advertiser="Nova",
    disclosure="Publicité",
    title="Une heure gagnée par jour",
    description="Je l'utilise depuis un mois.\nLe soir, tout est fait.",
    cta="Découvrir",
    hashtags="#ia #tools",
    url="https://share.example.org/l/abc1234",
)
CONSENT = shares.Attestation("J'atteste que chacun est d'accord.", "kit")


def write_plain_logins(app: Flask) -> None:
    """Let login mails be composed of nothing: these tests are about the way, not the words."""
    register_composer(app, "login", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))


def queue(recipient: str = "reader@example.org") -> str:
    with transaction():
        return mailing.queue_login(recipient, "request", "fr").id


@dataclass(frozen=True)
class Sent:
    send_id: str
    verdicts: list[str]


def share(
    partner_id: str,
    submission_id: str,
    text: str | Sequence[str],
    name: str = "Alice Martin",
    reply_to: str = "",
) -> Sent:
    """Plan and queue a share as the kit's view does, but for the cap."""
    parsed = parse_addresses(text if isinstance(text, str) else "\n".join(text))
    words = replace(WORDS, sender_name=name, reply_to=reply_to)
    with transaction():
        plan = shares.plan_share(partner_id, submission_id, parsed)
        lots = [("", None)] * sum(one.eligibility == "queued" for one in plan)
        send_id = shares.queue_share(
            partner_id, submission_id, plan, {"": words}, lots, "fr", CONSENT, new_id()
        )
    return Sent(send_id, [one.eligibility for one in plan])


def verdicts(partner_id: str, submission_id: str, text: str) -> list[str]:
    return [one.eligibility for one in shares.plan_share(partner_id, submission_id, parse_addresses(text))]


def readers(count: int) -> list[str]:
    return [f"reader{number}@example.org" for number in range(count)]


def let_leave() -> None:
    """End the time in which a send can be taken back, and every wait for another try."""
    with transaction():
        db.session.execute(
            update(Delivery).where(Delivery.state == "queued").values(next_attempt_at=clock.now())
        )


def delivery(delivery_id: str) -> Delivery:
    db.session.rollback()
    found = db.session.get(Delivery, delivery_id, populate_existing=True)
    assert found is not None
    return found


def delivery_to(recipient: str) -> Delivery:
    db.session.rollback()
    newest = select(Delivery).where(Delivery.recipient == recipient).order_by(Delivery.created_at.desc())
    found = db.session.scalars(newest.execution_options(populate_existing=True)).first()
    assert found is not None
    return found


def states() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Delivery.state)))
