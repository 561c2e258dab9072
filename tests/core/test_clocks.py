"""A clock that was a year ahead for a moment, and one that steps back: nothing waits, nothing opens."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from contentflow.core import clock, heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.errors import TooMany
from contentflow.links import visitor_keys
from contentflow.links.models import VisitorKey
from contentflow.partners import login_requests
from contentflow.partners import services as partners
from contentflow.partners.errors import LoginEnded
from contentflow.partners.models import Partner
from contentflow.partners.sessions import LoggedIn
from contentflow.pipeline.models import ASSETS, Asset
from contentflow.web import limits
from contentflow.web.limits import DAY, left, take

YEAR, HOUR, MINUTE = timedelta(days=365), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock cannot be moved: read the moved one instead."""
    monkeypatch.setattr(limits, "database_now", lambda: clock.now().timestamp())


def at(offset: timedelta) -> time_machine.travel:
    return time_machine.travel(clock.now() + offset, tick=False)


@pytest.mark.parametrize("ahead", [2 * HOUR, YEAR])
def test_a_cap_taken_while_a_clock_was_ahead_stays_full_for_a_day_and_then_frees(
    app: Flask, ahead: timedelta, caplog: pytest.LogCaptureFixture
):
    with at(ahead):
        take("mail", "alice", 10, DAY, cost=10)

    with at(timedelta(0)):
        with pytest.raises(TooMany) as refusal:
            take("mail", "alice", 10, DAY)
        assert refusal.value.retry_after_seconds <= DAY
        limits.erase_old_entries()
    with at(timedelta(hours=23)), pytest.raises(TooMany):
        take("mail", "alice", 10, DAY)
    with at(timedelta(hours=24, minutes=2)):
        assert left("mail", "alice", 10, DAY) == 10
        take("mail", "alice", 10, DAY, cost=10)
    assert "a clock was ahead" in caplog.text


def test_a_cap_is_not_opened_by_a_clock_that_steps_back(app: Flask):
    take("mail", "alice", 10, DAY, cost=10)

    for back in (MINUTE / 2, 2 * HOUR, YEAR):
        with at(-back), pytest.raises(TooMany):
            take("mail", "alice", 10, DAY)


@pytest.mark.parametrize("back", [timedelta(minutes=5), timedelta(minutes=25), 2 * HOUR, YEAR])
def test_an_expired_login_link_is_not_revived_by_a_clock_that_steps_back(
    app: Flask, alice: Partner, back: timedelta
):
    with transaction():
        token = partners.make_login_link("alice@example.org")
    with at(timedelta(minutes=11)):
        login_requests.end_expired()

    with at(timedelta(minutes=11) - back), pytest.raises(LoginEnded), transaction():
        partners.login_with_token(token)


def test_a_login_link_made_while_a_clock_was_ahead_does_not_live_for_a_year(app: Flask, alice: Partner):
    with at(YEAR), transaction():
        token = partners.make_login_link("alice@example.org")

    with pytest.raises(LoginEnded), transaction():
        partners.login_with_token(token)
    login_requests.end_expired()
    with at(YEAR), pytest.raises(LoginEnded), transaction():
        partners.login_with_token(token)


def test_a_session_begun_while_a_clock_was_ahead_lives_no_longer_than_others(app: Flask, alice: Partner):
    with at(YEAR), transaction():
        token = partners.open_session(alice.id)
    with transaction():
        partners.erase_expired()

    live = partners.find_session(token)
    assert live is not None
    assert not LoggedIn(token, live).is_fresh
    with at(timedelta(days=15)):
        assert partners.find_session(token) is None


def test_an_old_login_is_not_fresh_again_after_a_step_back(app: Flask, alice: Partner):
    with transaction():
        token = partners.open_session(alice.id)

    with at(-2 * HOUR):
        live = partners.find_session(token)
        assert live is not None
        assert not LoggedIn(token, live).is_fresh


def test_a_session_that_was_idle_for_too_long_does_not_come_back(app: Flask, alice: Partner):
    with transaction():
        token = partners.open_session(alice.id)
    with at(timedelta(days=14, hours=1)), transaction():
        partners.erase_expired()

    with at(timedelta(days=13)):
        assert partners.find_session(token) is None


