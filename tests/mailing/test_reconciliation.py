"""Brevo is asked each hour: what is unknown is settled, what was lost is found, its limits are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.consent.models import Suppression
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import brevo_tasks
from contentflow.mailing.events import BrevoDay, BrevoEvent
from contentflow.mailing.models import Delivery
from contentflow.mailing.outcomes import apply_due
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.reports import read_statistic
from contentflow.web import limits
from tests.house import run_work
from tests.mailing.brevo_payloads import payload
from tests.mailing.standin_brevo import Brevo

READER = "reader@example.org"


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    yield standin
    standin.close()


@pytest.fixture
def app(make_app: Callable[..., Flask], brevo: Brevo) -> Iterator[Flask]:
    app = make_app(BREVO_API_KEY="the-key", BREVO_API_URL=brevo.url, BREVO_WEBHOOK_TOKEN="the-token")
    with app.app_context():
        yield app


def ask(app: Flask) -> None:
    brevo_tasks.plan_days()
    run_work(app)
    apply_due()


def ask_again(app: Flask) -> None:
    """An hour later."""
    with transaction():
        for day in db.session.scalars(select(BrevoDay)):
            day.read_at = day.read_at and day.read_at - timedelta(hours=1)
            day.next_attempt_at = None
    ask(app)


def mail(
    partner: Any,
    post: Any,
    state: str = "sent",
    tried_ago: timedelta = timedelta(hours=1),
    address: str = READER,
) -> Delivery:
    with transaction():
        one = Delivery(
            kind="share", recipient=address, recipient_hash=recipient_hash(address), partner_id=partner.id,
            submission_id=post.id, state=state, transport="brevo", first_tried_at=clock.now() - tried_ago,
            message_id="<1@relay.example>" if state == "sent" else None,
        )  # fmt: skip
        db.session.add(one)
    return one


def statistic(event: str, message_id: str = "<1@relay.example>", ago: timedelta = timedelta(hours=1),
              email: str = READER) -> dict[str, Any]:  # fmt: skip
    """An event as the statistics tell it: https://developers.brevo.com/reference/get-email-event-report"""
    at = clock.now() - ago
    return {
        "email": email,
        "date": at.isoformat(timespec="milliseconds"),
        "subject": "Une heure",
        "from": "x@y.fr",
        "messageId": message_id,
        "event": event,
        "tag": "byop_share",
        "templateId": 1,
    }


def days() -> dict[str, BrevoDay]:
    db.session.rollback()
    return {one.id: one for one in db.session.scalars(select(BrevoDay))}


def test_a_bounce_that_the_webhook_lost_is_found_and_counted(app, brevo, alice, alices_post, caplog):
    sent = mail(alice, alices_post)
    brevo.statistics = [statistic("requests"), statistic("delivered"), statistic("hardBounces")]

    ask(app)

    db.session.refresh(sent)
    assert sent.outcome == "bounced"
    assert db.session.scalars(select(Suppression)).one().cause == "bounce"
    assert sum(day.lost for day in days().values()) == 3
    assert "had not come by the webhook" in caplog.text


def test_what_the_webhook_told_is_not_lost_though_its_time_differs_a_little(app, brevo, alice, alices_post):
    sent = mail(alice, alices_post)
    at = int((clock.now() - timedelta(hours=1)).timestamp())
    told = [payload(name, our_id=sent.id, message_id="<1@relay.example>", at=at) for name in
            ("request", "deferred", "delivered")]  # fmt: skip
    headers = {"Authorization": "Bearer the-token"}
    assert app.test_client().post("/webhooks/brevo", json=told, headers=headers).status_code == 200
    brevo.statistics = [
        statistic("requests", ago=timedelta(hours=1, seconds=-30)),
        statistic("deferred", ago=timedelta(hours=1, seconds=30)),
        statistic("delivered"),
    ]

    ask(app)

    assert sum(day.lost for day in days().values()) == 0
    assert len(db.session.scalars(select(BrevoEvent)).all()) == 3


def test_a_second_asking_finds_nothing_new(app, brevo, alice, alices_post):
    mail(alice, alices_post)
    brevo.statistics = [statistic("requests"), statistic("delivered")]

    ask(app)
    ask_again(app)

    assert sum(day.lost for day in days().values()) == 2


def test_what_is_too_young_to_be_late_is_left_to_the_webhook(app, brevo, alice, alices_post):
    mail(alice, alices_post)
    brevo.statistics = [statistic("delivered", ago=timedelta(minutes=5))]

    ask(app)

    assert db.session.scalars(select(BrevoEvent)).all() == []


def test_opens_and_mails_of_others_are_not_taken_along(app, brevo, alice, alices_post):
    mail(alice, alices_post)
    brevo.statistics = [
        statistic("opened"),
        statistic("loadedByProxy"),
        statistic("hardBounces", "<9@elsewhere>"),
    ]

    ask(app)

    assert db.session.scalars(select(BrevoEvent)).all() == []
    assert db.session.scalars(select(Suppression)).all() == []


