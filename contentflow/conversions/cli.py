"""``contentflow network | rate | conversion …``."""

from __future__ import annotations

import gc
import sys
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.conversions import (
    amounts,
    attribution,
    networks,
    reconciliation,
    reports,
    services,
    statement_import,
    statement_words,
    trying,
    unattributed,
)
from contentflow.conversions.presets import GENERIC, PRESETS
from contentflow.core import clock, terminal
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.core.terminal import Said
from contentflow.terminal_language import says

ACTOR = "cli"

network_group = AppGroup("network", help=says("Les réseaux d’affiliation qui annoncent des ventes."))
rate_group = AppGroup("rate", help=says("Ce que vaut en euros une unité d’une devise."))
conversion_group = AppGroup("conversion", help=says("Ce que les réseaux ont annoncé."))
GROUPS = (network_group, rate_group, conversion_group)


@terminal.command(network_group, "add", says("Ajoute un réseau et montre son secret, cette seule fois."))
@click.argument("name")
@click.option(
    "--preset",
    default=GENERIC,
    show_default=True,
    type=click.Choice(list(PRESETS)),
    help=says("sa façon d’annoncer"),
)
def network_add(name: str, preset: str) -> Said:
    with transaction():
        network, secret = networks.add_network(name, ACTOR, preset)
        return Said({"secret": secret, "url": networks.address_of(network)}, secret)


@terminal.command(
    network_group, "url", says("Montre l’adresse à donner au réseau, avec son jeton et ses propres macros.")
)
@click.argument("name")
def network_url(name: str) -> dict[str, str]:
    return {"url": networks.address_of(networks.get_network(name))}


@terminal.command(
    network_group,
    "map",
    says("Dit quel champ du réseau est lequel, CLÉ=VALEUR ; sans valeur, la clé s’en va."),
)
@click.argument("name")
@click.argument("lines", nargs=-1, metavar="KEY=VALUE …")
def network_map(name: str, lines: tuple[str, ...]) -> dict[str, str]:
    wanted = dict(line.partition("=")[::2] for line in lines)
    with transaction():
        network = networks.get_network(name)
        return dict(networks.change_mapping(network, wanted, ACTOR) if wanted else network.mapping)


@terminal.command(network_group, "show", says("Montre comment un réseau annonce, jamais ses secrets."))
@click.argument("name")
def network_show(name: str) -> dict[str, Any]:
    network = networks.get_network(name)
    return {
        "id": network.id,
        "name": network.name,
        "preset": network.preset,
        "mapping": dict(network.mapping),
        "created_at": clock.iso(network.created_at),
        "retired_at": clock.iso(network.retired_at),
    }


@terminal.command(
    network_group, "rotate", says("Donne au réseau un autre jeton ; l’ancien vaut jusqu’au suivant.")
)
@click.argument("name")
@click.option("--secret", "is_secret", is_flag=True, help=says("le secret qui signe, et non le jeton"))
def network_rotate(name: str, is_secret: bool) -> dict[str, str]:
    with transaction():
        network = networks.get_network(name)
        if is_secret:
            return {"secret": networks.rotate_secret(network, ACTOR)}
        networks.rotate_token(network, ACTOR)
        return {"url": networks.address_of(network)}


@terminal.command(
    network_group, "retire", says("N’accepte plus rien d’un réseau : 404. Ce qu’il a annoncé reste.")
)
@click.argument("name")
def network_retire(name: str) -> Said:
    with transaction():
        network = networks.get_network(name)
        networks.retire(network, ACTOR)
        name = network.name
    return Said({"network": name}, _("Le réseau %(name)s n’annonce plus rien.", name=name))


@terminal.command(
    network_group, "last", says("Montre les 50 derniers rapports d’un réseau et ce qu’ils ont fait.")
)
@click.argument("name")
def network_last(name: str) -> list[dict[str, Any]]:
    return reports.list_last(networks.get_network(name))


@terminal.command(network_group, "list", says("Montre les réseaux, jamais leurs secrets."))
def network_list() -> list[dict[str, Any]]:
    return [
        {
            "id": network.id,
            "name": network.name,
            "preset": network.preset,
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
    network = networks.get_network(name)
    fields: dict[str, Any] = {"transaction": transaction_id or f"TEST-{new_id()[:8]}", "type": kind}
    if kind != "refund":
        fields["click_id"] = click_id or attribution.newest_click() or ""
        if not fields["click_id"]:
            sentence = says(
                "Aucun clic valide encore : la vente ne sera à personne avant « conversion attach »."
            )
            click.echo(sentence, err=True)
    elif refund_of:
        fields["refund_of"] = refund_of
    fields |= {"amount_cents": amount_cents, "currency": currency}
    return {"call": trying.signed_call(network, fields)}


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
            "reason": unattributed.why_unattributed(row),
            "type": row.type,
            "transaction": row.transaction,
            "click_id": row.click_id,
            "candidates": unattributed.candidates(row),
            "amount_cents": row.amount_cents,
            "currency": row.currency,
            "at": clock.iso(row.occurred_at),
        }
        for row in unattributed.list_unattributed()
    ]


@terminal.command(
    conversion_group, "import", says("Montre ce qu’un relevé de réseau (CSV) changerait ; --apply l’écrit.")
)
@click.argument("network")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--apply", "applies", is_flag=True, help=says("écrit, une seule fois même si c’est repris"))
@click.option(
    "--month",
    type=click.DateTime(["%Y-%m"]),
    help=says("le mois comparé, par exemple 2026-10 ; sans lui : les jours du fichier"),
)
def conversion_import(network: str, file: Path, applies: bool, month: datetime | None) -> Said:
    opened = statement_import.open_statement(networks.get_network(network), file)
    db.session.rollback()
    # The rows stay until the end: looking for rubbish among them over and over took a fifth of the time.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    act = statement_import.apply if applies else statement_import.preview
    with click.progressbar(length=len(opened.lines), label=file.name, file=sys.stderr) as bar:
        judged = act(opened, bar.update)
    found = statement_words.Found(
        network=network,
        is_applied=applies,
        settles=opened.settles,
        judged=judged,
        sums=reconciliation.sums_of(judged),
        period=(period := reconciliation.period_of(opened, month)),
        compared=reconciliation.compare(opened, judged, period),
    )
    return Said(statement_words.for_programs(found), statement_words.for_people(found))


@terminal.command(
    conversion_group, "attach", says("Donne une vente qui n’est à personne au partenaire d’un clic.")
)
@click.argument("conversion_id")
@click.argument("click_id")
def conversion_attribute(conversion_id: str, click_id: str) -> Said:
    with transaction():
        partner_id = services.attribute(conversion_id, click_id, ACTOR).partner_id
    return Said({"partner": partner_id}, _("La vente est attribuée au partenaire %(id)s.", id=partner_id))
