from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
import time_machine
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import TooMany
from contentflow.core.ids import new_id
from contentflow.web import limits
from contentflow.web.limits import DAY, LimitEntry, left, plan, take

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
        limits.erase_old_entries()

    assert db.session.query(LimitEntry).count() == 0


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(START + seconds, UTC)


def test_what_is_planned_takes_its_place_on_the_day_it_is_due(app: Flask):
    with time_machine.travel(START, tick=False), transaction():
        plan("mail", "alice", 10, DAY, at(3 * DAY), cost=8)

        assert left("mail", "alice", 10, DAY) == 10
        assert left("mail", "alice", 10, DAY, at(3 * DAY)) == 2
        with pytest.raises(TooMany) as refusal:
            plan("mail", "alice", 10, DAY, at(3 * DAY + 10), cost=3)

    assert refusal.value.retry_after_seconds == 4 * DAY


def test_planning_never_heaps_two_days_into_one_from_either_side(app: Flask):
    with time_machine.travel(START, tick=False), transaction():
        plan("mail", "alice", 10, DAY, at(DAY), cost=10)
        with pytest.raises(TooMany):
            plan("mail", "alice", 10, DAY, at(2 * DAY - 1))
    with time_machine.travel(START + 1, tick=False):
        with pytest.raises(TooMany) as refusal:
            take("mail", "alice", 10, DAY, cost=1)
        assert left("mail", "alice", 10, DAY) == 0

    assert refusal.value.retry_after_seconds == 2 * DAY - 1


def test_a_planned_entry_is_no_entry_of_a_wrong_clock(app: Flask):
    with time_machine.travel(START, tick=False):
        with transaction():
            plan("mail", "alice", 10, DAY, at(3 * DAY), cost=8)
        take("mail", "alice", 10, DAY, cost=10)
        limits.erase_old_entries()

        assert left("mail", "alice", 10, DAY, at(3 * DAY)) == 2


@given(st.lists(st.tuples(st.integers(0, 5 * DAY), st.integers(1, 10)), max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_window_ever_holds_more_than_the_limit(app: Flask, requests: list[tuple[int, int]]):
    taken: list[tuple[int, int]] = []
    key = new_id()
    for moment, cost in requests:
        with time_machine.travel(START, tick=False):
            try:
                with transaction():
                    plan("mail", key, 10, DAY, at(moment), cost=cost)
                taken.append((moment, cost))
            except TooMany as refusal:
                again = refusal.retry_after_seconds
                assert again is not None
                with transaction():
                    plan("mail", key, 10, DAY, at(again), cost=cost)
                taken.append((again, cost))

    for end, _ in taken:
        assert sum(cost for moment, cost in taken if end - DAY < moment <= end) <= 10
