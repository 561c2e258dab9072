"""``contentflow platform | assignment …``."""

from __future__ import annotations

from typing import Any

import click
from flask.cli import AppGroup

from contentflow.core import audit, clock, terminal
from contentflow.core.db import transaction
from contentflow.core.terminal import Said
from contentflow.publishing import administration, breaker
from contentflow.publishing.models import STATES
from contentflow.publishing.platforms import PLATFORMS
from contentflow.terminal_language import says

ACTOR = "cli"
NAME = click.Choice(list(PLATFORMS))

platform_group = AppGroup("platform", help=says("Les plateformes où les partenaires publient."))
assignment_group = AppGroup("assignment", help=says("Les publications des partenaires."))
GROUPS = (platform_group, assignment_group)


@terminal.command(
    platform_group, "list", says("Montre chaque plateforme : reliée, portée, en pause, comptes.")
)
def platform_list() -> list[dict[str, Any]]:
    return administration.list_platforms()


@terminal.command(
    platform_group, "pause", says("Plus rien ne part sur cette plateforme, jusqu’à « resume ».")
)
@click.argument("name", type=NAME)
def platform_pause(name: str) -> Said:
    with transaction():
        breaker.pause(name)
        audit.note(ACTOR, "platform.pause", name)
    return Said({"paused": name}, says("%s est en pause : ce qui est prévu attend.") % name)


@terminal.command(platform_group, "resume", says("Ce qui attend sur cette plateforme repart."))
@click.argument("name", type=NAME)
def platform_resume(name: str) -> Said:
    with transaction():
        breaker.resume(name)
        audit.note(ACTOR, "platform.resume", name)
    return Said({"resumed": name}, says("%s repart.") % name)


@terminal.command(assignment_group, "list", says("Montre les publications, les plus récentes d’abord."))
@click.option("--state", type=click.Choice(STATES), default=None, help=says("seulement celles-là"))
def assignment_list(state: str | None) -> list[dict[str, Any]]:
    return [
        {
            "id": one.id,
            "platform": one.platform,
            "state": one.state,
            "publish_at": clock.iso(one.publish_at),
            "reason": one.reason,
        }
        for one in administration.list_assignments(state)
    ]


@terminal.command(
    assignment_group, "settle", says("Dit ce qu’est devenue une publication dont nul ne sait rien.")
)
@click.argument("assignment_id", metavar="ID")
@click.argument("state", type=click.Choice(["published", "failed"]))
@click.option("--url", default="", help=says("où elle se voit"))
def assignment_settle(assignment_id: str, state: str, url: str) -> Said:
    with transaction():
        administration.settle(assignment_id, state, url)
        audit.note(ACTOR, f"assignment.{state}", assignment_id)
    return Said({"id": assignment_id, "state": state}, says("C’est noté : %s.") % state)
