"""``contentflow network | rate | conversion | hold | contract | ledger …``."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.core import clock, terminal
from contentflow.core.db import transaction
from contentflow.core.ids import new_id
from contentflow.core.terminal import Said
from contentflow.earnings import amounts, contracts, conversions, holds, networks, services, signature
from contentflow.partners import services as partners
from contentflow.partners.refusals import UnknownPartner
from contentflow.tongue import says

ACTOR = "cli"

network_group = AppGroup("network", help=says("Les réseaux d’affiliation qui annoncent des ventes."))
rate_group = AppGroup("rate", help=says("Ce que vaut en euros une unité d’une devise."))
conversion_group = AppGroup("conversion", help=says("Ce que les réseaux ont annoncé."))
hold_group = AppGroup("hold", help=says("Ce qui est retenu jusqu’à la décision d’un opérateur."))
contract_group = AppGroup(
    "contract", help=says("Les contrats acceptés par les partenaires, loi 2023-451, article 8.")
)
ledger_group = AppGroup("ledger", help=says("Les corrections, en les nommant."))
GROUPS = (network_group, rate_group, conversion_group, hold_group, contract_group, ledger_group)


@terminal.command(network_group, "add", says("Ajoute un réseau et montre son secret, cette seule fois."))
@click.argument("name")
def network_add(name: str) -> dict[str, str]:
    with transaction():
        _, secret = networks.add_network(name, ACTOR)
        return {"secret": secret}


@terminal.command(network_group, "list", says("Montre les réseaux, jamais leurs secrets."))
def network_list() -> list[dict[str, Any]]:
    return [
        {
            "id": network.id,
            "name": network.name,
            "may_get": networks.may_use_get(network.name),
            "created_at": clock.iso(network.created_at),
        }
        for network in networks.list_networks()
    ]


@terminal.command(network_group, "curl", says("Écrit un appel signé, bon pour 300 secondes."))
@click.argument("name")
@click.option("--transaction", "transaction_id", default="", help=says("sans elle : une nouvelle"))
@click.option("--type", "kind", default="sale", type=click.Choice(["sale", "lead", "refund"]))
@click.option("--click-id", default="", help=says("sans lui : le clic valide le plus récent"))
@click.option(
    "--refund-of", default="", help=says("la transaction de la vente, pour un remboursement qui a la sienne")
)
@click.option("--amount-cents", default=1_000, show_default=True)
@click.option("--currency", default="EUR", show_default=True)
def network_curl(
    name: str,
    transaction_id: str,
    kind: str,
    click_id: str,
    refund_of: str,
    amount_cents: int,
    currency: str,
) -> dict[str, str]:
    secret = networks.secret_of(networks.get_network(name))
    fields: dict[str, Any] = {"transaction": transaction_id or f"TEST-{new_id()[:8]}", "type": kind}
    if kind != "refund":
        fields["click_id"] = click_id or services.newest_click() or ""
        if not fields["click_id"]:
            sentence = says(
                "Aucun clic valide encore : la vente ne sera à personne avant « conversion attach »."
            )
            click.echo(sentence, err=True)
    elif refund_of:
        fields["refund_of"] = refund_of
    fields |= {"amount_cents": amount_cents, "currency": currency}
    body, path = json.dumps(fields, separators=(",", ":")), f"/postback/{name}"
    signed = signature.sign(secret, int(clock.now().timestamp()), "POST", path, body.encode())
    words = [
        "curl",
        "-sS",
        "-X",
        "POST",
        settings().public_base_url + path,
        "-H",
        "Content-Type: application/json",
    ]
    words += ["-H", f"{signature.HEADER}: {signed}", "--data-binary", body]
    return {"call": shlex.join(words)}


@terminal.command(rate_group, "list", says("Montre les taux, et depuis quand ils valent."))
def rate_list() -> list[dict[str, Any]]:
    return [
        {
            "currency": rate.currency,
            "rate": f"{Decimal(rate.micros) / amounts.MICROS:f}",
            "set_at": clock.iso(rate.set_at),
        }
        for rate in networks.list_rates()
    ]


@terminal.command(rate_group, "set", says("Garde un taux, par exemple USD 0.92, pour les ventes à venir."))
@click.argument("currency")
@click.argument("rate")
def rate_set(currency: str, rate: str) -> Said:
    with transaction():
        code = networks.set_rate(currency, rate, ACTOR).currency
    words = _("Un %(currency)s vaut %(rate)s € pour les ventes à venir.", currency=code, rate=rate)
    return Said({"currency": code}, words)


@terminal.command(conversion_group, "unattributed", says("Montre ce qui ne crédite personne, et pourquoi."))
def conversion_unattributed() -> list[dict[str, Any]]:
    names = {network.id: network.name for network in networks.list_networks()}
    return [
        {
            "id": row.id,
            "network": names.get(row.network_id),
            "reason": conversions.why_unattributed(row),
            "type": row.type,
            "transaction": row.transaction,
            "click_id": row.click_id,
            "amount_cents": row.amount_cents,
            "currency": row.currency,
            "at": clock.iso(row.at),
        }
        for row in conversions.list_unattributed()
    ]


@terminal.command(
    conversion_group, "attach", says("Donne une vente qui n’est à personne au partenaire d’un clic.")
)
@click.argument("conversion_id")
@click.argument("click_id")
def conversion_attach(conversion_id: str, click_id: str) -> Said:
    with transaction():
        partner_id = conversions.attach(conversion_id, click_id, ACTOR).partner_id
    return Said({"partner": partner_id}, _("La vente est attribuée au partenaire %(id)s.", id=partner_id))


@terminal.command(hold_group, "list", says("Montre ce qui est retenu, le plus ancien d’abord."))
def hold_list() -> list[dict[str, Any]]:
    held = holds.list_holds()
    names = partners.names_of(credit.partner_id for _hold, credit in held)
    return [
        {
            "credit": credit.id,
            "reason": hold.reason,
            "partner": credit.partner_id,
            "partner_name": names.get(credit.partner_id),
            "advertiser": credit.advertiser,
            "cents": credit.cents - credit.taken_cents,
            "since": clock.iso(hold.opened_at),
        }
        for hold, credit in held
    ]


@terminal.command(
    hold_group,
    "release",
    says("Libère un crédit retenu comme suspect ; un contrat ne se remplace pas ainsi."),
)
@click.argument("credit_id")
def hold_release(credit_id: str) -> Said:
    with transaction():
        state = holds.release_credit(credit_id, ACTOR).state
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
@click.argument("credit_id")
@click.option("--reason", required=True, help=says("le partenaire la lit sur son relevé"))
def hold_reject(credit_id: str, reason: str) -> Said:
    with transaction():
        cents = services.reject_credit(credit_id, reason, ACTOR)
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
    accepted_at = clock.now() if accepted_on is None else accepted_on.replace(tzinfo=UTC)
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
@click.argument("credit_id")
@click.argument("cents", type=int)
@click.option("--reason", required=True, help=says("le partenaire la lit sur son relevé"))
def ledger_clawback(credit_id: str, cents: int, reason: str) -> Said:
    with transaction():
        credit = services.claw_back(credit_id, cents, reason, ACTOR)
        left = credit.cents - credit.taken_cents
    words = _("%(sum)s sont repris, il reste %(left)s.", sum=terminal.euros(cents), left=terminal.euros(left))
    return Said({"left_cents": left}, words)
