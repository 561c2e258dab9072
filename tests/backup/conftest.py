"""A second, empty place to restore into."""

from __future__ import annotations

import gc
import secrets
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask

from contentflow import config, create_app
from tests.conftest import BASE_ENV, POSTGRES, _postgres
from tests.house import shut

PASSPHRASE = "a passphrase of some length"

Elsewhere = Callable[..., Flask]
# A database that is dropped by force takes connections along that no pool knows any more.
LEFT_OPEN = "ignore:.*was deleted while still open:ResourceWarning"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.filterwarnings(LEFT_OPEN))


@pytest.fixture
def app(make_app) -> Iterator[Flask]:
    app = make_app(BACKUP_PASSPHRASE=PASSPHRASE)
    with app.app_context():
        yield app


@pytest.fixture
def elsewhere(tmp_path: Path, worker_name: str) -> Iterator[Elsewhere]:
    """Build an application on an empty DATA_DIR and an empty database, of another machine's key."""
    place, made = tmp_path / "elsewhere", []
    name = f"contentflow_elsewhere_{secrets.token_hex(6)}_{worker_name}"
    url = f"{POSTGRES.rsplit('/', 1)[0]}/{name}" if POSTGRES else ""
    if POSTGRES:
        _postgres(f'CREATE DATABASE "{name}"')

    def make(**environ: str) -> Flask:
        given = {"DATA_DIR": str(place), "DATABASE_URL": url, "SECRET_KEY": "another-key-of-enough-length"}
        app = create_app(config.load({**BASE_ENV, "BACKUP_PASSPHRASE": PASSPHRASE, **given, **environ}))
        made.append(app)
        return app

    yield make
    for app in made:
        shut(app)
    made.clear()
    with warnings.catch_warnings(action="ignore", category=ResourceWarning):
        gc.collect()  # Here, and not in the middle of somebody else's test.
    if POSTGRES:
        _postgres(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
