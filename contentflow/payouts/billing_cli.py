"""``contentflow billing …``."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.payouts import freezing
from contentflow.terminal_language import says

ACTOR = "cli"
group = AppGroup("billing", help=says("Qui figure sur les factures, et les versements gelés."))


@terminal.command(
    group,
    "thaw",
    says("Rend les versements à un partenaire qui les avait gelés ; son compte est à redonner."),
)
@click.argument("email")
@click.option("--reason", required=True, help=says("pourquoi ; la raison reste dans le journal"))
def thaw(email: str, reason: str) -> dict[str, str]:
    with transaction():
        freezing.thaw(email, ACTOR, reason)
    return {"email": email}
