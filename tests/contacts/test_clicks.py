"""Clicks that Brevo tells: summed in the book of who wrote, and three years count from the last."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.contacts import retention
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import outcomes
from contentflow.mailing.events import BrevoEvent
from contentflow.mailing.models import Delivery
from tests.contacts.steps import BOOK, contacts_of
from tests.mailing.brevo_payloads import BEGIN, payload

TOKEN = {"Authorization": "Bearer the-token"}


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(BREVO_WEBHOOK_TOKEN="the-token")
    with app.app_context():
        yield app


@pytest.fixture
def ann(people: Callable[..., Any]) -> Any:
    ann = people("ann@example.org")
    ann.say_yes()
    return ann


def mail_to(person: Any) -> Delivery:
    db.session.rollback()
    return db.session.scalars(select(Delivery).where(Delivery.partner_id == person.partner_id)).one()


def tell(app: Flask, *told: dict[str, Any]) -> None:
    assert app.test_client().post("/webhooks/brevo", json=list(told), headers=TOKEN).status_code == 200
    outcomes.apply_due()
    db.session.rollback()


def test_clicks_are_summed_once_each_and_the_last_is_dated(app, ann, alice_client) -> None:
    mail = mail_to(ann)
    told = [payload("click", our_id=mail.id, at=number) for number in (30, 10, 20)]

    tell(app, *told)
    tell(app, *told, told[0])

    assert (ann.contact.clicks, ann.contact.last_click_at.timestamp()) == (3, BEGIN + 30)
    page = alice_client.get(f"{BOOK}/{ann.contact.id}").get_data(as_text=True)
    assert "3 clics · le dernier le 24" in page


def test_a_click_is_found_by_the_message_id_where_our_own_is_missing(app, ann) -> None:
    mail = mail_to(ann)
    with transaction():
        db.session.get_one(Delivery, mail.id).message_id = "<7@relay.example>"

    tell(app, payload("click", message_id="<7@relay.example>"), payload("click", message_id="<8@other>"))

    assert ann.contact.clicks == 1


def test_an_open_is_no_click(app, ann) -> None:
    mail = mail_to(ann)

    tell(app, payload("opened", our_id=mail.id), payload("unique_proxy_open", our_id=mail.id))

    assert (ann.contact.clicks, ann.contact.last_click_at) == (0, None)


def test_a_click_of_tomorrow_is_one_of_now(app, ann) -> None:
    tomorrow = int((clock.now() + timedelta(days=1)).timestamp())

    tell(app, payload("click", our_id=mail_to(ann).id, at=tomorrow))

    assert ann.contact.last_click_at <= clock.now()


def test_a_click_counts_in_the_book_of_who_wrote_alone(app, ann, bob, bob_client) -> None:
    from tests.contacts.steps import Person

    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()

    tell(app, payload("click", our_id=mail_to(ann).id))

    assert (ann.contact.clicks, bobs.contact.clicks) == (1, 0)


def test_once_it_is_counted_the_event_says_of_nobody(app, ann) -> None:
    tell(app, payload("click", our_id=mail_to(ann).id))

    (event,) = db.session.scalars(select(BrevoEvent))
    assert (event.address_hash, event.delivery_id, event.apply_at) == ("", None, None)


def test_three_years_count_from_the_last_click(app, ann, alice) -> None:
    mail, now = mail_to(ann), clock.now()
    with time_machine.travel(now + timedelta(days=300)):
        tell(app, payload("click", our_id=mail.id, at=int(clock.now().timestamp())))

    with time_machine.travel(now + timedelta(days=300 + 3 * 365 - 1)):
        retention.erase_old()
        assert set(contacts_of(alice.id)) == {"ann@example.org"}
    with time_machine.travel(now + timedelta(days=300 + 3 * 365 + 1)):
        retention.erase_old()
        assert contacts_of(alice.id) == {}
