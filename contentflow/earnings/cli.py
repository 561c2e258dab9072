"""``contentflow network | rate | conversion | hold | contract | ledger …``."""

from __future__ import annotations

import json
import shlex
from datetime import UTC, datetime
from typing import Any

import click
from flask.cli import AppGroup

from contentflow.config import settings
from contentflow.core import clock, terminal
from contentflow.core.db import transaction
from contentflow.core.ids import new_id
from contentflow.earnings import contracts, conversions, holds, networks, services, signature
from contentflow.partners import services as partners
from contentflow.partners.refusals import UnknownPartner

ACTOR = "cli"

network_group = AppGroup("network", help="Affiliate networks that report conversions.")
rate_group = AppGroup("rate", help="What a unit of a currency is worth in euros.")
conversion_group = AppGroup("conversion", help="What networks reported.")
hold_group = AppGroup("hold", help="What is held until an operator lets it go.")
contract_group = AppGroup("contract", help="Contracts that partners accepted, law 2023-451, article 8.")
ledger_group = AppGroup("ledger", help="Corrections by name.")
GROUPS = (network_group, rate_group, conversion_group, hold_group, contract_group, ledger_group)


@terminal.command(network_group, "add")
@click.argument("name")
def network_add(name: str) -> dict[str, str]:
    """Add a network and print its secret, this once."""
    with transaction():
        _, secret = networks.add_network(name, ACTOR)
        return {"secret": secret}


@terminal.command(network_group, "curl")
@click.argument("name")
@click.option("--transaction", "transaction_id", default="", help="default: a new one")
@click.option("--type", "kind", default="sale", type=click.Choice(["sale", "lead", "refund"]))
@click.option("--click-id", default="", help="default: the newest valid click")
@click.option("--refund-of", default="", help="the sale's transaction, for a refund with its own")
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
    """Print a signed call that is good for 300 seconds."""
    secret = networks.secret_of(networks.get_network(name))
    fields: dict[str, Any] = {"transaction": transaction_id or f"TEST-{new_id()[:8]}", "type": kind}
    if kind != "refund":
        fields["click_id"] = click_id or services.newest_click() or ""
        if not fields["click_id"]:
            click.echo("No valid click yet: this will be nobody's until “conversion attach”.", err=True)
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


@terminal.command(rate_group, "set")
@click.argument("currency")
@click.argument("rate")
def rate_set(currency: str, rate: str) -> dict[str, str]:
    """Keep a rate, such as USD 0.92, for the conversions to come."""
    with transaction():
        return {"currency": networks.set_rate(currency, rate, ACTOR).currency}


@terminal.command(conversion_group, "unattributed")
def conversion_unattributed() -> list[dict[str, Any]]:
    """List what credits nobody, and why."""
    return [
        {
            "id": row.id,
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


@terminal.command(conversion_group, "attach")
@click.argument("conversion_id")
@click.argument("click_id")
def conversion_attach(conversion_id: str, click_id: str) -> dict[str, str | None]:
    """Give an unattributed conversion to the partner of a click."""
    with transaction():
        return {"partner": conversions.attach(conversion_id, click_id, ACTOR).partner_id}


@terminal.command(hold_group, "list")
def hold_list() -> list[dict[str, Any]]:
    """List what is held, the oldest first."""
    return [
        {
            "credit": credit.id,
            "reason": hold.reason,
            "partner": credit.partner_id,
            "advertiser": credit.advertiser,
            "cents": credit.cents - credit.taken_cents,
            "since": clock.iso(hold.opened_at),
        }
        for hold, credit in holds.list_holds()
    ]


@terminal.command(hold_group, "release")
@click.argument("credit_id")
def hold_release(credit_id: str) -> dict[str, str]:
    """Let a credit go that was held as suspicious; a contract is not replaced by it."""
    with transaction():
        return {"state": holds.release_credit(credit_id, ACTOR).state}


@terminal.command(contract_group, "record")
@click.argument("email")
@click.argument("advertiser")
@click.argument("version")
@click.option("--accepted-on", type=click.DateTime(["%Y-%m-%d"]), help="default: now")
def contract_record(
    email: str, advertiser: str, version: str, accepted_on: datetime | None
) -> dict[str, str]:
    """Put a contract's version on record that the partner accepted; what waited for it is let go."""
    accepted_at = clock.now() if accepted_on is None else accepted_on.replace(tzinfo=UTC)
    with transaction():
        partner = partners.find_partner_by_email(email)
        if partner is None:
            raise UnknownPartner
        return {"id": contracts.record_contract(partner.id, advertiser, version, accepted_at, ACTOR).id}


@terminal.command(contract_group, "due")
def contract_due() -> list[dict[str, Any]]:
    """List who has no contract but 800 € or more of one advertiser this year, or something held."""
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


@terminal.command(ledger_group, "clawback")
@click.argument("credit_id")
@click.argument("cents", type=int)
@click.option("--reason", required=True, help="the partner reads it on the statement")
def ledger_clawback(credit_id: str, cents: int, reason: str) -> dict[str, int]:
    """Take back a part of a credit."""
    with transaction():
        credit = services.claw_back(credit_id, cents, reason, ACTOR)
        return {"left_cents": credit.cents - credit.taken_cents}
