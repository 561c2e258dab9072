"""Two processes write at once, and neither is told an error."""

from __future__ import annotations

from threading import Event, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.core.heartbeat import Heartbeat
from contentflow.core.writes import add_to_sums, insert_missing, lock
from contentflow.sharekit.models import ShareSum


def test_a_key_that_is_taken_is_no_error_and_changes_nothing(app: Flask):
    with transaction():
        assert insert_missing(Heartbeat, name="x", seen_at=clock.now())
        first = db.session.get_one(Heartbeat, "x").seen_at
        assert not insert_missing(Heartbeat, name="x", seen_at=clock.now())

    assert db.session.get_one(Heartbeat, "x").seen_at == first


def test_sums_are_made_where_they_are_missing_and_grow_after(app: Flask, alices_post):
    for number in (2, 3):
        with transaction():
            add_to_sums(ShareSum, {"submission_id": alices_post.id, "channel": "x"}, shares=number)

    assert db.session.scalars(select(ShareSum.shares)).all() == [5]


@pytest.mark.parametrize(("seed", "waits"), [(0, True), (1, False)])
def test_of_one_name_and_seed_one_transaction_passes_at_a_time(app: Flask, seed: int, waits: bool):
    waits = waits or is_sqlite()  # It has one writer anyway.
    passed = Event()

    def other() -> None:
        with app.app_context(), transaction():
            lock("a name", seed=seed)
            passed.set()

    thread = Thread(target=other)
    with transaction():
        lock("a name")
        thread.start()
        assert passed.wait(0.5) is not waits
    thread.join(10)

    assert passed.is_set()
