"""What all commands share: ``--json``, tables with headers, sentences, exit status 1 for a refusal.

``--json`` is for scripts: its keys and values never change with the language. Without it people read.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import click
from babel.numbers import format_currency
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from contentflow import invisibles
from contentflow.core.errors import Refused
from contentflow.terminal_language import language, says

Command = Callable[..., Any]

HEADERS: Final = {
    "id": _l("identifiant"),
    "email": _l("adresse"),
    "name": _l("nom"),
    "state": _l("état"),
    "reason": _l("raison"),
    "partner": _l("partenaire"),
    "partner_id": _l("partenaire (identifiant)"),
    "partner_name": _l("nom du partenaire"),
    "partner_email": _l("adresse du partenaire"),
    "operator": _l("opérateur"),
    "role": _l("rôle"),
    "created_at": _l("créé le"),
    "at": _l("le"),
    "since": _l("depuis"),
    "set_at": _l("fixé le"),
    "advertiser": _l("annonceur"),
    "offer": _l("offre"),
    "share": _l("part"),
    "commission": _l("commission"),
    "cents": _l("montant"),
    "amount_cents": _l("montant (unités mineures)"),
    "currency": _l("devise"),
    "rate": _l("euros"),
    "credit": _l("crédit"),
    "held": _l("retenu"),
    "kind": _l("genre"),
    "type": _l("genre"),
    "transaction": _l("transaction"),
    "network": _l("réseau"),
    "click_id": _l("clic"),
    "recipient": _l("destinataire"),
    "recipient_hash": _l("empreinte de l’adresse"),
    "attempts": _l("essais"),
    "message_id": _l("identifiant du message"),
    "submission_id": _l("post"),
    "cause": _l("cause"),
    "number": _l("numéro"),
    "part": _l("partie"),
    "finding": _l("constat"),
    "sessions": _l("sessions ouvertes"),
    "may_get": _l("GET signé permis"),
    "url": _l("adresse web"),
    "preset": _l("réglage"),
    "mapping": _l("champs"),
    "verdict": _l("effet"),
    "conversion_id": _l("conversion"),
    "candidates": _l("clics possibles"),
    "retired_at": _l("retiré le"),
    "transport": _l("service d’envoi"),
    "pause": _l("pause"),
    "oldest_queued": _l("plus ancien en attente"),
    "category": _l("catégorie"),
    "holding_days": _l("jours d’attente"),
    "fixed_cents": _l("commission fixe"),
    "click_cents": _l("par clic"),
    "daily_budget_cents": _l("budget par jour"),
    "starts_on": _l("du"),
    "ends_on": _l("au"),
    "description": _l("description"),
    "brand_words": _l("mots de la marque"),
    "brand_pictures": _l("images de la marque"),
    "has_picture": _l("image"),
    "line": _l("ligne"),
    "before": _l("avant"),
    "after": _l("après"),
    "standing": _l("état"),
    "ours": _l("chez nous"),
    "theirs": _l("relevé"),
    "difference": _l("écart"),
    "ours_state": _l("état chez nous"),
    "theirs_state": _l("état du relevé"),
}
STATES: Final = {"active": _l("ouvert"), "suspended": _l("suspendu"), "paused": _l("en pause")}
AS_THEY_COME = {"amount_cents"}  # minor units of any currency
EXPORTED_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d):[\d.]+Z")  # as ``clock.iso`` writes it


class Said(NamedTuple):
    """``answer`` for scripts, and the sentence that people read instead."""

    answer: Mapping[str, Any]
    sentence: str


def command(group: click.Group, name: str, help_text: str | None = None) -> Callable[[Command], Command]:
    """Add a command that returns what it has to say: a dict, a list of dicts, ``Said``, or None.

    A dict of one value prints that value alone, longer ones a line a key; a list is a table with headers.
    ``help_text`` is what ``--help`` says of it.
    """

    def add(act: Command) -> Command:
        @functools.wraps(act)
        def run(as_json: bool, **arguments: Any) -> None:
            with force_locale(language()):
                try:
                    for name, value in arguments.items():
                        if isinstance(value, str) and not value.isascii():
                            # What was pasted may have marks around it that nobody sees.
                            arguments[name] = invisibles.trim(value)
                    answer = act(**arguments)
                except Refused as refusal:
                    raise click.ClickException(str(refusal.message)) from None
                if answer is not None:
                    say(answer, as_json)

        option = click.option("--json", "as_json", is_flag=True, help=says("en JSON, pour un programme"))
        wrapped: Command = group.command(name, help=help_text)(option(run))
        return wrapped

    return add


def say(answer: Any, as_json: bool) -> None:
    """Print an answer; that there is nothing to list is said aside, so that scripts read nothing."""
    if answer == [] and not as_json:
        click.echo(_("Il n’y a rien à montrer."), err=True)
    else:
        click.echo(written(answer, as_json))


def written(answer: Any, as_json: bool) -> str:
    if as_json:
        return json.dumps(answer.answer if isinstance(answer, Said) else answer, ensure_ascii=False)
    return in_words(answer)


def in_words(answer: Any) -> str:
    if isinstance(answer, Said):
        return answer.sentence
    if isinstance(answer, list):
        cells = [[_header(key) for key in answer[0]]] + [
            [_word(*cell) for cell in row.items()] for row in answer
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = (
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells
        )
        return "\n".join(line.rstrip() for line in lines)
    if isinstance(answer, dict) and len(answer) == 1:
        return _word(*next(iter(answer.items())))
    if isinstance(answer, dict):
        return "\n".join(f"{_header(key)}: {_word(key, value)}" for key, value in answer.items())
    return str(answer)


def _header(key: str) -> str:
    return str(HEADERS.get(key, key))


def _word(key: str, value: Any) -> str:
    """Return a value as people write it: no ``None``, no ``True``, sums in euros, times to the minute."""
    if isinstance(value, list):
        value = " ".join(map(str, value))
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return str(_("oui") if value else _("non"))
    if isinstance(value, int) and key.endswith("cents") and key not in AS_THEY_COME:
        return euros(value)
    if key == "state" and value in STATES:
        return str(STATES[value])
    if isinstance(value, str) and (time := EXPORTED_TIME.fullmatch(value)):
        return f"{time[1]} {time[2]} UTC"
    return " ".join(str(value).split())


def euros(cents: int) -> str:
    return str(format_currency(Decimal(cents) / 100, "EUR", locale=language()))


def without_database(error: SQLAlchemyError) -> str:
    """Say on one line what the database answered, without the values of any row."""
    said = (
        str(error.orig).strip().partition("\n")[0] if isinstance(error, DBAPIError) else type(error).__name__
    )
    sentence = says("La base de données refuse (%s) : voyez DATABASE_URL, ou « contentflow db upgrade ».")
    return sentence % said
