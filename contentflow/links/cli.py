"""``contentflow links …``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.links import upkeep

group = AppGroup("links", help="Short links and the verdicts on their clicks.")
MOMENTS = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]


@terminal.command(group, "reclassify")
@click.argument("was")
@click.argument("becomes")
@click.option("--code", default="", help="the clicks of one short link")
@click.option("--agent-class", default="", help="preview, bot, mobile, desktop or unknown")
@click.option("--visitor-hash", default="", help="the clicks of one visitor")
@click.option("--block-hash", default="", help="the clicks out of one network block")
@click.option("--since", type=click.DateTime(MOMENTS), help="UTC")
@click.option("--until", type=click.DateTime(MOMENTS), help="UTC")
@click.option("--dry-run", is_flag=True, help="only count")
def reclassify(was: str, becomes: str, dry_run: bool, **which: Any) -> dict[str, int]:
    """Change verdicts, such as valid to bot, once a new robot is known.

    It is audited. What was earned stays: “ledger clawback” takes back by name.
    """
    since, until = (_utc(which.pop(name)) for name in ("since", "until"))
    wanted = upkeep.Which(since=since, until=until, **which)
    if dry_run:
        return {"clicks": upkeep.count_clicks(was, wanted)}
    return {"clicks": upkeep.reclassify(was, becomes, wanted, "cli")}


def _utc(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=UTC)
