"""``mailing``, ``deliveries`` and ``suppression``: for operators, until the console comes."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from sqlalchemy import func, select

from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.terminal import Said, command
from contentflow.mailing import pauses, services, transports
from contentflow.mailing.models import STATES, Delivery
from contentflow.tongue import says

mailing = AppGroup("mailing", help=says("Comment les e-mails partent."))
deliveries = AppGroup("deliveries", help=says("Les e-mails en route, et ce qu’ils sont devenus."))
suppression = AppGroup("suppression", help=says("Qui ne doit pas recevoir d’e-mails de partage."))
GROUPS = (mailing, deliveries, suppression)


@command(
    mailing,
    "status",
    says("Dit par où partent les e-mails, combien sont dans chaque état, et si l’envoi se repose."),
)
def status() -> dict[str, Any]:
    count = select(Delivery.state, func.count()).group_by(Delivery.state)
    counts = {state: number for state, number in db.session.execute(count)}
    oldest = db.session.scalar(select(func.min(Delivery.created_at)).where(Delivery.state == "queued"))
    transport = transports.chosen()
    rests = [f"{one.transport} until {clock.iso(one.until)}: {one.reason}" for one in pauses.all_pauses()]
    return {
        "transport": transport.name if transport else "none",
        "pause": "; ".join(rests) or None,
        "oldest_queued": clock.iso(oldest),
        **{state: counts.get(state, 0) for state in STATES},
    }


@command(mailing, "resume", says("Finit tout repos de l’envoi, par exemple quand le compte est réparé."))
def resume() -> Said:
    with transaction():
        ended = pauses.end()
        audit.note("cli", "mailing.resume", "")
    said = _("L’envoi reprend.") if ended else _("L’envoi ne se reposait pas.")
    return Said({"ended": ended}, said)


@command(deliveries, "list", says("Montre les e-mails les plus récents."))
@click.option("--state", type=click.Choice(STATES), help=says("ceux-là seulement"))
@click.option("--partner", "partner_id", help=says("ceux de ce partenaire seulement"))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_deliveries(state: str | None, partner_id: str | None, limit: int) -> list[dict[str, Any]]:
    which = [Delivery.state == state] if state else []
    which += [Delivery.partner_id == partner_id] if partner_id else []
    newest_first = select(Delivery).where(*which).order_by(Delivery.created_at.desc()).limit(limit)
    return [
        {
            "id": one.id,
            "kind": one.kind,
            "state": one.state,
            "recipient": one.recipient,
            "attempts": one.attempts,
            "reason": one.reason,
            "message_id": one.message_id,
            "partner_id": one.partner_id,
            "partner_name": one.words.get("sender_name"),
            "submission_id": one.submission_id,
            "at": clock.iso(one.created_at),
        }
        for one in db.session.scalars(newest_first)
    ]


@command(suppression, "add", says("Arrête les e-mails de partage vers une adresse."))
@click.argument("address")
@click.option("--partner", "partner_id", default="", help=says("de ce partenaire seulement"))
def add(address: str, partner_id: str) -> Said:
    with transaction():
        is_new = services.suppress(address, partner_id)
        audit.note("cli", "suppression.add", services.recipient_hash(address))
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
        audit.note("cli", "suppression.remove", services.recipient_hash(address))
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
    return newest.words.get("sender_name") if newest is not None else None
