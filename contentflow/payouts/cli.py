"""``contentflow payout …``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.core.terminal import Said
from contentflow.payouts import exporting, runs, settling, showing
from contentflow.terminal_language import says

ACTOR = "cli"

group = AppGroup("payout", help=says("Les versements : lots, relevés de la banque, sommes de l’année."))


@terminal.command(group, "draft", says("Prépare le lot d’un mois révolu, AAAA-MM."))
@click.argument("month")
def draft(month: str) -> dict[str, str]:
    with transaction():
        return {"id": runs.draft(month, ACTOR).id}


@terminal.command(group, "show", says("Montre un lot : qui est payé, qui ne l’est pas et pourquoi."))
@click.argument("run_id", metavar="RUN")
def show(run_id: str) -> list[dict[str, Any]]:
    page = showing.run_page(run_id)
    rows = [
        {
            "partner": row.partner_id,
            "partner_name": row.name,
            "state": row.state,
            "reason": row.reason,
            "payout": row.payout_id,
            "last_four": row.last_four,
            "net_cents": row.net_cents,
            "vat_cents": row.vat_cents,
            "total_cents": row.total_cents,
        }
        for row in page.rows
    ]
    nothing = {"payout": "", "last_four": "", "net_cents": 0, "vat_cents": 0, "total_cents": 0}
    rows += [
        {
            "partner": one.partner_id,
            "partner_name": page.names.get(one.partner_id, ""),
            "state": "left_out",
            "reason": one.reason,
            **nothing,
        }
        for one in page.left_out
    ]
    return rows


@terminal.command(group, "report", says("Lit un relevé de la banque : pain.002, camt.053 ou camt.054."))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def report(file: Path) -> list[dict[str, Any]]:
    with file.open("rb") as content, transaction():
        _kind, verdicts = settling.read_report(content.read(settling.MAX_BYTES + 1), ACTOR)
    return [
        {
            "number": one.label,
            "end_to_end_id": one.end_to_end_id,
            "state": one.line.outcome,
            "verdict": str(one.verdict),
            "reason": one.line.code,
            "cents": one.line.cents,
        }
        for one in verdicts
    ]


@terminal.command(group, "year", says("Écrit les sommes d’une année par bénéficiaire, pour la DAS2 (CSV)."))
@click.argument("year")
def year(year: str) -> Said:
    rows = [
        {
            "siret": one.siret,
            "name": one.name,
            "street": one.street,
            "postcode": one.postcode,
            "city": one.city,
            "invoiced_cents": one.invoiced_cents,
            "paid_cents": one.paid_cents,
            "declared": one.is_declared,
        }
        for one in exporting.year_lines(year)
    ]
    return Said(
        {"year": year, "beneficiaries": rows}, exporting.year_csv(year) if rows else _("Aucune somme.")
    )
