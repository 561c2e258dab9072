from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask, current_app
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from contentflow.core import clock
from contentflow.core.broker import broker
from contentflow.core.db import db, transaction
from contentflow.mailing import breaker, sending, tasks, transports
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Breaker, CapturedMail, Delivery
from contentflow.mailing.transports import SendOutcome
from tests.house import run_work
from tests.mailing.letters import delivery, queue, states, write_plain_logins


class Scripted:
    """A transport that answers as it is told, then ``sent``; it remembers every call."""

    name = "scripted"
    knows_again = True

    def __init__(self, *outcomes: SendOutcome) -> None:
        self.outcomes = list(outcomes)
        self.calls: list[str] = []

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        self.calls.append(delivery_id)
        return self.outcomes.pop(0) if self.outcomes else SendOutcome("sent", message_id="m")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, app: Flask) -> Scripted:
    write_plain_logins(app)
    transport = Scripted()
    monkeypatch.setattr(transports, "chosen", lambda: transport)
    return transport


def make_due(delivery_id: str) -> None:
    with transaction():
        db.session.execute(
            update(Delivery)
            .where(Delivery.id == delivery_id)
            .values(next_attempt_at=clock.now(), leased_until=clock.now())
        )


def try_again(delivery_id: str) -> Delivery:
    make_due(delivery_id)
    tasks.send(delivery_id)
    return delivery(delivery_id)


def test_a_queued_mail_is_captured_where_no_mail_service_is_set(make_app) -> None:
    app = make_app(ENV="development")
    with app.app_context():
        write_plain_logins(app)
        queue("reader@example.org")

        run_work(app)

        assert states() == ["captured"]
        assert db.session.scalars(select(CapturedMail.recipient)).all() == ["reader@example.org"]


def test_without_any_mail_what_waits_goes_on_waiting(make_app) -> None:
    app = make_app(MAIL_TRANSPORT="none")
    with app.app_context():
        write_plain_logins(app)
        delivery_id = queue("reader@example.org")

        run_work(app)
        tasks.send(delivery_id)

        assert states() == ["queued"]
        assert delivery(delivery_id).first_tried_at is None
        assert db.session.scalars(select(CapturedMail)).all() == []


def test_a_sent_mail_is_not_sent_again_by_a_late_message(app: Flask, script: Scripted) -> None:
    delivery_id = queue()
    tasks.send(delivery_id)

    tasks.send(delivery_id)
    run_work(app)

    assert script.calls == [delivery_id]
    assert delivery(delivery_id).state == "sent"


def test_a_mail_that_nobody_needs_any_more_is_cancelled(app: Flask, script: Scripted) -> None:
    register_composer(app, "login", lambda _: None)
    delivery_id = queue()

    tasks.send(delivery_id)

    assert (delivery(delivery_id).state, script.calls) == ("cancelled", [])


def test_an_unsure_try_waits_and_uses_the_same_key_again(script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "500")]
    delivery_id = queue()

    tasks.send(delivery_id)
    waiting = delivery(delivery_id)
    assert (waiting.state, waiting.attempts) == ("queued", 1)
    assert waiting.next_attempt_at is not None
    assert timedelta(seconds=3) < waiting.next_attempt_at - clock.now() <= timedelta(seconds=5)

    assert try_again(delivery_id).state == "sent"
    assert script.calls == [delivery_id] * 2


def test_six_unsure_tries_are_unknown_and_never_tried_again(app: Flask, script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "500")] * 9
    delivery_id = queue()

    for _ in range(8):
        try_again(delivery_id)
    run_work(app)

    assert len(script.calls) == 6
    assert delivery(delivery_id).state == "unknown"