def test_a_mail_in_doubt_is_recognised_by_its_reader_and_time(app, brevo, alice, alices_post):
    doubtful = mail(alice, alices_post, "unknown", timedelta(hours=2))
    brevo.statistics = [
        statistic("requests", "<before@relay>", timedelta(hours=3)),
        statistic("requests", "<7@relay>", timedelta(hours=2) - timedelta(seconds=20)),
        statistic("requests", "<another's@relay>", timedelta(hours=2), "carla@example.org"),
    ]

    ask(app)

    db.session.refresh(doubtful)
    assert (doubtful.state, doubtful.message_id) == ("sent", "<7@relay>")


def test_each_message_settles_one_mail_in_doubt(app, brevo, alice, alices_post, bob):
    first = mail(alice, alices_post, "unknown", timedelta(hours=2))
    with transaction():
        second = Delivery(
            kind="share", recipient=READER, recipient_hash=recipient_hash(READER), partner_id=bob.id,
            state="unknown", transport="brevo", first_tried_at=clock.now() - timedelta(hours=2),
        )  # fmt: skip
        db.session.add(second)
    brevo.statistics = [statistic("requests", "<7@relay>", timedelta(hours=2) - timedelta(seconds=20))]

    ask(app)

    for one in (first, second):
        db.session.refresh(one)
    assert sorted([first.state, second.state]) == ["sent", "unknown"]


def test_a_mail_that_brevo_never_had_has_failed_a_day_later_and_not_before(app, brevo, alice, alices_post):
    old = mail(alice, alices_post, "unknown", timedelta(hours=30))
    young = mail(alice, alices_post, "unknown", timedelta(hours=20), "carla@example.org")

    ask(app)

    for one in (old, young):
        db.session.refresh(one)
    assert (old.state, old.reason) == ("failed", "Brevo never had it")
    assert young.state == "unknown"


@pytest.mark.parametrize("mode", ["401", "500", "429"])
def test_without_an_answer_nobody_has_failed(app, brevo, alice, alices_post, mode):
    old = mail(alice, alices_post, "unknown", timedelta(hours=30))
    brevo.statistics_mode, brevo.reset_seconds = mode, "1800"

    ask(app)

    db.session.refresh(old)
    assert old.state == "unknown"
    assert all(day.read_at is None for day in days().values())


def test_after_429_nothing_is_asked_before_the_reset(app, brevo):
    brevo.statistics_mode, brevo.reset_seconds = "429", "1800"
    ask(app)
    asked = len(brevo.asked)

    for _ in range(3):
        brevo_tasks.enqueue_days()
        run_work(app)

    assert len(brevo.asked) == asked <= 2
    waits = [day.next_attempt_at for day in days().values() if day.next_attempt_at]
    assert waits
    assert all(timedelta(minutes=29) < at - clock.now() <= timedelta(minutes=30) for at in waits)


def test_the_account_is_asked_a_hundred_times_an_hour_at_most(app, brevo, monkeypatch):
    monkeypatch.setattr(brevo_tasks, "PAGE", 2)
    monkeypatch.setattr(brevo_tasks, "CALLS_AN_HOUR", 5)
    brevo.statistics = [statistic("requests", f"<{number}@elsewhere>") for number in range(100)]

    ask(app)

    assert len(brevo.asked) == 5
    assert limits.left("brevo_statistics", "account", 5, limits.HOUR) == 0


def test_a_reading_goes_on_where_it_was_stopped(app, brevo, monkeypatch):
    monkeypatch.setattr(brevo_tasks, "PAGE", 2)
    monkeypatch.setattr(brevo_tasks, "CALLS_AN_HOUR", 2)
    brevo.statistics = [statistic("requests", f"<{number}@elsewhere>") for number in range(5)]
    ask(app)
    begun = max(days().values(), key=lambda day: day.next_offset)
    assert begun.next_offset == 4
    with transaction():
        db.session.get(BrevoDay, begun.id).next_attempt_at = None
    monkeypatch.setattr(brevo_tasks, "CALLS_AN_HOUR", 100)
    brevo.asked.clear()

    run_work(app)
    brevo_tasks.read_day(begun.id)

    assert brevo.asked[0]["offset"] == "4"
    assert days()[begun.id].read_at is not None


def test_two_days_are_asked_about_and_all_since_the_last_one(app, brevo):
    today = clock.now().date()
    with transaction():
        last = BrevoDay(id=(today - timedelta(days=4)).isoformat(), read_at=clock.now() - timedelta(days=4))
        db.session.add(last)

    ask(app)

    expected = {(today - timedelta(days=number)).isoformat() for number in range(5)}
    assert {one["startDate"] for one in brevo.asked} == expected


def test_nobody_is_asked_without_a_key(make_app, brevo):
    app = make_app(BREVO_API_URL=brevo.url)
    with app.app_context():
        ask(app)

    assert brevo.asked == []


@pytest.mark.parametrize(
    ("date", "utc"),
    [
        ("2026-03-12T12:30:00.123+02:00", "2026-03-12T10:30:00+00:00"),
        ("2026-03-12T12:30:00Z", "2026-03-12T12:30:00+00:00"),
        ("2026-03-12T12:30:00", None),
        ("yesterday", None),
        (None, None),
        (7, None),
    ],
)
def test_a_date_of_the_statistics_needs_its_zone(date, utc):
    read = read_statistic({"event": "hardBounces", "messageId": "<1@x>", "email": READER, "date": date})

    assert (read and read.occurred_at) == (utc and datetime.fromisoformat(utc))
