from __future__ import annotations

import os
import stat
import urllib.request
from pathlib import Path

import pytest
from flask import Flask

from contentflow import create_app
from contentflow.config import load
from contentflow.core.registry import registry
from tests.conftest import BASE_ENV
from tests.live import Live


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_data_dir_is_made_for_our_user_alone(tmp_path: Path):
    folder = tmp_path / "new" / "data"

    create_app(load({**BASE_ENV, "DATA_DIR": str(folder)}))

    assert mode(folder) == 0o700


def test_the_doctor_tells_of_a_wider_folder_and_leaves_it(app: Flask, tmp_path: Path):
    tmp_path.chmod(0o755)

    told = registry().doctor["privacy"]()

    assert told is not None
    assert told.endswith(f"chmod -R go= {tmp_path}")
    assert mode(tmp_path) == 0o755
    tmp_path.chmod(0o700)
    assert registry().doctor["privacy"]() is None


def test_the_doctor_looks_at_a_database_that_stands_elsewhere(tmp_path: Path):
    database = tmp_path / "else where.db"
    database.touch(mode=0o644)
    environ = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": f"sqlite:///{database}"}

    with create_app(load({**BASE_ENV, **environ})).app_context():
        told = registry().doctor["privacy"]()

    assert told is not None
    assert told.endswith(f"chmod -R go= '{database}'")


@pytest.mark.proof
def test_nothing_that_a_running_product_writes_can_be_read_by_others(tmp_path: Path):
    folder = tmp_path / "data"
    live = Live(tmp_path, {"DATA_DIR": str(folder), "DATABASE_URL": ""})
    before = os.umask(0o022)
    try:
        live.run("db", "upgrade")
        live.start("--workers", "1")
        for path in ("/", "/l/unknown", "/readyz"):
            try:
                urllib.request.urlopen(live.url + path, timeout=5).close()
            except urllib.error.HTTPError as error:
                error.close()
    finally:
        os.umask(before)
        found = {str(path.relative_to(tmp_path)): mode(path) for path in [folder, *folder.rglob("*")]}
        live.stop()

    assert {"data/contentflow.db", "data/contentflow.db-wal", "data/bells-mail.db", "data/secret_key"} <= set(
        found
    )
    assert {name: oct(bits) for name, bits in found.items() if bits & 0o077} == {}
