"""The commands: ``contentflow …``, the same as ``flask --app wsgi …``."""

from __future__ import annotations

import logging
import os
import sys

import click
from flask import Flask
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy.exc import SQLAlchemyError

from contentflow import create_app
from contentflow.config import WrongSetting
from contentflow.core import terminal
from contentflow.core.errors import Refused


def main() -> None:
    """Exit status 0, or a sentence on stderr and 1."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for name in ("huey", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if sys.argv[1:2] == ["demo"]:
        os.environ.setdefault("ENV", "development")  # Its web and worker inherit it.
    try:
        app = create_app()
        _call(app)
    except (WrongSetting, Refused) as refusal:
        click.echo(str(getattr(refusal, "message", refusal)), err=True)
        sys.exit(1)
    except click.ClickException as refusal:
        refusal.show()
        sys.exit(1)
    except SQLAlchemyError as error:
        click.echo(terminal.without_database(error), err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    except click.Abort:
        sys.exit(1)


def _call(app: Flask) -> None:
    assert isinstance(app.cli, AppGroup)
    script = ScriptInfo(create_app=lambda: app, load_dotenv_defaults=False)
    status = app.cli.main(prog_name="contentflow", standalone_mode=False, obj=script)
    if isinstance(status, int):
        sys.exit(status)
