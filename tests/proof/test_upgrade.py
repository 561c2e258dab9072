"""An upgrade of PostgreSQL beside people who work: whoever waits for the same tables goes first."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest
from flask import Flask
from flask_migrate import upgrade as upgrade_to

from contentflow.core import migrate
from tests.conftest import POSTGRES

pytestmark = pytest.mark.proof

# 0097 puts triggers on deliveries after those on credits.
BEFORE = "0096"
WAITS = """SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'"""


@pytest.fixture
def url() -> Iterator[str]:
    name = f"contentflow_test_{secrets.token_hex(6)}"
    with psycopg.connect(POSTGRES, autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
        yield POSTGRES.rsplit("/", 1)[0] + f"/{name}"
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')  # type: ignore[arg-type]


@pytest.fixture
def before(url: str, make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """An application whose tables are those of a release before."""
    app = make_app(DATABASE_URL=url)
    with app.app_context():
        migrate.introduce_alembic()
        upgrade_to(revision=BEFORE)
        yield app


def test_a_migration_gives_way_to_who_works_meanwhile(before: Flask, url: str) -> None:
    def run() -> None:
        with before.app_context():
            migrate.upgrade()

    upgrade = threading.Thread(target=run)
    with psycopg.connect(url) as person, psycopg.connect(url, autocommit=True) as onlooker:
        person.execute("LOCK TABLE deliveries IN ROW EXCLUSIVE MODE")
        upgrade.start()
        until = time.monotonic() + 30
        while onlooker.execute(WAITS).fetchone() == (0,):
            assert time.monotonic() < until, "the migration waits for no table"
            time.sleep(0.01)
        began = time.monotonic()
        person.execute("LOCK TABLE credits IN ROW EXCLUSIVE MODE")  # which the migration holds
        waited = time.monotonic() - began
        time.sleep(1)
        assert migrate.current_revision() == BEFORE and upgrade.is_alive()
        person.commit()
        upgrade.join(60)

        assert waited < 0.8
        assert onlooker.execute("SELECT version_num FROM alembic_version").fetchone() == (
            migrate.newest_revision(),
        )
