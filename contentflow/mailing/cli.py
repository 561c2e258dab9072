"""``mailing``, ``deliveries`` and ``suppression``: for operators, until the console comes."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import func, select

from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.terminal import command
from contentflow.mailing import pauses, services, transports
from contentflow.mailing.models import STATES, Delivery

mailing = AppGroup("mailing", help="How the mail leaves.")
deliveries = AppGroup("deliveries", help="Mails on their way and what became of them.")
suppression = AppGroup("suppression", help="Who must not get share mail.")
GROUPS = (mailing, deliveries, suppression)


@command(mailing, "status")
def status() -> dict[str, Any]:
    """Say by which way mail leaves, how many are in each state, and whether the sender rests."""
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


@command(mailing, "resume")
def resume() -> dict[str, Any]:
    """End every rest of the sender now, as after the account was mended."""
    with transaction():
        ended = pauses.end()
        audit.note("cli", "mailing.resume", "")
    return {"ended": ended}


@command(deliveries, "list")
@click.option("--state", type=click.Choice(STATES), help="only these")
@click.option("--partner", "partner_id", help="only this partner's")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_deliveries(state: str | None, partner_id: str | None, limit: int) -> list[dict[str, Any]]:
    """List the newest deliveries."""
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
            "submission_id": one.submission_id,
            "at": clock.iso(one.created_at),
        }
        for one in db.session.scalars(newest_first)
    ]


@command(suppression, "add")
@click.argument("address")
@click.option("--partner", "partner_id", default="", help="from this partner only")
def add(address: str, partner_id: str) -> dict[str, Any]:
    """Stop share mail to an address."""
    with transaction():
        is_new = services.suppress(address, partner_id)
        audit.note("cli", "suppression.add", services.recipient_hash(address))
    return {"added": is_new}


@command(suppression, "remove")
@click.argument("address")
@click.option("--partner", "partner_id", default="", help="the stop of this partner only")
def remove(address: str, partner_id: str) -> dict[str, Any]:
    """Lift a stop. Only where the person asked for it: the law counts on this list."""
    with transaction():
        was_there = services.unsuppress(address, partner_id)
        audit.note("cli", "suppression.remove", services.recipient_hash(address))
    return {"removed": was_there}


@command(suppression, "list")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
def list_suppressions(limit: int) -> list[dict[str, Any]]:
    """List the newest entries; addresses are not kept, only their keyed hashes."""
    return [
        {
            "recipient_hash": one.recipient_hash,
            "partner_id": one.partner_id or None,
            "cause": one.cause,
            "at": clock.iso(one.created_at),
        }
        for one in services.list_suppressions(limit)
    ]
