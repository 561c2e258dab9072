"""Whose mails are refused or complained of too often pauses until resumed: a partner, or the domain."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.mailing import standing, tasks
from contentflow.mailing.models import Delivery, SenderPause
from contentflow.mailing.recipients import recipient_hash
from tests.house import browser, log_in, post, run_work
from tests.mailing.brevo_payloads import payload
from tests.mailing.letters import let_leave, share, states

TOKEN = {"Authorization": "Bearer the-token"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(BREVO_WEBHOOK_TOKEN="the-token", SHARE_EMAIL_UNDO_SECONDS="0")
    with app.app_context():
        yield app


def sent(partner: Any, count: int, ago: timedelta = timedelta(hours=1), **more: Any) -> list[Delivery]:
    with transaction():
        mails = [
            Delivery(
                kind="share", recipient_hash=recipient_hash(f"{partner.id}{number}"), partner_id=partner.id,
                state="sent", first_tried_at=clock.now() - ago, **more,
            )
            for number in range(count)
        ]  # fmt: skip
        db.session.add_all(mails)
    return mails


def tell(app: Flask, event: str, mails: list[Delivery]) -> None:
    told = [
        payload(event, our_id=mail.id, message_id=f"<{mail.id}@relay>", at=number)
        for number, mail in enumerate(mails)
    ]
    assert app.test_client().post("/webhooks/brevo", json=told, headers=TOKEN).status_code == 200
    tasks.outcomes.apply_due()


def paused() -> list[str]:
    db.session.rollback()
    return [one.scope for one in standing.paused_senders()]


@pytest.mark.parametrize(
    ("mails", "event", "count", "is_paused"),
    [(100, "hard_bounce", 5, False), (100, "hard_bounce", 6, True), (49, "hard_bounce", 40, False),
     (50, "hard_bounce", 3, True), (50, "hard_bounce", 2, False), (100, "soft_bounce", 50, False),
     (49, "spam", 1, False), (50, "spam", 1, True), (100, "invalid_email", 6, True)],
)  # fmt: skip
def test_a_partner_pauses_over_the_limit_and_from_the_minimum_on(
    app, alice, bob, mails, event, count, is_paused
):
    sent(bob, 2_000)  # So that the domain as a whole does well.

    tell(app, event, sent(alice, mails)[:count])

    assert (alice.id in paused()) is is_paused
    assert bob.id not in paused()


def test_mails_of_more_than_thirty_days_count_no_more(app, alice, bob):
    sent(bob, 2_000)
    sent(alice, 200, timedelta(days=31), outcome="bounced")

    tell(app, "hard_bounce", sent(alice, 60)[:3])

    assert paused() == []


def test_the_domain_pauses_when_all_together_pass_the_limit(app, alice, bob):
    mails = sent(alice, 49) + sent(bob, 49)

    tell(app, "hard_bounce", mails[45:51])

    assert paused() == ["share.example.org"]
    with pytest.raises(standing.SenderPaused) as refused:
        standing.check_standing(alice.id)
    assert "envois du programme" in refused.value.message


def pause(partner: Any) -> None:
    with transaction():
        one = SenderPause(scope=partner.id, sent=50, bounced=3, complained=0, paused_at=clock.now())
        db.session.add(one)


def test_nothing_of_a_paused_partner_leaves_and_all_of_it_after_the_resumption(app, alice, alices_post, bob):
    share(alice.id, alices_post.id, "one@example.org, two@example.org")
    pause(alice)

    for _ in range(3):
        let_leave()
        tasks.enqueue_due()
        run_work(app)
    assert states() == ["queued", "queued"]
    tasks.send(db.session.scalars(select(Delivery.id)).first())
    assert states() == ["queued", "queued"]

    with transaction():
        assert standing.resume(alice.id, "la liste est nettoyée")
    run_work(app)
    assert states() == ["sent", "sent"]


def test_a_paused_partner_is_refused_with_the_reason_and_nothing_is_used_up(app, alice, alices_post):
    pause(alice)
    client = log_in(browser(app), alice.id)
    fields = {"sid": alices_post.id, "emails": "one@example.org", "consent": "1", "nonce": "n1"}

    answer = post(client, "/byop/email", fields)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "86400")
    text = answer.get_data(as_text=True)
    assert "Tes envois sont en pause" in text
    assert "one@example.org" in text
    assert states() == []
    assert "Tes envois sont en pause" in client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)


def test_after_a_resumption_only_what_was_tried_since_counts(app, alice, bob):
    sent(bob, 2_000)
    tell(app, "hard_bounce", sent(alice, 50)[:5])
    with transaction():
        standing.resume(alice.id, "")

    tell(app, "hard_bounce", sent(alice, 40, timedelta(seconds=-1))[:10])
    assert paused() == []
    tell(app, "hard_bounce", sent(alice, 20, timedelta(seconds=-1))[:1])
    assert paused() == [alice.id]


@pytest.mark.parametrize("by", ["id", "address", "ADDRESS"])
def test_an_operator_resumes_by_id_or_address_and_says_why(app, run, alice, by):
    pause(alice)
    who = {"id": alice.id, "address": alice.email, "ADDRESS": alice.email.upper()}[by]

    said = json.loads(run("mailing", "resume", who, "--reason", "liste nettoyée", "--json"))

    assert said == {"ended": 1}
    assert paused() == []
    entry = db.session.scalars(select(AuditEntry)).one()
    assert "liste nettoyée" in str(vars(entry))
    assert json.loads(run("mailing", "resume", who, "--json")) == {"ended": 0}


def test_status_and_doctor_name_who_is_paused(app, run, alice):
    pause(alice)

    assert json.loads(run("mailing", "status", "--json"))["paused_senders"] == alice.id
    assert alice.id in str(standing.check_senders())
    with transaction():
        standing.resume(alice.id, "")
    assert standing.check_senders() is None
