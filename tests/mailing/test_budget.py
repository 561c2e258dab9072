"""The account's day: twenty places for logins, half for nobody while others wait, the rest tomorrow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import account, breaker, tasks
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from tests.house import run_work
from tests.mailing.standin_brevo import Brevo

NOW = timedelta()


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    yield standin
    standin.close()


@pytest.fixture
def app(make_app: Callable[..., Flask], brevo: Brevo) -> Iterator[Flask]:
    app = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, EMAIL_ACCOUNT_DAILY_LIMIT="30")
    plain = Message("Bonjour", "Texte", "<p>Texte</p>")
    for kind in ("login", "share"):
        register_composer(app, kind, lambda _: plain)
    with app.app_context():
        yield app


def queue(partner: Any, count: int, ago: timedelta = NOW, kind: str = "share") -> None:
    common = {"kind": kind, "partner_id": partner and partner.id, "state": "queued"}
    with transaction():
        for number in range(count):
            address = f"r{number}@example.org"
            due = {"next_attempt_at": clock.now() - ago}
            one = Delivery(recipient=address, recipient_hash=recipient_hash(address), **common, **due)
            db.session.add(one)


def work(app: Flask, rounds: int = 4) -> None:
    for _ in range(rounds):
        tasks.enqueue_due()
        run_work(app)


def left(state: str = "sent") -> Counter[str]:
    db.session.rollback()
    return Counter(db.session.scalars(select(Delivery.partner_id).where(Delivery.state == state)))


def a_day_later() -> None:
    with transaction():
        for one in db.session.scalars(select(Delivery)):
            if one.first_tried_at:
                one.first_tried_at -= timedelta(hours=25)
            if one.state == "scheduled":
                one.due_at = one.next_attempt_at = clock.now()


def test_twenty_places_are_kept_for_logins(app, alice):
    queue(alice, 15)
    work(app)
    queue(None, 20, kind="login")
    work(app)

    assert left() == {alice.id: 10, None: 20}


def test_what_does_not_fit_waits_for_tomorrow_and_says_when(app, alice):
    queue(alice, 13)

    work(app)

    assert left() == {alice.id: 10}
    waiting = db.session.scalars(select(Delivery).where(Delivery.state == "scheduled")).all()
    assert len(waiting) == 3
    assert all(
        one.due_at and timedelta(hours=23) < one.due_at - clock.now() <= timedelta(hours=24)
        for one in waiting
    )


def test_it_leaves_tomorrow_and_counts_there(app, alice):
    queue(alice, 23)
    work(app)
    a_day_later()
    tasks.queue_scheduled()
    with transaction():
        breaker.close()
    work(app)

    assert left() == {alice.id: 20}
    assert left("scheduled") == {alice.id: 3}


def test_nobody_has_more_than_half_while_others_wait(app, alice, bob):
    queue(alice, 40, timedelta(minutes=5))
    queue(bob, 40)

    work(app)

    assert left() == {alice.id: 5, bob.id: 5}


def test_who_is_alone_has_all_of_it(app, alice):
    queue(alice, 40)

    work(app)

    assert left() == {alice.id: 10}


def test_what_others_leave_over_goes_to_who_waits(app, alice, bob):
    queue(alice, 40, timedelta(minutes=5))
    queue(bob, 2)

    work(app)

    assert left() == {alice.id: 8, bob.id: 2}


def test_more_waiting_mails_than_a_sweep_looks_at_hide_nobody(app, alice, bob):
    queue(alice, tasks.MAX_ENQUEUED * 3, timedelta(minutes=5))
    queue(bob, 5)

    work(app)

    assert left() == {alice.id: 5, bob.id: 5}


def test_logins_beyond_their_places_take_from_the_others(app, alice):
    queue(None, 24, kind="login")
    work(app)
    queue(alice, 15)
    work(app)

    assert left() == {None: 24, alice.id: 6}


def test_a_limit_smaller_than_the_logins_places_still_lets_one_leave(make_app, app, alice, brevo):
    small = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, EMAIL_ACCOUNT_DAILY_LIMIT="5")
    register_composer(small, "share", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))
    with small.app_context():
        queue(alice, 3)
        work(small)

        assert left() == {alice.id: 1}


def test_without_a_limit_all_leave(make_app, app, alice, brevo):
    free = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url)
    register_composer(free, "share", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))
    with free.app_context():
        queue(alice, 60)
        work(free)

        assert left() == {alice.id: 60}
        assert account.put_off() == 0
