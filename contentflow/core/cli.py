"""``contentflow db upgrade``, and ``flask --app wsgi db …`` with all that developers need besides."""

from __future__ import annotations

import click
from flask import g
from flask.cli import AppGroup, with_appcontext

from contentflow.core import migrate, terminal
from contentflow.terminal_language import says

group = AppGroup("db", help=says("Les tables de la base de données."))


@terminal.command(group, "upgrade", says("Met la base à la dernière révision, et la donne."))
def upgrade_command() -> dict[str, str]:
    migrate.upgrade()
    return {"revision": migrate.newest_revision()}


class DevelopersGroup(AppGroup):
    """Flask-Migrate's commands, imported when they are asked for: no other process pays for Alembic."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        from flask_migrate.cli import db as theirs

        return sorted({*theirs.list_commands(ctx), *group.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        from flask_migrate.cli import db as theirs

        return group.get_command(ctx, cmd_name) or theirs.get_command(ctx, cmd_name)


@click.group("db", cls=DevelopersGroup, help=says("Les tables de la base de données."))
@with_appcontext
def developers_group() -> None:
    migrate.introduce_alembic()
    g.directory, g.x_arg = None, ()  # What Flask-Migrate's own group keeps of its options.
