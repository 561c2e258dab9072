"""The places of a partner's last 24 hours, counted once more when a mail leaves."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import services as mailing
from contentflow.mailing.models import Delivery
from contentflow.sharekit import sends
from tests.house import run_work
from tests.mailing.letters import delivery_to, let_leave, readers, share, states


@pytest.fixture
def app(make_app):
    app = make_app(SHARE_EMAIL_DAILY_LIMIT="3")
    with app.app_context():
        yield app


def for_later(send_id: str, hours: float) -> None:
    due_at = clock.now() + timedelta(hours=hours)
    with transaction():
        db.session.execute(
            update(Delivery)
            .where(Delivery.send_id == send_id)
            .values(state="scheduled", due_at=due_at, next_attempt_at=due_at)
        )


def test_a_mail_for_later_waits_until_it_is_due(app: Flask, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, readers(1))
    for_later(sent.send_id, hours=1)
    run_work(app)
    assert states() == ["scheduled"]

    for_later(sent.send_id, hours=-1)
    run_work(app)

    assert states() == ["sent"]


def test_what_was_held_up_does_not_leave_beyond_the_cap_of_24_hours(app: Flask, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(5))
    let_leave()

    run_work(app)

    assert states() == ["scheduled"] * 2 + ["sent"] * 3
    waits = db.session.scalars(select(Delivery).where(Delivery.state == "scheduled")).all()
    left_at = db.session.scalars(select(Delivery.first_tried_at).where(Delivery.state == "sent")).all()
    assert all(one.due_at == min(left_at) + timedelta(hours=24) for one in waits)


def test_the_day_of_one_partner_is_no_other_partners(app: Flask, alice, bob, alices_post) -> None:
    share(alice.id, alices_post.id, readers(3))
    let_leave()
    run_work(app)
    share(bob.id, alices_post.id, ["new@example.org"])
    let_leave()

    run_work(app)

    assert delivery_to("new@example.org").state == "sent"


def test_a_mail_for_later_can_be_taken_back(app: Flask, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, readers(2))
    for_later(sent.send_id, hours=48)

    with transaction():
        assert sends.cancel_send(alice.id, sent.send_id) == 2

    assert states() == ["cancelled"] * 2


def test_a_mail_that_was_tried_before_needs_no_second_place(app: Flask, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(3))
    let_leave()
    run_work(app)
    again = delivery_to("reader0@example.org").id
    with transaction():
        db.session.execute(
            update(Delivery).where(Delivery.id == again).values(state="queued", next_attempt_at=clock.now())
        )

    run_work(app)

    assert delivery_to("reader0@example.org").state != "scheduled"


def test_queueing_with_a_time_is_for_later(app: Flask, alice, alices_post) -> None:
    due_at = clock.now() + timedelta(days=2)
    with transaction():
        mailing.queue_all(["reader@example.org"], due_at, kind="share", partner_id=alice.id, due_at=due_at)

    assert states() == ["scheduled"]
