"""``contentflow text …``."""

from __future__ import annotations

from typing import BinaryIO

import click
from flask.cli import AppGroup

from contentflow.agreements import services
from contentflow.agreements.errors import EmptyText
from contentflow.core import terminal
from contentflow.core.db import transaction
from contentflow.terminal_language import says

ACTOR = "cli"
group = AppGroup("text", help=says("Les textes que les partenaires acceptent, et leurs versions."))


@terminal.command(
    group,
    "publish",
    says("Met un texte en vigueur, « mandate », et donne sa version ; FILE est en UTF-8, - lit l’entrée."),
)
@click.argument("kind")
@click.argument("file", type=click.File("rb"))
def text_publish(kind: str, file: BinaryIO) -> dict[str, str]:
    try:
        body = file.read(4 * services.MAX_CHARACTERS + 1).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EmptyText from None
    if services.is_draft(body):
        click.echo(
            says("Ce texte est un projet : faites-le relire une fois par un avocat."),
            err=True,
        )
    with transaction():
        text = services.publish(kind, body, ACTOR)
        return {"version": text.version}
