"""Broken files of bells are set aside; the work goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from contentflow import worker
from contentflow.core import lanes
from contentflow.core.registry import registry
from contentflow.core.work import bells, register_step, ring_now


def overwritten(path: Path) -> None:
    path.write_bytes(b"no database at all" * 1000)


def torn(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def bits_flipped(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096:8192] = bytes(255 - byte for byte in content[4096:8192])
    path.write_bytes(content)


def of_another_shape(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE task (x integer)")
    connection.close()


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


BREAKS = [overwritten, torn, bits_flipped, of_another_shape, a_folder]


@pytest.fixture
def bell_file(app: Flask, tmp_path: Path) -> Path:
    """A sound file of bells that nobody holds open."""
    path = tmp_path / "bells-mail.db"
    huey = lanes.open_lane("mail", app.config["CONTENTFLOW"])
    huey.storage.enqueue(b"a bell", 0)
    huey.storage.close()
    assert not lanes.is_broken(path)
    return path


def aside(folder: Path) -> int:
    return len(list(folder.glob(lanes.ASIDE)))


@pytest.mark.parametrize("spoil", BREAKS)
def test_a_broken_file_is_set_aside_and_told(
    spoil: Callable[[Path], None], app: Flask, bell_file: Path, tmp_path: Path
):
    spoil(bell_file)

    assert bells().lane("mail").pending_count() == 0

    assert aside(tmp_path) == 1
    assert "1 broken files of bells were set aside" in (registry().doctor["bells"]() or "")


def test_a_sound_or_busy_file_stays(app: Flask, bell_file: Path, tmp_path: Path):
    with sqlite3.connect(bell_file) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert not lanes.set_aside_if_broken(bell_file)
    other.close()

    assert bells().lane("mail").storage.queue_size() == 1
    assert aside(tmp_path) == 0


def test_a_disk_that_breaks_them_all_is_not_filled(app: Flask, tmp_path: Path):
    for _ in range(lanes.MOST_ASIDE + 3):
        (tmp_path / "bells-mail.db").write_bytes(b"rubbish" * 100)
        lanes.set_aside_if_broken(tmp_path / "bells-mail.db")

    assert aside(tmp_path) == lanes.MOST_ASIDE


@pytest.mark.parametrize("spoil", BREAKS[:2])
def test_a_file_that_breaks_under_a_running_worker_is_replaced(
    spoil: Callable[[Path], None], app: Flask, tmp_path: Path
):
    done: list[str] = []
    register_step(app, "probe", "mail", done.append)
    hands = worker.Hands()
    hands.tend()
    first = hands.consumers["mail"]
    try:
        spoil(tmp_path / "bells-mail.db")
        hands.tend()
        ring_now("probe", "row")
        for _, thread in hands.consumers["mail"].worker_threads:
            thread.join(0.2)
    finally:
        for consumer in [first, *hands.consumers.values()]:
            consumer.stop_flag.set()
            for _, thread in consumer.worker_threads:
                thread.join(5)

    assert hands.consumers["mail"] is not first
    assert done == ["row"]
    assert aside(tmp_path) == 1


def test_a_lane_that_cannot_be_opened_does_not_keep_the_worker_from_its_work(make_app):
    app = make_app(HUEY_URL="postgresql://nobody@127.0.0.1:1/nowhere")
    hands = worker.Hands()

    with app.app_context():
        hands.tend()

    assert hands.consumers == {}
