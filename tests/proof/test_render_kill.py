"""Workers are killed while they render: each asset ends, with one clip or none, and nothing is left over."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select

from contentflow import config, create_app
from contentflow.core.db import db, dispose, transaction
from contentflow.core.migrate import upgrade
from contentflow.pipeline import services
from contentflow.pipeline.models import Asset
from tests.pipeline.films import film

KILLS = int(os.environ.get("RENDER_KILLS", "6"))
ASSETS = max(3, KILLS // 4)
PATIENCE_SECONDS = 240.0

pytestmark = pytest.mark.proof


@contextmanager
def worker(environ: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    log = Path(environ["DATA_DIR"]) / "worker.log"
    with log.open("ab") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "contentflow", "worker"],
            env={**os.environ, **environ},
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()


def under_way() -> int:
    db.session.rollback()
    return len(list(db.session.scalars(select(Asset.id).where(Asset.state.in_(["new", "processing"])))))


def wait_for_step() -> None:
    """Wait until a render is really going on, or all is done."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and under_way():
        if db.session.scalar(select(Asset.id).where(Asset.step != "")):
            return
        time.sleep(0.1)


def orphans(data_dir: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(data_dir) in line and "ffmpeg" in line]


def test_every_asset_ends_whoever_is_killed(tmp_path: Path):
    environ = {"ENV": "development", "DATA_DIR": str(tmp_path), "LEASE_SECONDS": "5"}
    app = create_app(config.load(environ))
    source = film(tmp_path / "film.mp4", seconds=4, size="640x360").read_bytes()
    chance = random.Random(7)

    with app.app_context():
        upgrade()
        for number in range(ASSETS):
            upload = tmp_path / f"upload-{number}"
            upload.write_bytes(source)
            with transaction():
                services.create_asset_for_byop(f"partner-{number % 2}", "", "", "", "", "", upload)
            upload.unlink()

        for _ in range(KILLS):
            with worker(environ):
                wait_for_step()
                time.sleep(chance.uniform(0.0, 3.0))
            time.sleep(0.3)
            assert orphans(tmp_path) == []
        deadline = time.monotonic() + PATIENCE_SECONDS
        with worker(environ):
            while under_way() and time.monotonic() < deadline:
                time.sleep(0.3)
            time.sleep(0.5)

        assets = list(db.session.scalars(select(Asset)))
        assert {asset.state for asset in assets} <= {"ready", "failed"}
        assert {asset.reason for asset in assets} <= {None, "interrupted"}
        for asset in assets:
            folder = tmp_path / "media" / asset.id
            renders = [path.name for path in folder.iterdir()] if folder.exists() else []
            assert renders == ([asset.render_id] if asset.render_id else [])
            assert asset.state == "failed" or (folder / str(asset.render_id) / "clip.mp4").stat().st_size > 0
        assert list((tmp_path / "work").iterdir()) == []
        assert sorted(path.name for path in (tmp_path / "originals").iterdir()) == sorted(
            a.id for a in assets
        )
        close()


def close() -> None:
    db.session.remove()
    dispose()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_that_is_told_to_stop_gives_its_video_back_and_the_next_begins_it(
    number: int, tmp_path: Path
):
    environ = {"ENV": "development", "DATA_DIR": str(tmp_path), "LEASE_SECONDS": "3600"}
    app = create_app(config.load(environ))
    source = film(tmp_path / "film.mp4", seconds=20, size="1280x720")

    with app.app_context():
        upgrade()
        with transaction():
            asset_id = services.create_asset_for_byop("alice", "", "", "", "", "", source).id
        for _ in range(2):
            with worker(environ) as process:
                wait_for_step()
                assert the(asset_id).state == "processing"
                process.send_signal(number)
                assert process.wait(10) == 0
            asset = the(asset_id)
            assert (asset.state, asset.attempts, asset.lease) == ("new", 0, None)
            assert orphans(tmp_path) == []
        with worker(environ):
            wait_for_step()
            asset = the(asset_id)
            assert (asset.state, asset.attempts) == ("processing", 1)
        close()


def the(asset_id: str) -> Asset:
    db.session.rollback()
    return db.session.get_one(Asset, asset_id)
