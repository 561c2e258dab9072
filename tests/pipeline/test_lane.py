"""The queues of videos: they release what they hold, go on without a broker, and leave some of the disk."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import OperationalError

from contentflow.core.broker import broker
from contentflow.core.db import db, transaction
from contentflow.core.jobs import Claim, Jobs, claims_in_hand
from contentflow.core.queues import THREADS
from contentflow.core.registry import registry
from contentflow.pipeline import media_store, queue, rendering, services, tasks
from contentflow.pipeline.models import Asset
from tests.house import run_work

Meanwhile = list[Callable[[], object]]


def bring(folder: Path, partner_id: str = "alice") -> str:
    source = folder / "film.mp4"
    source.write_bytes(b"a film")
    with transaction():
        return services.create_asset_for_byop(partner_id, "", "", "", "", "", source).id


def asset(asset_id: str) -> Asset:
    db.session.rollback()
    return services.get_asset(asset_id)


def stop() -> None:
    for release in claims_in_hand().stop():
        release()


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_worker_that_stops_releases_what_it_renders_and_no_try_is_counted(
    app: Flask, meanwhile: Meanwhile, tmp_path: Path
):
    brought = bring(tmp_path)
    meanwhile.append(stop)

    tasks.render(brought)

    given = asset(brought)
    assert (given.state, given.attempts, given.lease, given.leased_until) == ("new", 0, None, None)
    assert (given.next_attempt_at, given.step, given.percent) == (None, "", 0)
    assert files_in(tmp_path / "work") == files_in(tmp_path / "media") == []


@pytest.mark.usefixtures("meanwhile")
def test_what_is_claimed_while_the_worker_stops_is_released_too(app: Flask, tmp_path: Path):
    brought = bring(tmp_path)
    stop()

    tasks.render(brought)

    assert (asset(brought).state, asset(brought).attempts) == ("new", 0)


@pytest.mark.usefixtures("meanwhile")
def test_a_worker_that_stops_begins_no_more_tasks(app: Flask, tmp_path: Path):
    brought = bring(tmp_path)
    message = broker().queue("video").dequeue()
    assert message is not None
    stop()

    broker().queue("video").execute(message)

    assert asset(brought).started_at is None


@pytest.mark.usefixtures("meanwhile")
def test_a_claim_that_ended_is_not_released(app: Flask, tmp_path: Path):
    brought = bring(tmp_path)
    tasks.render(brought)

    stop()

    assert (asset(brought).state, asset(brought).attempts) == ("ready", 1)


def test_a_video_that_was_released_keeps_its_place_in_the_queue(app: Flask, tmp_path: Path):
    first, _ = bring(tmp_path, "alice"), bring(tmp_path, "bob")
    with transaction():
        claim = queue.claim_next(queue.IS_HERE)
        assert claim is not None and claim.row_id == first
        queue.release(claim)

    with transaction():
        again = queue.claim_next(queue.IS_HERE)

    assert again is not None and again.row_id == first


@pytest.mark.usefixtures("meanwhile")
def test_a_database_that_is_away_for_a_moment_ends_no_render(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    brought = bring(tmp_path)
    write = Jobs.write

    def progress_fails(jobs: Jobs, claim: Claim, **values: Any) -> bool:
        if "step" in values and "state" not in values:
            raise OperationalError("UPDATE", {}, Exception("the database restarts"))
        return write(jobs, claim, **values)

    monkeypatch.setattr(Jobs, "write", progress_fails)

    tasks.render(brought)

    assert (asset(brought).state, asset(brought).attempts) == ("ready", 1)


@pytest.mark.usefixtures("meanwhile")
def test_videos_go_on_while_the_broker_is_away(make_app: Callable[..., Flask], tmp_path: Path):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    with app.app_context():
        brought = bring(tmp_path)
        broker().inline.start({"mail": 1, "fetch": 1, "video": 1})

        tasks.enqueue_due()

        until = time.monotonic() + 30
        while asset(brought).state != "ready" and time.monotonic() < until:
            time.sleep(0.02)
        assert asset(brought).state == "ready"


def wish(partner_id: str = "alice") -> str:
    with transaction():
        return services.create_asset_for_byop(partner_id, "", "", "", "", "https://video.example.com/1").id


@pytest.mark.usefixtures("meanwhile")
def test_a_video_is_rendered_while_slow_sites_keep_all_who_fetch(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    waits, go_on = threading.Semaphore(0), threading.Event()
    most = THREADS["fetch"]

    def fetch(url: str, target: Path, *_: object) -> Path:
        waits.release()
        assert go_on.wait(60)
        target.write_bytes(b"a film")
        return target

    def work(step: Callable[[str], object]) -> None:
        with app.app_context():
            step("whoever")

    monkeypatch.setattr(rendering, "fetch", fetch)
    for number in range(most):
        wish(f"mallory-{number}")
    with ThreadPoolExecutor(most) as threads:
        for _ in range(most):
            threads.submit(work, tasks.fetch)
        for _ in range(most):
            assert waits.acquire(timeout=60)
        brought = bring(tmp_path)

        tasks.render(brought)

        assert asset(brought).state == "ready"
        go_on.set()


@pytest.mark.usefixtures("meanwhile")
def test_a_video_that_was_fetched_goes_on_to_be_rendered_in_the_same_try(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    wanted = wish()
    monkeypatch.setattr(rendering, "fetch", lambda url, target, *_: target.write_bytes(b"a film") and target)
    assert broker().queue("fetch").pending_count() == 1
    tasks.render(wanted)
    assert asset(wanted).state == "new"

    tasks.fetch(wanted)

    here = asset(wanted)
    assert (here.state, here.attempts, here.percent, here.lease) == ("new", 0, 15, None)
    assert broker().queue("video").pending_count() == 1
    run_work(app)
    assert (asset(wanted).state, asset(wanted).attempts) == ("ready", 1)


def test_two_videos_of_a_partner_are_fetched_at_a_time(app: Flask):
    for _ in range(3):
        wish()
    bobs = wish("bob")

    claims = []
    for _ in range(4):
        with transaction():
            claims.append(queue.claim_next(queue.IS_AWAY))

    taken = [claim.row_id for claim in claims if claim]
    assert len(taken) == 3 and bobs in taken


@pytest.mark.parametrize(
    "free", [media_store.FLOOR_BYTES - 1, media_store.FLOOR_BYTES + 500 * 1024 * 1024 - 1]
)
@pytest.mark.usefixtures("meanwhile")
def test_nothing_is_fetched_onto_a_full_disk_and_it_is_tried_again_later(
    free: int, app: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(media_store.shutil, "disk_usage", lambda path: SimpleNamespace(free=free))
    monkeypatch.setattr(rendering, "fetch", None)
    wanted = wish()

    tasks.fetch(wanted)

    waits = asset(wanted)
    assert (waits.state, waits.attempts) == ("new", 1)
    assert waits.next_attempt_at is not None
    with transaction():
        waits.attempts, waits.next_attempt_at = 4, None
    tasks.fetch(wanted)
    assert (asset(wanted).state, asset(wanted).reason) == ("failed", "no_room")


@pytest.mark.usefixtures("meanwhile")
def test_a_video_that_is_here_is_rendered_as_long_as_the_floor_is_free(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    brought = bring(tmp_path)
    free = SimpleNamespace(free=media_store.FLOOR_BYTES)
    monkeypatch.setattr(media_store.shutil, "disk_usage", lambda path: free)

    tasks.render(brought)

    assert asset(brought).state == "ready"


def test_the_doctor_tells_of_a_disk_that_takes_no_more_videos(app: Flask, monkeypatch: pytest.MonkeyPatch):
    most = 500 * 1024 * 1024
    disk = SimpleNamespace(free=media_store.FLOOR_BYTES + most)
    monkeypatch.setattr(media_store.shutil, "disk_usage", lambda path: disk)
    assert registry().doctor["room"]() is None

    disk.free -= 1

    found = registry().doctor["room"]() or ""
    assert "1.5 GB" in found and "DATA_DIR" in found and "ORIGINALS_KEEP_DAYS" in found
