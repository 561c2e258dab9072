"""Broken files of queues are set aside; the work goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from contentflow import worker
from contentflow.core import queues
from contentflow.core.broker import broker, enqueue_now, register_task
from contentflow.core.registry import registry


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
def queue_file(app: Flask, tmp_path: Path) -> Path:
    """A sound file of messages that nobody holds open."""
    path = tmp_path / "bells-mail.db"
    huey = queues.open_queue("mail", app.config["CONTENTFLOW"])
    huey.storage.enqueue(b"a message", 0)
    huey.storage.close()
    assert not queues.is_broken(path)
    return path


def aside(folder: Path) -> int:
    return len(list(folder.glob(queues.SET_ASIDE)))


@pytest.mark.parametrize("spoil", BREAKS)
def test_a_broken_file_is_set_aside_and_told(
    spoil: Callable[[Path], None], app: Flask, queue_file: Path, tmp_path: Path
):
    spoil(queue_file)

    assert broker().queue("mail").pending_count() == 0

    assert aside(tmp_path) == 1
    assert "1 broken queue files were set aside" in (registry().doctor["broker"]() or "")


def test_a_sound_or_busy_file_stays(app: Flask, queue_file: Path, tmp_path: Path):
    with sqlite3.connect(queue_file) as other:
        other.execute("BEGIN EXCLUSIVE")

        assert not queues.set_aside_if_broken(queue_file)
    other.close()

    assert broker().queue("mail").storage.queue_size() == 1
    assert aside(tmp_path) == 0


def test_a_disk_that_breaks_them_all_is_not_filled(app: Flask, tmp_path: Path):
    for _ in range(queues.MAX_SET_ASIDE + 3):
        (tmp_path / "bells-mail.db").write_bytes(b"rubbish" * 100)
        queues.set_aside_if_broken(tmp_path / "bells-mail.db")

    assert aside(tmp_path) == queues.MAX_SET_ASIDE


@pytest.mark.parametrize("spoil", BREAKS[:2])
def test_a_file_that_breaks_under_a_running_worker_is_replaced(
    spoil: Callable[[Path], None], app: Flask, tmp_path: Path
):
    done: list[str] = []
    register_task(app, "probe", "mail", done.append)
    consumers = worker.Consumers()
    consumers.keep_running()
    first = consumers.running["mail"]
    try:
        spoil(tmp_path / "bells-mail.db")
        consumers.keep_running()
        enqueue_now("probe", "row")
        for _, thread in consumers.running["mail"].worker_threads:
            thread.join(0.2)
    finally:
        for consumer in [first, *consumers.running.values()]:
            consumer.stop_flag.set()
            for _, thread in consumer.worker_threads:
                thread.join(5)

    assert consumers.running["mail"] is not first
    assert done == ["row"]
    assert aside(tmp_path) == 1


def test_a_queue_that_cannot_be_opened_does_not_keep_the_worker_from_its_work(make_app):
    app = make_app(HUEY_URL="postgresql://nobody@127.0.0.1:1/nowhere")
    consumers = worker.Consumers()

    with app.app_context():
        consumers.keep_running()

    assert consumers.running == {}
