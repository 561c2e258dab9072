"""``contentflow backup FOLDER``, ``restore FOLDER`` and ``restore --go-live``."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup
from flask_babel import gettext as _
from flask_babel import ngettext

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.quarantine import QUEUES
from contentflow.core.terminal import Said, command
from contentflow.terminal_language import says

_commands = AppGroup()  # Not shown: its two commands stand beside the other groups.
folder_type = click.Path(file_okay=False, path_type=Path)


class WhenType(click.ParamType):  # type: ignore[type-arg]
    name = "TIME"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            moment = datetime.min
        if moment.tzinfo is None:
            self.fail("2026-11-28T04:00:00Z", param, ctx)
        return moment


@command(
    _commands,
    "backup",
    says("Fait une copie scellée du programme qui tourne ; --check vérifie celles du dossier."),
)
@click.argument("folder", type=folder_type)
@click.option("--check", "is_check", is_flag=True, help=says("lit chaque sauvegarde jusqu’au dernier octet"))
def _backup(folder: Path, is_check: bool) -> Said | list[dict[str, Any]]:
    from contentflow.backup import services, state  # cryptography is no part of other commands.

    folder = folder.absolute()
    if is_check:
        return services.check(folder)
    made = services.back_up(folder)
    with transaction():
        for statement in state.remember(made.manifest.made_at):
            db.session.execute(statement)
    answer = {
        "backup": str(made.backup),
        "at": clock.iso(made.manifest.made_at),
        "rows": made.manifest.rows,
        "files": len(made.manifest.files),
        "bytes": made.manifest.size,
        "removed": made.removed,
        "media": settings().media_url,
    }
    said = _(
        "%(backup)s : %(rows)s lignes, %(files)s fichiers, %(bytes)s octets ; "
        "anciennes supprimées : %(gone)s.",
        backup=made.backup,
        rows=sum(made.manifest.rows.values()),
        files=len(made.manifest.files),
        bytes=made.manifest.size,
        gone=made.removed,
    )
    if settings().media_url:
        said += " " + _("Vidéos et clips restent dans %(bucket)s.", bucket=settings().media_url)
    return Said(answer, said)


@command(
    _commands,
    "restore",
    says("Ramène une sauvegarde dans un lieu vide ; --go-live rend ensuite la main aux envois."),
)
@click.argument("folder", type=folder_type, required=False)
@click.option("--go-live", type=click.Choice([*QUEUES, "all"]), help=says("ce qui peut repartir"))
@click.option(
    "--original-ended",
    "ended_at",
    type=WhenType(),
    help=says("quand l’original s’est arrêté ; ce qui était dû plus tard part (sinon : à la restauration)"),
)
def _restore(folder: Path | None, go_live: str | None, ended_at: datetime | None) -> Said:
    if (folder is None) == (go_live is None):
        raise click.UsageError(says("Donnez un dossier, ou --go-live, pas les deux."))
    return _go_live(go_live, ended_at) if folder is None and go_live else _bring_back(folder)


def _bring_back(folder: Path | None) -> Said:
    from contentflow.backup import restoring

    assert folder is not None
    backup, told = restoring.restore(folder.absolute())
    answer = {
        "backup": str(backup),
        "at": clock.iso(told.made_at),
        "rows": told.rows,
        "files": len(told.files),
    }
    said = _(
        "%(backup)s est restaurée : %(rows)s lignes, %(files)s fichiers. Rien ne part, sauf les connexions, "
        "jusqu’à « contentflow restore --go-live ».",
        backup=backup,
        rows=sum(told.rows.values()),
        files=len(told.files),
    )
    return Said(answer, said)


def _go_live(queue: str, ended_at: datetime | None) -> Said:
    from contentflow.backup import restoring

    with transaction():
        settled = restoring.go_live(queue, ended_at)
    if not settled:
        return Said({"live": [], "unknown": 0}, _("Ce programme n’est pas en quarantaine."))
    unknown = sum(settled.values())
    said = ngettext(
        "Repart : %(queues)s. %(num)s e-mail que l’original a pu envoyer n’est pas renvoyé.",
        "Repart : %(queues)s. %(num)s e-mails que l’original a pu envoyer ne sont pas renvoyés.",
        unknown,
        queues=", ".join(settled),
    )
    return Said({"live": list(settled), "unknown": unknown}, str(said))


backup_command = _commands.commands["backup"]
restore_command = _commands.commands["restore"]
