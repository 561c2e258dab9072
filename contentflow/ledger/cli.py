"""``contentflow hold | contract | ledger …``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.core import clock, terminal
from contentflow.core.db import transaction
from contentflow.core.terminal import Said
from contentflow.ledger import contracts, holds, services
from contentflow.partners import services as partners
from contentflow.partners.errors import UnknownPartner
from contentflow.terminal_language import says

ACTOR = "cli"

hold_group = AppGroup("hold", help=says("Ce qui est retenu jusqu’à la décision d’un opérateur."))
contract_group = AppGroup(
    "contract", help=says("Les contrats acceptés par les partenaires, loi 2023-451, article 8.")
)
ledger_group = AppGroup("ledger", help=says("Les corrections, en les nommant."))
GROUPS = (hold_group, contract_group, ledger_group)


@terminal.command(hold_group, "list", says("Montre ce qui est retenu, le plus ancien d’abord."))
def hold_list() -> list[dict[str, Any]]:
    held = holds.list_holds()
    names = partners.names_of(commission.partner_id for _hold, commission in held)
    return [
        {
            "credit": commission.id,
            "reason": hold.reason,
            "partner": commission.partner_id,
            "partner_name": names.get(commission.partner_id),
            "advertiser": commission.advertiser,
            "cents": commission.left_cents,
            "since": clock.iso(hold.opened_at),
        }
        for hold, commission in held
    ]


@terminal.command(
    hold_group,
    "release",
    says("Libère un crédit retenu comme suspect ; un contrat ne se remplace pas ainsi."),
)
@click.argument("commission_id", metavar="CREDIT_ID")
def hold_release(commission_id: str) -> Said:
    with transaction():
        state = holds.release_commission(commission_id, ACTOR).state
    said = {
        "pending": _("Le crédit est libéré : il attend la fin de son délai."),
        "available": _("Le crédit est libéré et disponible."),
        "held": _("Le crédit n’est plus suspect ; il attend encore un contrat."),
    }
    return Said({"state": state}, said[state])


@terminal.command(
    hold_group,
    "reject",
    says("Refuse un crédit retenu : il est repris en entier, et le partenaire en lit la raison."),
)
@click.argument("commission_id", metavar="CREDIT_ID")
@click.option("--reason", required=True, help=says("le partenaire la lit sur son relevé"))
def hold_reject(commission_id: str, reason: str) -> Said:
    with transaction():
        cents = services.reject_commission(commission_id, reason, ACTOR)
    words = _("Le crédit est refusé : %(sum)s sont repris.", sum=terminal.euros(cents))
    return Said({"taken_cents": cents}, words)


@terminal.command(
    contract_group,
    "record",
    says("Inscrit la version d’un contrat que le partenaire a accepté ; ce qui l’attendait est libéré."),
)
@click.argument("email")
@click.argument("advertiser")
@click.argument("version")
@click.option("--accepted-on", type=click.DateTime(["%Y-%m-%d"]), help=says("sans lui : maintenant"))
def contract_record(
    email: str, advertiser: str, version: str, accepted_on: datetime | None
) -> dict[str, str]:
    accepted_at = clock.now() if accepted_on is None else clock.start_of(accepted_on.date())
    with transaction():
        partner = partners.find_partner_by_email(email)
        if partner is None:
            raise UnknownPartner
        return {"id": contracts.record_contract(partner.id, advertiser, version, accepted_at, ACTOR).id}


@terminal.command(
    contract_group,
    "due",
    says(
        "Montre qui n’a pas de contrat, mais 800 € ou plus d’un annonceur cette année, ou une somme retenue."
    ),
)
def contract_due() -> list[dict[str, Any]]:
    return [
        {
            "email": partners.get_partner(partner_id).email or "",
            "partner": partner_id,
            "advertiser": one.advertiser,
            "cents": one.cents,
            "held": one.is_held,
        }
        for partner_id, one in contracts.list_due()
    ]


@terminal.command(ledger_group, "clawback", says("Reprend une partie d’un crédit."))
@click.argument("commission_id", metavar="CREDIT_ID")
@click.argument("cents", type=int)
@click.option("--reason", required=True, help=says("le partenaire la lit sur son relevé"))
def ledger_clawback(commission_id: str, cents: int, reason: str) -> Said:
    with transaction():
        commission = services.claw_back(commission_id, cents, reason, ACTOR)
        left = commission.left_cents
    words = _("%(sum)s sont repris, il reste %(left)s.", sum=terminal.euros(cents), left=terminal.euros(left))
    return Said({"left_cents": left}, words)
