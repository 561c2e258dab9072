"""Migrations: the same scripts for SQLite and PostgreSQL, in ``migrations/``."""

from __future__ import annotations

import logging

from flask import Flask, current_app
from sqlalchemy import text

from contentflow.config import ROOT
from contentflow.core.db import db
from contentflow.tongue import says

FOLDER = ROOT / "migrations"


def introduce_alembic() -> None:
    """Tell Flask-Migrate of the application; importing it takes a tenth of the time of a start."""
    from flask_migrate import Migrate

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    # Alembic reads the folder's name as a line of an .ini file, where % is a sign of its own.
    folder = str(FOLDER).replace("%", "%%")
    Migrate(app, db, directory=folder, render_as_batch=True, compare_type=True)


def upgrade() -> None:
    """Bring the database to the newest revision; the second of two callers waits for the first."""
    from flask_migrate import upgrade as run_upgrade

    for name in ("alembic", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.WARNING)
    introduce_alembic()
    run_upgrade()


def newest_revision() -> str:
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(str(FOLDER)).get_current_head())


def current_revision() -> str | None:
    """Raises SQLAlchemy's error where the database is away or was never migrated."""
    return db.session.execute(text("SELECT version_num FROM alembic_version")).scalar()


def check_revision() -> str | None:
    """Readiness: None when the database is at the newest revision."""
    if current_revision() == newest_revision():
        return None
    return says("La base n’est pas à la dernière révision : lancez « contentflow db upgrade ».")
