"""Somebody sets the clock: no mail waits for a year, and none is asked again with a key that is forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from contentflow.consent.models import FirstContact
from contentflow.core.db import db, transaction
from contentflow.mailing import breaker, sending, tasks, times, transports
from contentflow.mailing.models import Delivery
from contentflow.mailing.transports import SendOutcome
from tests.house import run_work
from tests.mailing.letters import delivery, let_leave, queue, readers, share, states, write_plain_logins
from tests.mailing.test_sending import Scripted

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
YEAR, TWO_HOURS = timedelta(days=365), timedelta(hours=2)
SetClock = Callable[[timedelta], None]


@pytest.fixture
def set_clock() -> Iterator[SetClock]:
    """Set the clock to so long after noon; it stands still between."""
    with time_machine.travel(NOON, tick=False) as machine:
        yield lambda after: machine.move_to(NOON + after)


@pytest.fixture
def script(set_clock: SetClock, monkeypatch: pytest.MonkeyPatch, app: Flask) -> Scripted:
    write_plain_logins(app)
    transport = Scripted()
    monkeypatch.setattr(transports, "chosen", lambda: transport)
    return transport


def test_a_step_back_of_two_hours_asks_for_no_mail_again(
    app: Flask, script: Scripted, set_clock: SetClock
) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout")]
    delivery_id = queue()
    tasks.send(delivery_id)

    set_clock(-TWO_HOURS)
    run_work(app)
    for minutes in (1, 5, 119, 120, 121, 600):  # also when the clock has caught up
        set_clock(-TWO_HOURS + timedelta(minutes=minutes))
        run_work(app)

    assert script.calls == [delivery_id]
    assert delivery(delivery_id).state == "unknown"


def test_a_claim_itself_refuses_a_try_from_the_future(script: Scripted, set_clock: SetClock) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout")]
    delivery_id = queue()
    tasks.send(delivery_id)

    set_clock(-TWO_HOURS)
    with transaction():
        db.session.execute(update(Delivery).values(next_attempt_at=None))
    tasks.send(delivery_id)

    assert (delivery(delivery_id).state, len(script.calls)) == ("unknown", 1)


def test_a_step_back_of_some_seconds_changes_nothing(
    app: Flask, script: Scripted, set_clock: SetClock
) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout")]
    delivery_id = queue()
    tasks.send(delivery_id)

    set_clock(timedelta(seconds=-20))
    run_work(app)
    assert delivery(delivery_id).state == "queued"
    set_clock(timedelta(seconds=6))
    run_work(app)

    assert (delivery(delivery_id).state, len(script.calls)) == ("sent", 2)


def test_what_was_queued_while_the_clock_was_a_year_ahead_leaves_today(
    app: Flask, script: Scripted, set_clock: SetClock, alice: object, alices_post: object
) -> None:
    set_clock(YEAR)
    login = queue("partner@example.org")
    share(alice.id, alices_post.id, "reader@example.org")  # type: ignore[attr-defined]

    set_clock(timedelta(0))
    run_work(app)
    assert (delivery(login).state, states()) == ("sent", ["queued", "sent"])
    set_clock(timedelta(seconds=29))
    run_work(app)
    assert states() == ["queued", "sent"]  # It can still be taken back.
    set_clock(timedelta(seconds=31))
    run_work(app)

    assert states() == ["sent", "sent"]


def test_a_mail_whose_try_was_dated_a_year_ahead_is_unknown_and_stays_taken(
    app: Flask, script: Scripted, set_clock: SetClock, alice: object, alices_post: object
) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout")]
    set_clock(YEAR)
    share(alice.id, alices_post.id, "reader@example.org")  # type: ignore[attr-defined]
    let_leave()
    run_work(app)

    set_clock(timedelta(0))
    run_work(app)

    assert (states(), len(script.calls)) == (["unknown"], 1)
    assert len(db.session.scalars(select(FirstContact)).all()) == 1


def test_a_dead_workers_mail_does_not_wait_for_a_year(
    app: Flask, script: Scripted, set_clock: SetClock
) -> None:
    set_clock(YEAR)
    delivery_id = queue()
    with transaction():
        assert sending.claim(delivery_id, script) is not None  # and its worker dies

    set_clock(timedelta(0))
    run_work(app)
    set_clock(timedelta(seconds=31))
    run_work(app)

    assert (delivery(delivery_id).state, script.calls) == ("unknown", [])


@pytest.mark.parametrize("jump", [YEAR, TWO_HOURS])
def test_a_rest_keeps_its_length_when_the_clock_is_set_back(
    jump: timedelta, app: Flask, script: Scripted, set_clock: SetClock
) -> None:
    set_clock(jump)
    with transaction():
        breaker.trip("scripted", 300, "401")

    set_clock(timedelta(0))
    times.date_anew()
    assert breaker.state("scripted") == "open"
    set_clock(timedelta(seconds=301))

    assert breaker.state("scripted") == "half_open"


def test_the_accounts_day_opens_neither_early_nor_a_year_late(
    make_app: Callable[..., Flask], script: Scripted, set_clock: SetClock, alice: object, alices_post: object
) -> None:
    app = make_app(EMAIL_ACCOUNT_DAILY_LIMIT="22", SHARE_EMAIL_UNDO_SECONDS="0")
    with app.app_context():
        write_plain_logins(app)
        set_clock(YEAR)
        share(alice.id, alices_post.id, readers(4))  # type: ignore[attr-defined]
        run_work(app)
        assert states() == ["scheduled"] * 2 + ["sent"] * 2

        set_clock(timedelta(0))
        run_work(app)
        set_clock(timedelta(hours=23, minutes=59))
        run_work(app)
        assert states() == ["scheduled"] * 2 + ["sent"] * 2
        for hours in (24.1, 48.2):
            set_clock(timedelta(hours=hours))
            run_work(app)

        assert states() == ["sent"] * 4


def test_a_clock_that_jumps_ahead_during_a_call_does_not_hide_that_it_was_sent(
    script: Scripted, set_clock: SetClock
) -> None:
    delivery_id = queue()
    with transaction():
        holder = sending.claim(delivery_id, script)
    assert holder is not None
    set_clock(YEAR)
    tasks.send(delivery_id)
    assert delivery(delivery_id).state == "unknown"

    with transaction():
        sending.complete(holder, SendOutcome("sent", message_id="m"), script)

    assert (delivery(delivery_id).state, delivery(delivery_id).message_id) == ("sent", "m")


def test_times_as_they_should_be_are_left_alone(app: Flask, script: Scripted, set_clock: SetClock) -> None:
    script.outcomes = [SendOutcome("indeterminate", "500")] * 3
    delivery_id = queue()
    tasks.send(delivery_id)
    before = delivery(delivery_id)
    dates = (before.next_attempt_at, before.first_tried_at)

    times.date_anew()

    after = delivery(delivery_id)
    assert (after.next_attempt_at, after.first_tried_at) == dates
