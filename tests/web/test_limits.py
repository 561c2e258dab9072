from __future__ import annotations

import threading

import pytest
import time_machine
from flask import Flask

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import TooMany
from contentflow.web import limits
from contentflow.web.limits import DAY, LimitEntry, left, take

START = 1_800_000_000


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock cannot be frozen: read the frozen one instead."""
    monkeypatch.setattr(limits, "database_now", lambda: clock.now().timestamp())


def test_what_does_not_fit_is_refused_whole_and_uses_nothing_up(app: Flask):
    take("mail", "alice", 200, DAY, cost=199)

    with pytest.raises(TooMany):
        take("mail", "alice", 200, DAY, cost=2)

    assert left("mail", "alice", 200, DAY) == 1
    take("mail", "alice", 200, DAY, cost=1)


def test_retry_after_is_when_this_many_fit(app: Flask):
    with time_machine.travel(START, tick=False):
        take("mail", "alice", 10, DAY, cost=4)
    with time_machine.travel(START + 100, tick=False):
        take("mail", "alice", 10, DAY, cost=5)
    with time_machine.travel(START + 200, tick=False):
        with pytest.raises(TooMany) as small:
            take("mail", "alice", 10, DAY, cost=2)
        with pytest.raises(TooMany) as large:
            take("mail", "alice", 10, DAY, cost=6)
        with pytest.raises(TooMany) as never:
            take("mail", "alice", 10, DAY, cost=11)

    assert small.value.retry_after_seconds == DAY - 200
    assert large.value.retry_after_seconds == DAY - 100
    assert never.value.retry_after_seconds == DAY


def test_the_window_moves(app: Flask):
    with time_machine.travel(START, tick=False):
        take("mail", "alice", 1, DAY)
    with time_machine.travel(START + DAY - 1, tick=False), pytest.raises(TooMany):
        take("mail", "alice", 1, DAY)
    with time_machine.travel(START + DAY + 1, tick=False):
        take("mail", "alice", 1, DAY)


def test_a_clock_that_steps_back_does_not_open_a_limit(app: Flask):
    with time_machine.travel(START, tick=False):
        take("mail", "alice", 1, DAY)

    with time_machine.travel(START - 10 * DAY, tick=False), pytest.raises(TooMany):
        take("mail", "alice", 1, DAY)


def test_another_setting_does_not_start_a_new_day(app: Flask):
    take("mail", "alice", 200, DAY, cost=200)

    with pytest.raises(TooMany):
        take("mail", "alice", 201, DAY, cost=2)
    take("mail", "alice", 201, DAY, cost=1)


def test_one_partners_use_is_not_anothers(app: Flask):
    take("mail", "alice", 1, DAY)

    assert left("mail", "bob", 1, DAY) == 1


def test_a_limit_without_a_key_is_a_mistake_not_a_free_pass(app: Flask):
    with pytest.raises(ValueError, match="no key"):
        take("mail", "", 1, DAY)


def test_a_limit_of_zero_lets_nothing_through(app: Flask):
    with pytest.raises(TooMany) as refusal:
        take("mail", "alice", 0, DAY)

    assert refusal.value.retry_after_seconds == DAY


def test_the_entry_is_undone_with_the_transaction_it_joined(app: Flask):
    with pytest.raises(ZeroDivisionError), transaction():
        take("mail", "alice", 1, DAY)
        raise ZeroDivisionError

    assert left("mail", "alice", 1, DAY) == 1


def test_takers_at_once_never_pass_the_limit(app: Flask):
    results: list[bool] = []

    def press() -> None:
        with app.app_context():
            for _ in range(5):
                try:
                    take("mail", "alice", 20, DAY, cost=3)
                    results.append(True)
                except TooMany:
                    results.append(False)

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results.count(True) == 6
    assert left("mail", "alice", 20, DAY) == 2


def test_old_entries_are_deleted(app: Flask):
    with time_machine.travel(START, tick=False):
        take("press", "alice", 5, 60)
    with time_machine.travel(START + DAY, tick=False):
        limits.forget_old_entries()

    assert db.session.query(LimitEntry).count() == 0
