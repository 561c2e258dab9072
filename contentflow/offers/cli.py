"""``contentflow offer …``."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.offers import services

group = AppGroup("offer", help="What is promoted.")


@terminal.command(group, "add")
@click.argument("name")
@click.argument("url")
@click.option("--advertiser", default="", metavar="NAME", help="who pays for it")
@click.option("--revshare-pct", default=None, metavar="0.40", help="the partner's share, a fraction of 1")
def add(name: str, url: str, advertiser: str, revshare_pct: str | None) -> dict[str, str]:
    """Add an offer and print its id.

    URL is https and may hold {click_id} {partner_id} {submission_id} {channel}.
    """
    share = None if revshare_pct is None else services.parse_revshare(revshare_pct)
    with transaction():
        offer = services.add_offer(name, url, advertiser, share)
        return {"id": offer.id}