def test_no_try_begins_ten_minutes_after_the_first(script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout")]
    delivery_id = queue()
    tasks.send(delivery_id)
    with transaction():
        long_ago = clock.now() - timedelta(minutes=10, seconds=1)
        db.session.execute(update(Delivery).values(first_tried_at=long_ago))

    found = try_again(delivery_id)

    assert (found.state, found.reason, len(script.calls)) == ("unknown", "timeout", 1)


def test_a_rest_stops_the_whole_sender_and_uses_up_no_try(app: Flask, script: Scripted) -> None:
    script.outcomes = [SendOutcome("throttled", "401", wait_seconds=300)]
    first, second = queue("a@example.org"), queue("b@example.org")

    run_work(app)

    assert len(script.calls) == 1
    for found in (delivery(first), delivery(second)):
        assert (found.state, found.attempts, found.first_tried_at) == ("queued", 0, None)


def test_after_a_rest_one_mail_is_tried_and_its_answer_frees_the_others(app: Flask, script: Scripted) -> None:
    script.outcomes = [
        SendOutcome("throttled", "401", wait_seconds=300),
        SendOutcome("throttled", "401", wait_seconds=300),
    ]
    for number in range(5):
        queue(f"reader{number}@example.org")
    run_work(app)
    end_rest()
    run_work(app)
    assert len(script.calls) == 2

    end_rest()
    run_work(app)

    assert states() == ["sent"] * 5
    assert db.session.scalars(select(Breaker)).all() == []


def end_rest() -> None:
    with transaction():
        db.session.execute(update(Breaker).values(half_open_at=clock.now() - timedelta(seconds=1)))


def test_of_two_that_ask_for_the_one_try_one_gets_it(app: Flask) -> None:
    with transaction():
        breaker.trip("brevo", -1, "401")

    with transaction():
        assert breaker.let_through("brevo") == "half_open"
        assert breaker.let_through("brevo") == "open"


def test_a_mail_refused_for_now_fails_after_six_tries_with_nothing_unknown(script: Scripted) -> None:
    script.outcomes = [SendOutcome("deferred", "SMTP 450")] * 9
    delivery_id = queue()

    for _ in range(8):
        try_again(delivery_id)

    found = delivery(delivery_id)
    assert (found.state, found.reason, len(script.calls)) == ("failed", "SMTP 450", 6)


def test_a_dead_workers_mail_is_taken_again_and_costs_no_try(script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "500")] * 5
    delivery_id = queue()
    for _ in range(10):
        with transaction():
            assert sending.claim(delivery_id, script) is not None  # and its worker dies
        make_due(delivery_id)

    for _ in range(6):
        found = try_again(delivery_id)

    assert (found.state, len(script.calls)) == ("sent", 6)


def test_a_dead_workers_mail_is_unknown_at_once_where_no_key_is_known(script: Scripted) -> None:
    script.knows_again = False
    delivery_id = queue()
    with transaction():
        sending.claim(delivery_id, script)

    found = try_again(delivery_id)

    assert (found.state, script.calls) == ("unknown", [])


def test_a_mail_tried_by_another_transport_is_never_handed_to_this_one(script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "500")]
    delivery_id = queue()
    tasks.send(delivery_id)
    script.name = "other"

    assert try_again(delivery_id).state == "unknown"
    assert len(script.calls) == 1


def test_the_outcome_of_a_lost_claim_does_not_overwrite_its_successors(script: Scripted) -> None:
    delivery_id = queue()
    with transaction():
        lost = sending.claim(delivery_id, script)
    assert lost is not None
    assert try_again(delivery_id).state == "sent"

    with transaction():
        sending.complete(lost, SendOutcome("rejected", "late"), script)

    assert delivery(delivery_id).state == "sent"


def test_a_mail_that_cannot_be_composed_steps_aside(app: Flask, script: Scripted) -> None:
    def compose(row: Delivery) -> Message:
        if row.recipient == "bad@example.org":
            raise KeyError("url")
        return Message("Bonjour", "Texte", "<p>Texte</p>")

    register_composer(app, "login", compose)
    bad, good = queue("bad@example.org"), queue("good@example.org")

    run_work(app)

    assert script.calls == [good]
    assert delivery(bad).state == "queued"


def test_messages_do_not_pile_up_while_the_mail_service_is_slow(app: Flask, script: Scripted) -> None:
    for number in range(130):
        queue(f"reader{number}@example.org")

    for _ in range(5):
        tasks.enqueue_due()

    assert broker().queue("mail").pending_count() <= 130


def test_a_call_that_outlasts_its_lease_keeps_it_while_its_worker_lives(
    make_app: Callable[..., Flask], app: Flask, script: Scripted
) -> None:
    with make_app(LEASE_SECONDS="5").app_context():
        _outlast(script)


