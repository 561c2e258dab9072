"""What the programme holds on a recipient, since when, and how all of it is forgotten.

Capabilities above hand in what they hold; whoever has a mail's stop link may look at it, and end it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from flask import Flask, current_app
from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from contentflow.consent.models import Subscription, Suppression
from contentflow.core.db import db
from contentflow.mailing.models import Delivery

Words = str


class Holding(NamedTuple):
    """A line for its reader: what is held, from whom it came ("" where from nobody), and since when."""

    what: Words
    since: datetime
    partner_name: str = ""


class Held(NamedTuple):
    """All that is held on one recipient; ``address`` is what is left of it in clear, or None."""

    address: str | None
    holdings: list[Holding]


Part = Callable[[str], Iterable[Holding]]
Forget = Callable[[str], object]
MAX_MAILS = 1_000


def register_holdings(app: Flask, part: Part) -> None:
    """Let ``part(recipient_hash)`` say what a capability above holds on an address."""
    app.extensions.setdefault("holdings", []).append(part)


def on_forget(app: Flask, subscriber: Forget) -> None:
    """Call ``subscriber(recipient_hash)`` when somebody wants to be forgotten; the stop itself stays."""
    app.extensions.setdefault("forgets", []).append(subscriber)


def tell_forget(recipient: str) -> None:
    for subscriber in current_app.extensions.get("forgets", []):
        subscriber(recipient)


def held_on(recipient: str) -> Held:
    """Return what is held on an address, the newest first."""
    theirs = Delivery.recipient_hash == recipient, Delivery.kind.not_in(("login", "confirmation", "clip"))
    newest_first = select(Delivery).where(*theirs).order_by(Delivery.created_at.desc()).limit(MAX_MAILS)
    mails = list(db.session.scalars(newest_first))
    names = {
        mail.partner_id: str(mail.context["sender_name"]) for mail in mails if "sender_name" in mail.context
    }
    yeses = db.session.scalars(select(Subscription).where(Subscription.recipient_hash == recipient))
    said_yes = _("Votre oui à ses messages")
    found = [Holding(said_yes, one.created_at, names.get(one.partner_id, "")) for one in yeses]
    found += [*_sent(mails, names), *_stops(recipient, names)]
    for part in current_app.extensions.get("holdings", []):
        found += part(recipient)
    address = next((mail.recipient for mail in mails if mail.recipient), None)
    return Held(address, sorted(found, key=lambda one: one.since, reverse=True))


def _sent(mails: Iterable[Delivery], names: dict[str | None, str]) -> Iterable[Holding]:
    by_partner: dict[str | None, list[Delivery]] = {}
    for mail in mails:
        by_partner.setdefault(mail.partner_id, []).append(mail)
    for partner_id, own in by_partner.items():
        if any(mail.recipient for mail in own):
            what = ngettext("%(num)s message dans nos envois", "%(num)s messages dans nos envois", len(own))
        else:
            what = ngettext(
                "Trace d’un message, sans votre adresse",
                "Trace de %(num)s messages, sans votre adresse",
                len(own),
            )
        yield Holding(what, min(mail.created_at for mail in own), names.get(partner_id, ""))


def _stops(recipient: str, names: dict[str | None, str]) -> Iterable[Holding]:
    words = {
        "unsubscribe": _("Votre « stop »"),
        "complaint": _("Votre signalement comme indésirable"),
        "bounce": _("Un refus de votre messagerie"),
    }
    for one in db.session.scalars(select(Suppression).where(Suppression.recipient_hash == recipient)):
        what = words.get(one.cause, _("Un arrêt posé par l’équipe"))
        yield Holding(what, one.created_at, names.get(one.partner_id or None, ""))
