"""``contentflow offer …``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, BinaryIO

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.core.terminal import Said
from contentflow.offers import administration, pictures, services
from contentflow.offers.models import Offer, OfferRecord
from contentflow.offers.terms import OfferTerms
from contentflow.terminal_language import says

ACTOR = "cli"
group = AppGroup("offer", help=says("Ce qui est promu."))
DAY = click.DateTime(["%Y-%m-%d"])
URL_HELP = says("L’adresse est en https et peut contenir {click_id} {partner_id} {submission_id} {channel}.")
NAMED = says("OFFER est un identifiant, ou un nom qu’une seule offre porte.")
TERMS = ("fixed_cents", "click_cents", "daily_budget_cents", "description", "brand_words", "brand_pictures")

OPTIONS = (
    click.option("--advertiser", metavar="NAME", help=says("qui la paie")),
    click.option("--revshare-pct", metavar="0.40", help=says("part du partenaire dans la commission")),
    click.option(
        "--commission-pct",
        metavar="0.10",
        help=says("ce que l’annonceur paie d’une vente, une fraction de 1"),
    ),
    click.option("--category", help=says("son sujet, « other » sans autre ; la loi en interdit certains")),
    click.option(
        "--fixed-cents", type=int, help=says("ce qu’une vente ou un prospect rapporte en plus de la part")
    ),
    click.option("--click-cents", type=int, help=says("ce que rapporte un clic valide")),
    click.option(
        "--holding-days", type=int, help=says("jours avant qu’un gain soit disponible, 30 sans autre")
    ),
    click.option(
        "--daily-budget-cents",
        type=int,
        help=says("le plus que rapportent les clics d’un jour, tous partenaires compris"),
    ),
    click.option("--starts-on", type=DAY, help=says("le premier jour où un nouveau post peut la choisir")),
    click.option("--ends-on", type=DAY, help=says("le dernier jour où un nouveau post peut la choisir")),
    click.option("--description", help=says("ce que c’est, pour les partenaires")),
    click.option("--picture", type=click.File("rb"), help=says("JPEG, PNG ou WebP, 500 ko au plus")),
    click.option("--brand-words", help=says("ce que les partenaires peuvent dire de la marque")),
    click.option(
        "--brand-picture",
        "brand_pictures",
        multiple=True,
        metavar="URL",
        help=says("en https ; il peut y en avoir plusieurs"),
    ),
)


def with_options(act: Callable[..., Any]) -> Callable[..., Any]:
    for option in reversed(OPTIONS):
        act = option(act)
    return act


@terminal.command(group, "add", says("Ajoute une offre et donne son identifiant.") + "\n\n" + URL_HELP)
@click.argument("name")
@click.argument("url")
@with_options
def add(
    name: str, url: str, advertiser: str | None, picture: BinaryIO | None, **given: Any
) -> dict[str, str]:
    given = _given(given)
    share = given.pop("revshare_bp", None)
    with transaction():
        offer = administration.add(ACTOR, name, url, advertiser or "", share, OfferTerms(**given))
        _set_picture(offer, picture)
        return {"id": offer.id}


@terminal.command(group, "list", says("Montre toutes les offres, celles qui sont en pause aussi."))
def list_offers() -> list[OfferRecord]:
    return [offer.to_dict() for offer in administration.all_offers()]


@terminal.command(group, "show", says("Montre une offre.") + "\n\n" + NAMED)
@click.argument("offer")
def show(offer: str) -> dict[str, Any]:
    found = administration.get_named(offer)
    return {
        **found.to_dict(),
        "url": found.url,
        **{name: getattr(found, name) for name in TERMS},
        "has_picture": bool(found.picture_digest),
        "starts_on": found.starts_on.isoformat() if found.starts_on else None,
        "ends_on": found.ends_on.isoformat() if found.ends_on else None,
    }


@terminal.command(
    group,
    "set",
    says("Change ce qui est donné ; les posts gardent les conditions et l’adresse de leur création.")
    + "\n\n"
    + NAMED,
)
@click.argument("offer")
@click.option("--name", help=says("son nom"))
@click.option("--url", help=URL_HELP)
@with_options
def change(
    offer: str, name: str | None, url: str | None, advertiser: str | None, picture: BinaryIO | None,
    **given: Any,
) -> OfferRecord:  # fmt: skip
    named = {"name": name, "url": url, "advertiser": advertiser}
    changes = {key: value for key, value in named.items() if value is not None} | _given(given)
    with transaction():
        changed = administration.change(offer, ACTOR, **changes)
        _set_picture(changed, picture)
        return changed.to_dict()


@terminal.command(
    group, "pause", says("Ferme l’offre aux nouveaux posts ; ceux qu’elle a continuent.") + "\n\n" + NAMED
)
@click.argument("offer")
def pause(offer: str) -> Said:
    with transaction():
        administration.set_paused(offer, True, ACTOR)
    return Said({"state": "paused"}, _("L’offre est en pause : aucun nouveau post ne peut la choisir."))


@terminal.command(group, "resume", says("Rouvre une offre en pause.") + "\n\n" + NAMED)
@click.argument("offer")
def resume(offer: str) -> Said:
    with transaction():
        administration.set_paused(offer, False, ACTOR)
    return Said({"state": "active"}, _("L’offre est rouverte aux nouveaux posts."))


def _given(options: dict[str, Any]) -> dict[str, Any]:
    """Return what was typed, as the services take it."""
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if "revshare_pct" in given:
        given["revshare_bp"] = services.parse_revshare(given.pop("revshare_pct"))
    if "commission_pct" in given:
        given["commission_bp"] = services.parse_commission(given.pop("commission_pct"))
    if "brand_pictures" in given:
        given["brand_pictures"] = "\n".join(given["brand_pictures"])
    return {name: value.date() if isinstance(value, datetime) else value for name, value in given.items()}


def _set_picture(offer: Offer, picture: BinaryIO | None) -> None:
    if picture is not None:
        pictures.set_picture(offer, picture.read(pictures.MAX_BYTES + 1))
