from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from huey import RedisHuey

from contentflow.config import settings
from contentflow.core import clock, work
from contentflow.core.db import db, transaction
from contentflow.pipeline.models import Asset

WAITING, BUSY = ("new",), "processing"


@pytest.fixture
def row(app: Flask) -> str:
    with transaction():
        asset = Asset(details={}, has_video=False, state="new")
        db.session.add(asset)
        db.session.flush()
        return asset.id


def take(row: str) -> str | None:
    with transaction():
        return work.claim(Asset, row, WAITING, BUSY)


def due() -> list[str]:
    return work.due_ids(Asset, WAITING, (BUSY,))


def test_a_row_is_claimed_once(row: str):
    assert take(row) is not None
    assert take(row) is None
    assert due() == []


def test_a_dead_workers_row_is_taken_again_after_its_lease(row: str):
    first = take(row)

    with time_machine.travel(clock.now() + timedelta(seconds=settings().lease_seconds + 1), tick=False):
        assert due() == [row]
        second = take(row)

    assert second is not None
    assert second != first


def test_a_worker_given_up_for_dead_cannot_overwrite_its_successor(row: str):
    first = take(row)
    with time_machine.travel(clock.now() + timedelta(seconds=settings().lease_seconds + 1), tick=False):
        second = take(row)
    assert first is not None
    assert second is not None

    with transaction():
        assert not work.settle(Asset, row, first, state="failed")
        assert work.settle(Asset, row, second, state="ready")

    assert db.session.get_one(Asset, row).state == "ready"


def test_a_row_whose_time_has_not_come_waits(row: str):
    with transaction():
        db.session.get_one(Asset, row).next_attempt_at = clock.now() + timedelta(seconds=60)

    assert due() == []
    assert take(row) is None
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert due() == [row]


def test_each_claim_counts_as_an_attempt(row: str):
    lease = take(row)
    assert lease is not None
    with transaction():
        work.settle(Asset, row, lease, state="new")
    take(row)

    assert db.session.get_one(Asset, row).attempts == 2


def test_a_bell_rings_the_step_after_the_commit(app: Flask, row: str):
    seen: list[str] = []
    work.register_step(app, "test.step", "video", seen.append)

    with transaction():
        work.ring("test.step", row)
        assert work.bells().lane("video").pending_count() == 0
    task = work.bells().lane("video").dequeue()
    assert task is not None
    work.bells().lane("video").execute(task)

    assert seen == [row]


def test_a_bell_that_cannot_be_rung_is_no_error(make_app, caplog: pytest.LogCaptureFixture):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    work.register_step(app, "test.step", "mail", print)

    with app.app_context():
        work.ring_now("test.step", "x")

    assert "the sweep will find the row" in caplog.text


def test_the_bells_hang_in_redis_and_wait_for_it_only_briefly(make_app):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")

    lane = app.extensions["bells"].lane("mail")

    assert isinstance(lane, RedisHuey)
    assert lane.storage.pool.connection_kwargs["socket_connect_timeout"] == 1
    assert lane.storage.pool.connection_kwargs["db"] == 0


def test_a_step_that_fails_leaves_the_worker_alive(app: Flask, row: str, caplog: pytest.LogCaptureFixture):
    def explode(row_id: str) -> None:
        raise ZeroDivisionError

    work.register_step(app, "test.step", "mail", explode)
    work.ring_now("test.step", row)
    task = work.bells().lane("mail").dequeue()
    assert task is not None

    work.bells().lane("mail").execute(task)

    assert "failed" in caplog.text


def test_without_bells_the_worker_does_what_the_sweep_finds(make_app, row: str):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    done = threading.Event()
    seen: list[str] = []
    work.register_step(app, "test.step", "mail", lambda row_id: (seen.append(row_id), done.set()))

    with app.app_context():
        work.bells().lend_hands({"mail": 1, "video": 1})
        work.ring_now("test.step", row)

    assert done.wait(30)
    assert seen == [row]


def test_a_step_in_hand_is_not_taken_up_again(make_app, row: str):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    begun, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def step(row_id: str) -> None:
        seen.append(row_id)
        begun.set()
        go_on.wait(30)

    work.register_step(app, "test.step", "mail", step)
    with app.app_context():
        work.bells().lend_hands({"mail": 2, "video": 1})
        work.ring_now("test.step", row)
        assert begun.wait(30)
        work.ring_now("test.step", row)
        assert (work.bells().waiting("mail"), work.bells().waiting("video")) == (1, 0)
    go_on.set()

    assert seen == [row]
