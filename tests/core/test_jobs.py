from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from huey import RedisHuey

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import broker, enqueue, enqueue_now, register_task
from contentflow.core.db import db, transaction
from contentflow.core.jobs import Claim
from contentflow.pipeline.models import ASSETS, Asset


@pytest.fixture
def row(app: Flask) -> str:
    with transaction():
        asset = Asset(details={}, has_video=False, state="new")
        db.session.add(asset)
        db.session.flush()
        return asset.id


def take(row: str) -> Claim | None:
    with transaction():
        return ASSETS.claim(row)


def test_a_row_is_claimed_once(row: str):
    assert take(row) is not None
    assert take(row) is None
    assert ASSETS.due_ids() == []


def test_a_dead_workers_row_is_taken_again_after_its_lease(row: str):
    first = take(row)

    with time_machine.travel(clock.now() + timedelta(seconds=settings().lease_seconds + 1), tick=False):
        assert ASSETS.due_ids() == [row]
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
        assert not ASSETS.complete(first, state="failed")
        assert ASSETS.complete(second, state="ready")

    assert db.session.get_one(Asset, row).state == "ready"


def test_a_row_whose_time_has_not_come_waits(row: str):
    with transaction():
        db.session.get_one(Asset, row).next_attempt_at = clock.now() + timedelta(seconds=60)

    assert ASSETS.due_ids() == []
    assert take(row) is None
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        assert ASSETS.due_ids() == [row]


def test_each_claim_counts_as_an_attempt(row: str):
    first = take(row)
    assert first is not None
    with transaction():
        ASSETS.complete(first, state="new")
    second = take(row)

    assert second is not None
    assert (first.attempts, second.attempts, db.session.get_one(Asset, row).attempts) == (1, 2, 2)


def test_a_task_is_enqueued_after_the_commit(app: Flask, row: str):
    seen: list[str] = []
    register_task(app, "test.task", "video", seen.append)

    with transaction():
        enqueue("test.task", row)
        assert broker().queue("video").pending_count() == 0
    task = broker().queue("video").dequeue()
    assert task is not None
    broker().queue("video").execute(task)

    assert seen == [row]


def test_a_task_that_cannot_be_enqueued_is_no_error(make_app, caplog: pytest.LogCaptureFixture):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    register_task(app, "test.task", "mail", print)

    with app.app_context():
        enqueue_now("test.task", "x")

    assert "the sweep will find the row" in caplog.text


def test_messages_go_through_redis_which_is_waited_for_only_briefly(make_app):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")

    mail = broker(app).queue("mail")

    assert isinstance(mail, RedisHuey)
    assert mail.storage.pool.connection_kwargs["socket_connect_timeout"] == 1
    assert mail.storage.pool.connection_kwargs["db"] == 0


def test_a_task_that_fails_leaves_the_worker_alive(app: Flask, row: str, caplog: pytest.LogCaptureFixture):
    def explode(row_id: str) -> None:
        raise ZeroDivisionError

    register_task(app, "test.task", "mail", explode)
    enqueue_now("test.task", row)
    task = broker().queue("mail").dequeue()
    assert task is not None

    broker().queue("mail").execute(task)

    assert "failed" in caplog.text


def test_without_a_broker_the_worker_does_what_the_sweep_finds(make_app, row: str):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    done = threading.Event()
    seen: list[str] = []
    register_task(app, "test.task", "mail", lambda row_id: (seen.append(row_id), done.set()))

    with app.app_context():
        broker().inline.start({"mail": 1, "video": 1})
        enqueue_now("test.task", row)

    assert done.wait(30)
    assert seen == [row]


def test_a_task_under_way_is_not_run_again(make_app, row: str):
    app = make_app(HUEY_URL="redis://127.0.0.1:1/0")
    begun, go_on = threading.Event(), threading.Event()
    seen: list[str] = []

    def task(row_id: str) -> None:
        seen.append(row_id)
        begun.set()
        go_on.wait(30)

    register_task(app, "test.task", "mail", task)
    with app.app_context():
        broker().inline.start({"mail": 2, "video": 1})
        enqueue_now("test.task", row)
        assert begun.wait(30)
        enqueue_now("test.task", row)
        assert (broker().depth("mail"), broker().depth("video")) == (1, 0)
    go_on.set()

    assert seen == [row]


def test_a_row_that_is_retried_waits_longer_after_each_try(row: str):
    waits = []
    with time_machine.travel(clock.now(), tick=False) as now:
        for _ in range(6):
            claim = take(row)
            assert claim is not None
            with transaction():
                assert ASSETS.retry_later(claim)
            again_at = db.session.get_one(Asset, row).next_attempt_at
            assert again_at is not None
            waits.append((again_at - clock.now()).total_seconds())
            now.move_to(again_at)

    assert waits == [10, 60, 300, 900, 900, 900]


def test_a_row_that_is_released_is_due_at_once_and_no_try_is_counted(row: str):
    claim = take(row)
    assert claim is not None

    with transaction():
        assert ASSETS.release(claim)

    assert (ASSETS.due_ids(), db.session.get_one(Asset, row).attempts) == ([row], 0)


def test_a_row_that_is_given_up_says_why_and_is_never_due_again(row: str):
    claim = take(row)
    assert claim is not None

    with transaction():
        assert ASSETS.give_up(claim, "no_room")

    given_up = db.session.get_one(Asset, row)
    assert (given_up.state, given_up.reason, given_up.lease) == ("failed", "no_room", None)
    with time_machine.travel(clock.now() + timedelta(days=1), tick=False):
        assert ASSETS.due_ids() == []


def test_a_row_that_nobody_can_claim_steps_behind_the_others(row: str):
    with transaction():
        ASSETS.postpone(row, 60)

    assert ASSETS.due_ids() == []
    assert take(row) is None


def test_the_last_try_is_told_from_the_others(row: str):
    assert ASSETS.may_retry(Claim(row, "x", 4))
    assert not ASSETS.may_retry(Claim(row, "x", 5))
