"""``mailing`` and ``deliveries``: for operators, until the console comes."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from sqlalchemy import func, select

from contentflow.core import audit, clock
from contentflow.core.db import Base, db, transaction
from contentflow.core.terminal import Said, command
from contentflow.mailing import breaker, standing, transports
from contentflow.mailing.models import STATES, Delivery
from contentflow.terminal_language import says

mailing = AppGroup("mailing", help=says("Comment les e-mails partent."))
deliveries = AppGroup("deliveries", help=says("Les e-mails en route, et ce qu’ils sont devenus."))
GROUPS = (mailing, deliveries)


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
    open_ones = [
        f"{one.transport} until {clock.iso(one.half_open_at)}: {one.reason}" for one in breaker.all_open()
    ]
    return {
        "transport": transport.name if transport else "none",
        "pause": "; ".join(open_ones) or None,
        "paused_senders": ", ".join(one.scope for one in standing.paused_senders()) or None,
        "oldest_queued": clock.iso(oldest),
        **{state: counts.get(state, 0) for state in STATES},
    }


@command(
    mailing,
    "resume",
    says(
        "Finit tout repos de l’envoi, par exemple quand le compte est réparé ; avec QUI, la pause d’un "
        "partenaire (adresse ou id) ou d’un domaine."
    ),
)
@click.argument("who", required=False, metavar="[QUI]")
@click.option("--reason", default="", help=says("pourquoi, pour le journal"))
def resume(who: str | None, reason: str) -> Said:
    with transaction():
        ended = breaker.close() if who is None else int(standing.resume(_scope_of(who), reason))
        audit.note("cli", "mailing.resume", " ".join(filter(None, (_scope_of(who or ""), reason))))
    said = _("L’envoi reprend.") if ended else _("L’envoi ne se reposait pas.")
    return Said({"ended": ended}, said)


def _scope_of(who: str) -> str:
    """Return the partner's id of an address; an id or a domain stays what it is."""
    if "@" not in who:
        return who
    partners = Base.metadata.tables["partners"]  # Above us: of them only the address is asked.
    found = select(partners.c.id).where(func.lower(partners.c.email) == who.strip().lower())
    return db.session.scalar(found) or who


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
            **one.to_dict(),
            "attempts": one.attempts,
            "reason": one.reason,
            "message_id": one.message_id,
            "partner_id": one.partner_id,
            "partner_name": one.context.get("sender_name"),
        }
        for one in db.session.scalars(newest_first)
    ]
