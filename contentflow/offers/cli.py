"""``contentflow offer …``."""

from __future__ import annotations

from typing import Any, BinaryIO

import click
from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.offers import pictures, services
from contentflow.offers.terms import OfferTerms

group = AppGroup("offer", help="What is promoted.")
DAY = click.DateTime(["%Y-%m-%d"])


@terminal.command(group, "add")
@click.argument("name")
@click.argument("url")
@click.option("--advertiser", default="", metavar="NAME", help="who pays for it")
@click.option("--revshare-pct", default=None, metavar="0.40", help="the partner's share of the commission")
@click.option(
    "--category", default="other", show_default=True, help="what it is about; some are banned by law"
)
@click.option(
    "--fixed-cents", default=0, show_default=True, help="a sale or lead earns it on top of the share"
)
@click.option("--commission-pct", metavar="0.10", help="what the advertiser pays of a sale, a fraction of 1")
@click.option("--click-cents", default=0, show_default=True, help="what a valid click earns")
@click.option("--holding-days", default=30, show_default=True, help="days until an earning is available")
@click.option("--daily-budget-cents", type=int, help="the most that clicks earn a day, over all partners")
@click.option("--starts-on", type=DAY)
@click.option("--ends-on", type=DAY, help="the last day on which new posts may choose it")
@click.option("--description", default="", help="what it is, for partners")
@click.option("--picture", type=click.File("rb"), help="JPEG, PNG or WebP, 500 kB at most")
@click.option("--brand-words", default="", help="what partners may say of the brand")
@click.option(
    "--brand-picture", "brand_pictures", multiple=True, metavar="URL", help="https; several may stand there"
)
def add(
    name: str, url: str, advertiser: str, revshare_pct: str | None, picture: BinaryIO | None, **terms: Any
) -> dict[str, str]:
    """Add an offer and print its id.

    URL is https and may hold {click_id} {partner_id} {submission_id} {channel}.
    """
    share = None if revshare_pct is None else services.parse_revshare(revshare_pct)
    with transaction():
        offer = services.add_offer(name, url, advertiser, share, _terms(terms))
        if picture is not None:
            pictures.set_picture(offer, picture.read(pictures.MAX_BYTES + 1))
        return {"id": offer.id}


def _terms(given: dict[str, Any]) -> OfferTerms:
    days = {name: given[name].date() if given[name] else None for name in ("starts_on", "ends_on")}
    pct = given.pop("commission_pct")
    commission = None if pct is None else services.parse_commission(pct)
    return OfferTerms(
        **{**given, **days, "commission_bp": commission, "brand_pictures": "\n".join(given["brand_pictures"])}
    )
