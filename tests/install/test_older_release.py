"""The release before lives on the tables of the newer one."""

from __future__ import annotations

import json
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import inspect, text

from contentflow.core import migrate
from contentflow.core.db import db, transaction


def test_a_release_leaves_the_tables_of_a_newer_one_alone_and_is_ready(app: Flask, client: FlaskClient):
    with transaction():
        db.session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    try:
        migrate.upgrade()

        assert migrate.current_revision() == "9999"
        assert migrate.check_revision() is None
    finally:
        with transaction():
            newest = {"newest": migrate.newest_revision()}
            db.session.execute(text("UPDATE alembic_version SET version_num = :newest"), newest)


def test_older_tables_are_still_said_to_be_old(app: Flask):
    newest = migrate.newest_revision()
    with transaction():
        db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    try:
        assert migrate.check_revision() is not None
    finally:
        with transaction():
            db.session.execute(text("UPDATE alembic_version SET version_num = :newest"), {"newest": newest})


def test_the_release_before_reads_and_writes_on_the_newest_tables(app: Flask):
    """Its tables and columns were recorded; no column of later may be asked of its inserts."""
    older = json.loads((Path(__file__).parent / "tables_of_0065.json").read_text())
    with db.engine.connect() as connection:
        for table, columns in older.items():
            connection.execute(text(f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)} LIMIT 1"))
        seen = inspect(connection)
        demanded = {
            table: {
                column["name"]
                for column in seen.get_columns(table)
                if not column["nullable"] and column["default"] is None
            }
            - set(columns)
            for table, columns in older.items()
        }

    assert {table: names for table, names in demanded.items() if names} == {}


def quoted(name: str) -> str:
    return f'"{name}"'