@pytest.mark.parametrize("back", [2 * MINUTE, 2 * HOUR, YEAR])
def test_readiness_does_not_call_a_dead_worker_alive_after_a_step_back(app: Flask, back: timedelta):
    with transaction():
        heartbeat.beat("worker")

    with at(-back):
        assert heartbeat.check_worker() is not None


def test_a_live_worker_is_seen_over_a_small_step(app: Flask):
    with transaction():
        heartbeat.beat("worker")

    with at(-MINUTE / 6):
        assert heartbeat.check_worker() is None


@pytest.mark.parametrize("ahead", [2 * HOUR, YEAR])
def test_a_lease_taken_while_a_clock_was_ahead_ends_as_others_do(app: Flask, ahead: timedelta):
    with transaction():
        asset = Asset(details={}, has_video=True, state="processing", lease="x")
        asset.leased_until = clock.now() + ahead
        db.session.add(asset)
        db.session.flush()
        asset_id = asset.id

    ASSETS.date_anew()

    until = db.session.get_one(Asset, asset_id).leased_until
    assert until is not None
    lease = timedelta(seconds=app.config["CONTENTFLOW"].lease_seconds)
    assert clock.now() < until <= clock.now() + lease


def test_a_try_that_would_wait_a_year_is_due_now(app: Flask):
    with transaction():
        waits, strange = (
            Asset(details={}, has_video=True, state="new", next_attempt_at=clock.now() + wait)
            for wait in (HOUR, YEAR)
        )
        db.session.add_all([waits, strange])
        db.session.flush()
        ids = waits.id, strange.id

    ASSETS.date_anew()

    later, now = (db.session.get_one(Asset, row_id).next_attempt_at for row_id in ids)
    assert later is not None
    assert now is not None
    assert now <= clock.now() < later


def test_a_visitors_key_from_the_days_to_come_is_destroyed(app: Flask):
    with transaction():
        db.session.add(VisitorKey(day=(clock.now() + YEAR).date(), key=b"k" * 32))
        db.session.add(VisitorKey(day=clock.now().date(), key=b"k" * 32))

    visitor_keys.destroy_old_keys()

    assert [key.day for key in db.session.query(VisitorKey)] == [clock.now().date()]


def looks(steadiness: heartbeat.Steadiness, offset: timedelta, hours: float, monkeypatch) -> bool:
    """A look while the clock is ``offset`` away, ``hours`` after the start as the machine counts them."""
    monkeypatch.setattr(heartbeat.time, "monotonic", lambda: 3600 * hours)
    with at(offset), transaction():
        return steadiness.look()


def test_what_is_old_is_not_deleted_by_a_clock_that_is_a_year_ahead_for_a_moment(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    steadiness = heartbeat.Steadiness()
    assert looks(steadiness, timedelta(0), 0, monkeypatch)
    assert heartbeat.check_clock() is None

    assert not looks(steadiness, YEAR, 1, monkeypatch)

    assert "leapt" in (heartbeat.check_clock() or "")
    assert looks(steadiness, 2 * HOUR, 2, monkeypatch)
    with at(timedelta(days=2)):
        assert heartbeat.check_clock() is None


def test_a_clock_that_goes_on_from_where_it_leapt_is_believed(app: Flask, monkeypatch: pytest.MonkeyPatch):
    steadiness = heartbeat.Steadiness()
    looks(steadiness, timedelta(0), 0, monkeypatch)

    assert not looks(steadiness, timedelta(days=10), 1, monkeypatch)
    assert looks(steadiness, timedelta(days=10, hours=1), 2, monkeypatch)


def test_a_worker_that_starts_under_a_clock_far_ahead_waits_an_hour(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    assert looks(heartbeat.Steadiness(), timedelta(0), 0, monkeypatch)

    assert looks(heartbeat.Steadiness(), timedelta(days=1), 0, monkeypatch)
    assert not looks(heartbeat.Steadiness(), YEAR, 0, monkeypatch)


def test_a_clock_that_steps_back_deletes_nothing_new_and_is_no_leap(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    steadiness = heartbeat.Steadiness()
    looks(steadiness, timedelta(0), 0, monkeypatch)

    assert looks(steadiness, -2 * HOUR, 1, monkeypatch)
