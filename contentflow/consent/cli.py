"""``suppression``: who must not be written to, for operators, until the console comes."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from sqlalchemy import select

from contentflow.consent import services
from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.terminal import Said, command
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.terminal_language import says

suppression = AppGroup("suppression", help=says("Qui ne doit pas recevoir d’e-mails de partage."))


@command(suppression, "add", says("Arrête les e-mails de partage vers une adresse."))
@click.argument("address")
@click.option("--partner", "partner_id", default="", help=says("de ce partenaire seulement"))
def add(address: str, partner_id: str) -> Said:
    with transaction():
        is_new = services.suppress(address, partner_id)
        audit.note("cli", "suppression.add", recipient_hash(address))
    said = (
        _("Cette adresse ne recevra plus d’e-mails de partage.")
        if is_new
        else _("Cette adresse n’en recevait déjà plus.")
    )
    return Said({"added": is_new}, said)


@command(
    suppression,
    "remove",
    says("Lève un arrêt, seulement si la personne l’a demandé : la loi compte sur cette liste."),
)
@click.argument("address")
@click.option("--partner", "partner_id", default="", help=says("l’arrêt de ce partenaire seulement"))
def remove(address: str, partner_id: str) -> Said:
    with transaction():
        was_there = services.unsuppress(address, partner_id)
        audit.note("cli", "suppression.remove", recipient_hash(address))
    said = _("L’arrêt est levé.") if was_there else _("Aucun arrêt n’était là : rien n’est changé.")
    return Said({"removed": was_there}, said)


@command(
    suppression,
    "list",
    says("Montre les derniers arrêts ; les adresses ne sont pas gardées, leurs empreintes seules."),
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_suppressions(limit: int) -> list[dict[str, Any]]:
    return [
        {
            "recipient_hash": one.recipient_hash,
            "partner_id": one.partner_id or None,
            "partner_name": _sender_name(one.partner_id),
            "cause": one.cause,
            "at": clock.iso(one.created_at),
        }
        for one in services.list_suppressions(limit)
    ]


def _sender_name(partner_id: str) -> str | None:
    """Return the name under which a partner wrote last; partners themselves stand above this room."""
    newest_first = (
        select(Delivery).where(Delivery.partner_id == partner_id).order_by(Delivery.created_at.desc())
    )
    newest = db.session.scalar(newest_first.limit(1)) if partner_id else None
    return newest.context.get("sender_name") if newest is not None else None
