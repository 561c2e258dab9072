"""Migrations: the same scripts for SQLite and PostgreSQL, in ``migrations/``."""

from __future__ import annotations

import logging

from flask import Flask
from flask_migrate import Migrate
from flask_migrate import upgrade as run_upgrade
from sqlalchemy import text

from contentflow.config import ROOT
from contentflow.core.db import db, is_sqlite

FOLDER = ROOT / "migrations"
UPGRADE_LOCK = 0x636F6E74  # any fixed number: two servers that start together migrate one after the other

migrate = Migrate(directory=str(FOLDER), render_as_batch=True, compare_type=True)


def init_migrations(app: Flask) -> None:
    migrate.init_app(app, db)


def upgrade() -> None:
    """Bring the database to the newest revision; the second of two callers waits for the first."""
    for name in ("alembic", "alembic.runtime.migration"):
        logging.getLogger(name).setLevel(logging.WARNING)
    if is_sqlite():
        run_upgrade()
        return
    with db.engine.connect() as connection:
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": UPGRADE_LOCK})
        try:
            run_upgrade()
        finally:
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": UPGRADE_LOCK})


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
    return "The database is not at the newest revision: run “contentflow db upgrade”."
