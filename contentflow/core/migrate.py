"""Migrations: the same scripts for SQLite and PostgreSQL, in ``migrations/``."""

from __future__ import annotations

import logging
import random
import time

from flask import Flask, current_app
from sqlalchemy import text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from contentflow.config import ROOT
from contentflow.core.db import db
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

FOLDER = ROOT / "migrations"
# PostgreSQL's names for a lock that was not had in time, and for two that wait for each other.
GAVE_WAY = {"55P03", "40P01"}
GIVES_WAY_SECONDS = 600.0


def introduce_alembic() -> None:
    """Tell Flask-Migrate of the application; importing it takes a tenth of the time of a start."""
    from flask_migrate import Migrate

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    # Alembic reads the folder's name as a line of an .ini file, where % is a sign of its own.
    folder = str(FOLDER).replace("%", "%%")
    Migrate(app, db, directory=folder, render_as_batch=True, compare_type=True)


def upgrade() -> None:
    """Bring the database to the newest revision; the second of two callers waits for the first.

    Who answers meanwhile goes first: a migration that waits for a table is taken back whole and tried again,
    for ten minutes. Raises SQLAlchemy's ``OperationalError`` after that.
    """
    from flask_migrate import upgrade as run_upgrade

    for name in ("alembic", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if is_ahead():
        log.warning("the tables are of a newer release, and are left as they are")
        return
    introduce_alembic()
    until = time.monotonic() + GIVES_WAY_SECONDS
    while True:
        try:
            run_upgrade()
            return
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in GAVE_WAY or time.monotonic() > until:
                raise
            log.info("a table was in use, the upgrade begins again")
        time.sleep(random.uniform(0.1, 0.5))


def newest_revision() -> str:
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory(str(FOLDER)).get_current_head())


def current_revision() -> str | None:
    """Raises SQLAlchemy's error where the database is away or was never migrated."""
    return db.session.execute(text("SELECT version_num FROM alembic_version")).scalar()


def is_ahead() -> bool:
    """Whether the tables are of a newer release: it keeps those of the release before alive."""
    from alembic.script import ScriptDirectory

    try:
        revision = current_revision()
    except SQLAlchemyError:  # Never migrated, or away: that is told by whoever migrates.
        db.session.rollback()
        return False
    known = {script.revision for script in ScriptDirectory(str(FOLDER)).walk_revisions()}
    return revision is not None and revision not in known


def check_revision() -> str | None:
    """Readiness: None when the database is at the newest revision."""
    if current_revision() == newest_revision() or is_ahead():
        return None
    return says("La base n’est pas à la dernière révision : lancez « contentflow db upgrade ».")
