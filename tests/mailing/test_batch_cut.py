"""A batch that is cut: its worker dies after the calls, or the database is away between two of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import brevo_tasks, sending, tasks, transports
from contentflow.mailing.events import BrevoDay
from contentflow.mailing.models import Delivery
from contentflow.mailing.outcomes import apply_due
from tests.house import run_work
from tests.mailing.letters import delivery_to, let_leave, readers, share, states
from tests.mailing.standin_brevo import Brevo

COUNT = 12


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    yield standin
    standin.close()


@pytest.fixture
def app(make_app: Callable[..., Flask], brevo: Brevo) -> Iterator[Flask]:
    app = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url)
    with app.app_context():
        yield app


@pytest.fixture
def batch(app: Flask, alice: Any, alices_post: Any) -> list[str]:
    share(alice.id, alices_post.id, readers(COUNT))
    let_leave()
    return list(db.session.scalars(select(Delivery.id)))


class Killed(BaseException):
    """The process is no more: nothing of what it held is written."""


def kill_before_the_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(tasks, "complete_all", die)


def end_leases() -> None:
    with transaction():
        ended = {"leased_until": clock.now() - timedelta(seconds=1)}
        db.session.execute(update(Delivery).where(Delivery.state == "sending").values(ended))


def test_who_dies_after_the_calls_of_a_batch_makes_nobody_get_two_and_all_are_found(
    app: Flask, brevo: Brevo, batch: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        kill_before_the_outcomes(patched)
        with pytest.raises(Killed):
            tasks._send(batch, transports.chosen())  # type: ignore[arg-type]
    assert states() == ["sending"] * COUNT

    end_leases()
    tasks.enqueue_due()
    run_work(app)

    assert set(brevo.readers().values()) == {1}
    assert len(brevo.readers()) == COUNT
    # A key that was used proves no delivery; what Brevo tells of each mail does.
    assert states() == ["unknown"] * COUNT
    tell_what_was_delivered(brevo)
    brevo_tasks.plan_days()
    run_work(app)
    apply_due()
    assert states() == ["sent"] * COUNT
    assert len(brevo.messages) == COUNT


def tell_what_was_delivered(brevo: Brevo) -> None:
    at = clock.now() - timedelta(minutes=20)  # What is younger may still come by the webhook.
    with transaction():
        db.session.execute(update(Delivery).values(first_tried_at=at))
    brevo.statistics = [
        {
            "email": message["to"][0]["email"],
            "date": (at + timedelta(seconds=1)).isoformat(timespec="milliseconds"),
            "subject": message["subject"],
            "from": message["sender"]["email"],
            "messageId": f"<{number}@relay.example>",
            "event": "delivered",
            "tag": "byop_share",
        }
        for number, message in enumerate(brevo.messages.values())
    ]
    with transaction():
        for day in db.session.scalars(select(BrevoDay)):
            day.next_attempt_at = None


def test_a_database_that_is_away_between_two_calls_loses_no_outcome_and_tries_no_more(
    app: Flask, brevo: Brevo, batch: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    @contextmanager
    def away(question: str) -> Iterator[Callable[..., Any]]:
        def ask(**values: Any) -> Any:
            asked.append(question)
            if len(asked) > 2:
                raise OperationalError(question, None, Exception())
            return (1,)

        yield ask

    monkeypatch.setattr(sending, "asking", away)

    tasks._send(batch, transports.chosen())  # type: ignore[arg-type]

    assert len(brevo.messages) == 3
    assert states() == ["queued"] * (COUNT - 3) + ["sent"] * 3
    waits = select(Delivery.attempts, Delivery.first_tried_at).where(Delivery.state == "queued")
    assert {tuple(one) for one in db.session.execute(waits)} == {(0, None)}


def test_a_mail_that_was_taken_over_between_two_calls_is_not_tried_by_its_first_holder(
    app: Flask, brevo: Brevo, batch: list[str]
) -> None:
    other = delivery_to("reader5@example.org").id

    def take_over(key: str) -> None:
        with app.app_context():
            if len(brevo.messages) == 1:
                with transaction():
                    taken = update(Delivery).where(Delivery.id == other)
                    db.session.execute(taken.values(lease="another"))

    brevo.after_answer = take_over
    with transaction():
        earlier = clock.now() - timedelta(minutes=1)
        db.session.execute(update(Delivery).where(Delivery.id != other).values(next_attempt_at=earlier))

    tasks._send(batch, transports.chosen())  # type: ignore[arg-type]

    assert "reader5@example.org" not in brevo.readers()
    assert delivery_to("reader5@example.org").state == "sending"
