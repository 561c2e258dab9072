"""``contentflow links …``."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import ngettext

from contentflow.core import terminal
from contentflow.core.terminal import Said
from contentflow.links import upkeep
from contentflow.terminal_language import says

group = AppGroup("links", help=says("Les liens courts et les verdicts de leurs clics."))
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@terminal.command(
    group,
    "reclassify",
    says("Change des verdicts, par exemple valid en bot, quand un nouveau robot est connu.")
    + "\n\n"
    + says("C’est inscrit au journal. Ce qui fut gagné reste : « ledger clawback » reprend, en le nommant."),
)
@click.argument("was")
@click.argument("becomes")
@click.option("--code", default="", help=says("les clics d’un lien court"))
@click.option("--agent-class", default="", help="preview, bot, mobile, desktop, unknown")
@click.option("--visitor-hash", default="", help=says("les clics d’un visiteur"))
@click.option("--block-hash", default="", help=says("les clics d’un bloc d’adresses"))
@click.option("--since", type=click.DateTime(MOMENTS), help="UTC")
@click.option("--until", type=click.DateTime(MOMENTS), help="UTC")
@click.option("--dry-run", is_flag=True, help=says("compte seulement"))
def reclassify(was: str, becomes: str, dry_run: bool, **which: Any) -> Said:
    since, until = (at and at.replace(tzinfo=UTC) for at in (which.pop("since"), which.pop("until")))
    wanted = upkeep.Which(since=since, until=until, **which)
    if dry_run:
        clicks = upkeep.count_clicks(was, wanted)
        sentence = ngettext("%(num)s clic changerait.", "%(num)s clics changeraient.", clicks)
    else:
        clicks = upkeep.reclassify(was, becomes, wanted, "cli")
        sentence = ngettext("%(num)s clic est changé.", "%(num)s clics sont changés.", clicks)
    return Said({"clicks": clicks}, sentence)
