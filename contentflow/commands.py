"""The commands that stand above every capability: serve, worker, demo, doctor."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from flask_babel import force_locale

from contentflow import bench, demo, serve
from contentflow.backup.state import refuse_when_cut_short
from contentflow.config import settings
from contentflow.core import doctor, migrate, terminal
from contentflow.core.db import db
from contentflow.core.registry import Remark, registry
from contentflow.first_settings import init_command
from contentflow.terminal_language import in_language, language, says


def init_app(app: Flask) -> None:
    app.cli.add_command(bench.group)
    for command in (serve_command, worker_command, demo_command, doctor_command, init_command):
        app.cli.add_command(command)


workers_option = click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help=says("processus du site")
)
json_option = click.option(
    "--json", is_flag=True, expose_value=False, help=says("accepté, comme partout ; n’en dit pas plus")
)


@click.command(
    "serve", help=says("Met la base à jour, puis sert le site et le travail jusqu’à SIGTERM ou SIGINT.")
)
@workers_option
@json_option
@with_appcontext
def serve_command(workers: int) -> int:
    refuse_when_cut_short()
    return serve.run(settings(), workers, migrate.upgrade, _warn)


@click.command("worker", help=says("Envoie les e-mails et prépare les posts jusqu’à SIGTERM ou SIGINT."))
@json_option
@with_appcontext
def worker_command() -> None:
    from contentflow import worker  # Huey's consumer is no part of a web process.

    worker.run(current_app._get_current_object())  # type: ignore[attr-defined]


@click.command("demo", help=says("Remplit un programme à regarder, donne un lien de connexion, puis sert."))
@workers_option
@json_option
@with_appcontext
def demo_command(workers: int) -> int:
    migrate.upgrade()
    return serve.run(settings(), workers, demo.fill, lambda: click.echo(demo.welcome()))


@click.command("doctor", help=says("Vérifie chaque partie, et dit comment la réparer."))
@click.option("--json", "as_json", is_flag=True, help=says("en JSON, pour un programme"))
@with_appcontext
def doctor_command(as_json: bool) -> int:
    with in_language("en" if as_json else language()), force_locale(language()):
        findings = {name: doctor.find(name) for name in registry().doctor}
        shown: list[dict[str, Any]] = [
            {"part": name, "finding": finding or "ok"} for name, finding in findings.items()
        ]
        click.echo(terminal.written(shown, as_json))
        faults = [finding for finding in findings.values() if finding and not isinstance(finding, Remark)]
        return 1 if faults else 0


def _warn() -> None:
    """Say at the start what “doctor” would; the worker is about to start, that none was seen is no news."""
    for name in registry().doctor:
        if name != "worker" and (finding := doctor.find(name)):
            serve.say(f"{name}: {finding}")
    db.session.remove()
    db.engine.dispose()  # The parent of “serve” holds no connection.