def _outlast(script: Scripted) -> None:
    write_plain_logins(current_app)
    delivery_id = queue()
    with transaction():
        taken = sending.claim(delivery_id, script)
    assert taken is not None
    with transaction():
        db.session.execute(update(Delivery).values(leased_until=clock.now() + timedelta(seconds=1)))

    with sending.DELIVERIES.keep_lease(taken.job, max_seconds=60):
        time.sleep(2.2)  # Renewed every third of LEASE_SECONDS.
        tasks.send(delivery_id)

    assert script.calls == []
    assert delivery(delivery_id).state == "sending"


class Broken(Scripted):
    """A transport that fails in a way nobody foresaw."""

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        self.calls.append(delivery_id)
        raise UnicodeEncodeError("ascii", to, 0, 1, "reader@example.org")


@pytest.mark.parametrize(("knows_again", "state"), [(True, "queued"), (False, "unknown")])
def test_what_a_transport_did_not_foresee_leaves_no_mail_sending(
    knows_again: bool,
    state: str,
    app: Flask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_plain_logins(app)
    broken = Broken()
    broken.knows_again = knows_again
    monkeypatch.setattr(transports, "chosen", lambda: broken)
    delivery_id = queue()

    tasks.send(delivery_id)

    found = delivery(delivery_id)
    assert (found.state, found.reason) == (state, "scripted: UnicodeEncodeError")
    assert "example.org" not in caplog.text

    for _ in range(8):
        try_again(delivery_id)

    assert (delivery(delivery_id).state, len(broken.calls)) == ("unknown", 6 if knows_again else 1)


def test_a_dead_workers_mail_that_cannot_be_composed_any_more_ends(app: Flask, script: Scripted) -> None:
    delivery_id = queue()
    with transaction():
        assert sending.claim(delivery_id, script) is not None  # and its worker dies

    def compose(row: Delivery) -> Message:
        raise KeyError("url")

    register_composer(app, "login", compose)

    assert try_again(delivery_id).state == "queued"
    with transaction():
        long_ago = clock.now() - timedelta(minutes=11)
        db.session.execute(update(Delivery).values(first_tried_at=long_ago))
    assert try_again(delivery_id).state == "unknown"


def test_a_database_that_is_away_for_a_moment_does_not_make_a_sent_mail_unknown(
    app: Flask, script: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [OperationalError("", {}, Exception()), OperationalError("", {}, Exception())]
    settle = sending.complete_all

    def away(*args: object) -> None:
        if answers:
            raise answers.pop()
        settle(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(tasks, "complete_all", away)
    monkeypatch.setattr(tasks, "COMPLETE_AGAIN", (0.0, 0.0, 0.0))
    delivery_id = queue()

    tasks.send(delivery_id)

    assert (delivery(delivery_id).state, script.calls) == ("sent", [delivery_id])


@pytest.mark.parametrize("kind", ["rejected", "duplicate"])
def test_a_refusal_of_a_second_try_is_unknown(kind: str, script: Scripted) -> None:
    script.outcomes = [SendOutcome("indeterminate", "timeout"), SendOutcome(kind, "400")]  # type: ignore[arg-type]
    delivery_id = queue()
    tasks.send(delivery_id)

    assert try_again(delivery_id).state == "unknown"


def test_a_first_try_whose_key_is_taken_is_unknown(script: Scripted) -> None:
    """As after a restore: somebody used the key before."""
    script.outcomes = [SendOutcome("duplicate", "400")]
    delivery_id = queue()

    tasks.send(delivery_id)

    assert delivery(delivery_id).state == "unknown"


def test_a_taken_key_whose_acceptance_was_told_is_sent(script: Scripted) -> None:
    script.outcomes = [
        SendOutcome("indeterminate", "201", was_accepted=True),
        SendOutcome("indeterminate", "500"),
        SendOutcome("duplicate"),
    ]
    delivery_id = queue()
    tasks.send(delivery_id)
    try_again(delivery_id)

    assert try_again(delivery_id).state == "sent"


def test_a_refusal_that_is_not_certain_keeps_the_first_try(script: Scripted) -> None:
    script.outcomes = [SendOutcome("throttled", "409", may_have_left=True), SendOutcome("rejected", "400")]
    delivery_id = queue()
    tasks.send(delivery_id)
    assert delivery(delivery_id).first_tried_at is not None
    end_rest()

    assert try_again(delivery_id).state == "unknown"
