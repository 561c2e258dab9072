"""The commands that stand above every capability: serve, worker, demo, doctor."""

from __future__ import annotations

from typing import Any

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

from contentflow import bench, demo, serve
from contentflow.config import settings
from contentflow.core import migrate, terminal
from contentflow.core.db import db
from contentflow.core.registry import Remark, registry


def init_app(app: Flask) -> None:
    app.cli.add_command(bench.group)
    for command in (serve_command, worker_command, demo_command, doctor_command):
        app.cli.add_command(command)


def _app() -> Flask:
    return current_app._get_current_object()  # type: ignore[attr-defined, no-any-return]


workers_option = click.option(
    "--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="web processes"
)
json_option = click.option(
    "--json", is_flag=True, expose_value=False, help="taken, as everywhere; says no more"
)


@click.command("serve")
@workers_option
@json_option
@with_appcontext
def serve_command(workers: int) -> int:
    """Migrate, then run web and worker until SIGTERM or SIGINT."""
    return serve.run(settings(), workers, migrate.upgrade)


@click.command("worker")
@json_option
@with_appcontext
def worker_command() -> None:
    """Send mail and prepare posts until SIGTERM or SIGINT."""
    from contentflow import worker  # Huey's consumer is no part of a web process.

    worker.run(_app())


@click.command("demo")
@workers_option
@json_option
@with_appcontext
def demo_command(workers: int) -> int:
    """Fill a programme to look at, print a login URL, then serve."""
    migrate.upgrade()
    return serve.run(settings(), workers, demo.fill, lambda: click.echo(demo.welcome()))


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@with_appcontext
def doctor_command(as_json: bool) -> int:
    """Check every part and say how to mend it."""
    findings = {name: _finding(name) for name in registry().doctor}
    shown: list[dict[str, Any]] = [
        {"part": name, "finding": finding or "ok"} for name, finding in findings.items()
    ]
    click.echo(terminal.written(shown, as_json))
    faults = [finding for finding in findings.values() if finding and not isinstance(finding, Remark)]
    return 1 if faults else 0


def _finding(name: str) -> str | None:
    try:
        return registry().doctor[name]()
    except SQLAlchemyError as error:
        db.session.rollback()
        return terminal.without_database(error)
