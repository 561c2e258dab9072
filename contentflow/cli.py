"""The commands: ``contentflow …``, the same as ``flask --app wsgi …``.

Help needs no setting and no application: the list below says where each command stands, and only the one
that is called is imported. A guard test keeps it and the commands the same.
"""

from __future__ import annotations

import logging
import os
import sys
from importlib import import_module
from typing import Any, Final

import click

from contentflow import start
from contentflow.terminal_language import says, translate_click

COMMANDS: Final = {
    "assignment": (
        "contentflow.publishing.cli:assignment_group",
        says("Les publications des partenaires."),
    ),
    "backup": (
        "contentflow.backup.cli:backup_command",
        says("Fait une copie scellée du programme qui tourne ; --check vérifie celles du dossier."),
    ),
    "bench": ("contentflow.bench:group", says("Remplit une base vide, pour mesurer.")),
    "contract": (
        "contentflow.ledger.cli:contract_group",
        says("Les contrats acceptés par les partenaires, loi 2023-451, article 8."),
    ),
    "billing": (
        "contentflow.payouts.billing_cli:group",
        says("Qui figure sur les factures, et les versements gelés."),
    ),
    "conversion": ("contentflow.conversions.cli:conversion_group", says("Ce que les réseaux ont annoncé.")),
    "db": ("contentflow.core.cli:group", says("Les tables de la base de données.")),
    "deliveries": (
        "contentflow.mailing.cli:deliveries",
        says("Les e-mails en route, et ce qu’ils sont devenus."),
    ),
    "demo": (
        "contentflow.commands:demo_command",
        says("Remplit un programme à regarder, donne un lien de connexion, puis sert."),
    ),
    "doctor": (
        "contentflow.commands:doctor_command",
        says("Vérifie chaque partie, et dit comment la réparer."),
    ),
    "hold": (
        "contentflow.ledger.cli:hold_group",
        says("Ce qui est retenu jusqu’à la décision d’un opérateur."),
    ),
    "init": (
        "contentflow.first_settings:init_command",
        says("Écrit un .env complet, avec des clés neuves, et le vérifie."),
    ),
    "ledger": ("contentflow.ledger.cli:ledger_group", says("Les corrections, en les nommant.")),
    "links": ("contentflow.links.cli:group", says("Les liens courts et les verdicts de leurs clics.")),
    "mailing": ("contentflow.mailing.cli:mailing", says("Comment les e-mails partent.")),
    "media": ("contentflow.pipeline.cli:group", says("Les vidéos et les clips.")),
    "network": (
        "contentflow.conversions.cli:network_group",
        says("Les réseaux d’affiliation qui annoncent des ventes."),
    ),
    "offer": ("contentflow.offers.cli:group", says("Ce qui est promu.")),
    "partner": ("contentflow.partners.cli:group", says("Qui partage.")),
    "platform": (
        "contentflow.publishing.cli:platform_group",
        says("Les plateformes où les partenaires publient."),
    ),
    "rate": ("contentflow.conversions.cli:rate_group", says("Ce que vaut en euros une unité d’une devise.")),
    "restore": (
        "contentflow.backup.cli:restore_command",
        says("Ramène une sauvegarde dans un lieu vide ; --go-live rend ensuite la main aux envois."),
    ),
    "serve": (
        "contentflow.commands:serve_command",
        says("Met la base à jour, puis sert le site et le travail jusqu’à SIGTERM ou SIGINT."),
    ),
    "suppression": (
        "contentflow.consent.cli:suppression",
        says("Qui ne doit pas recevoir d’e-mails de partage."),
    ),
    "payout": (
        "contentflow.payouts.cli:group",
        says("Les versements : lots, relevés de la banque, sommes de l’année."),
    ),
    "text": (
        "contentflow.agreements.cli:group",
        says("Les textes que les partenaires acceptent, et leurs versions."),
    ),
    "variants": ("contentflow.sharekit.cli:group", says("Les deuxièmes versions des posts.")),
    "worker": (
        "contentflow.commands:worker_command",
        says("Envoie les e-mails et prépare les posts jusqu’à SIGTERM ou SIGINT."),
    ),
}


class Commands(click.Group):
    """Lists the commands without importing them; the application is made when one of them wants it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from flask.cli import ScriptInfo

        ctx.obj = ScriptInfo(create_app=start, load_dotenv_defaults=False)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section(says("Commandes")):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def main() -> None:
    """Exit status 0, or a sentence on stderr and 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for name in ("huey", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("ENV", "development")  # Its web and worker inherit it.
    translate_click()
    try:
        status: Any = Commands().main(prog_name="contentflow", standalone_mode=False)
    except click.ClickException as refusal:
        refusal.show()
        sys.exit(1)
    except click.Abort:
        sys.exit(1)
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        click.echo(sentence, err=True)
        sys.exit(1)
    if isinstance(status, int):
        sys.exit(status)


def _sentence(error: Exception) -> str | None:
    """Return what a person reads of an error that was foreseen; None for any other."""
    from sqlalchemy.exc import SQLAlchemyError

    from contentflow.config import WrongSetting
    from contentflow.core import terminal
    from contentflow.core.errors import Refused

    if isinstance(error, Refused):
        return str(error.message)
    if isinstance(error, SQLAlchemyError):
        return terminal.without_database(error)
    return str(error) if isinstance(error, WrongSetting | OSError) else None
