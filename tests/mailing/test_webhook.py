"""What Brevo tells of mails: real payloads, once each, in any order, none lost by an answer of ours."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from contentflow.consent.models import FirstContact, Subscription, Suppression
from contentflow.consent.services import unavailable_to
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import brevo_lists, hooks, outcomes, webhook
from contentflow.mailing.events import BrevoDay, BrevoEvent, BrevoList
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.retention import erase_old_events
from contentflow.mailing.tasks import enqueue_events
from tests.house import run_work
from tests.mailing.brevo_payloads import NAMES, payload

TOKENS = {"BREVO_WEBHOOK_TOKEN": "the-newer-token, the-older-token"}
Tell = Callable[..., TestResponse]


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(**TOKENS)
    with app.app_context():
        yield app


@pytest.fixture
def tell(app: Flask) -> Tell:
    client = app.test_client()

    def send(body: Any, token: str = "the-newer-token") -> TestResponse:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return client.post("/webhooks/brevo", data=data, content_type="application/json", headers=headers)

    return send


@pytest.fixture
def mail(alices_post: Any, alice: Any) -> Delivery:
    return sent_mail(alice, alices_post.id, "reader@example.org")


def sent_mail(partner: Any, submission_id: str, address: str, state: str = "sent") -> Delivery:
    with transaction():
        delivery = Delivery(
            kind="share",
            recipient=address,
            recipient_hash=recipient_hash(address),
            partner_id=partner.id,
            submission_id=submission_id,
            state=state,
            transport="brevo",
            first_tried_at=clock.now(),
            message_id=f"<{address}@smtp-relay.example>" if state == "sent" else None,
        )
        db.session.add(delivery)
    return delivery


def events() -> list[BrevoEvent]:
    return list(db.session.scalars(select(BrevoEvent).order_by(BrevoEvent.id)))


def stopped() -> list[tuple[str, str, str]]:
    rows = db.session.scalars(select(Suppression))
    return [(one.recipient_hash, one.partner_id, one.cause) for one in rows]


def test_the_tokens_are_two_during_a_change_and_no_other_gets_in(tell):
    event = payload("delivered")

    assert tell(event, "the-newer-token").status_code == 200
    assert tell(event, "the-older-token").status_code == 200
    for wrong in ("", "the-newer-toke", "the-newer-token,the-older-token", "\xe9", "the-newer-token x"):
        assert tell(event, wrong).status_code == 401
    assert len(events()) == 1


def test_without_a_token_in_the_settings_nobody_gets_in(make_app):
    app = make_app()
    client = app.test_client()

    for given in ("Bearer ", "Bearer", "Bearer x", ""):
        assert client.post("/webhooks/brevo", json={}, headers={"Authorization": given}).status_code == 401


@pytest.mark.parametrize("name", NAMES)
def test_every_event_is_stored_once_and_known_by_our_own_id(tell, mail, name):
    event = payload(name, our_id=mail.id, message_id="<of another relay>")

    first, second = tell(event), tell(event)

    assert (first.status_code, first.json) == (200, {"stored": 1, "known": 1})
    assert second.json == {"stored": 0, "known": 1}
    assert [one.is_ours for one in events()] == [True]


@pytest.mark.parametrize(
    ("told", "kept"),
    [("hardBounce", "hard_bounce"), ("uniqueOpened", "unique_opened"), ("invalid", "invalid_email"),
     ("sent", "request"), ("uniqueProxyOpen", "unique_proxy_open"), ("carrier_pigeon", "carrier_pigeon"),
     ("carrierPigeon", "carrier_pigeon"), ("x" * 300, "x" * 32)],
)  # fmt: skip
def test_names_of_a_subscription_and_unknown_ones_are_stored(tell, told, kept):
    assert tell(payload(told)).json == {"stored": 1, "known": 0}

    assert [one.event for one in events()] == [kept]


def test_a_mail_is_found_by_its_message_id_where_our_own_is_missing(tell, mail):
    tell(payload("delivered", our_id="", message_id=mail.message_id))

    assert [one.delivery_id for one in events()] == [mail.id]


def test_the_payloads_own_id_and_local_date_are_not_looked_at(tell, mail):
    event = payload("delivered", our_id="", message_id="<foreign@elsewhere>")
    event["id"], event["date"] = mail.id, "2031-01-01 00:00:00"

    assert tell(event).json == {"stored": 1, "known": 0}
    (stored,) = events()
    assert stored.delivery_id is None
    assert stored.ts_event.timestamp() == event["ts_event"]


def test_a_hard_bounce_ends_the_address_and_the_mail_stays_sent(tell, mail, alice):
    tell(payload("hard_bounce", our_id=mail.id))

    db.session.refresh(mail)
    assert (mail.state, mail.outcome, mail.recipient) == ("sent", "bounced", "reader@example.org")
    assert stopped() == [(mail.recipient_hash, "", "bounce")]
    assert unavailable_to(alice.id, {mail.recipient_hash}) == {mail.recipient_hash}


def test_a_complaint_takes_the_yes_and_the_address_too(tell, mail, alice):
    with transaction():
        db.session.add(
            Subscription(recipient_hash=mail.recipient_hash, partner_id=alice.id, delivery_id=mail.id)
        )

    tell(payload("spam", our_id=mail.id))

    db.session.refresh(mail)
    assert (mail.state, mail.outcome, mail.recipient) == ("sent", "complained", None)
    assert stopped() == [(mail.recipient_hash, "", "complaint")]
    assert db.session.scalar(select(func.count()).select_from(Subscription)) == 0


def test_a_stop_at_brevo_is_a_stop_here(tell, mail):
    tell(payload("unsubscribed", our_id=mail.id))

    db.session.refresh(mail)
    assert mail.outcome is None
    assert stopped() == [(mail.recipient_hash, "", "unsubscribe")]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_no_order_of_events_takes_a_bounce_back(tell, mail, order):
    told = [
        payload("delivered", our_id=mail.id, at=1_000),
        payload("hard_bounce", our_id=mail.id, at=2_000),
        payload("opened", our_id=mail.id, at=3_000),
    ]

    for number in order:
        tell(told[number])

    db.session.refresh(mail)
    assert mail.outcome == "bounced"
    assert len(stopped()) == 1


def test_a_complaint_stays_one_whatever_bounces_later(tell, mail):
    tell([payload("spam", our_id=mail.id, at=2_000), payload("hard_bounce", our_id=mail.id, at=3_000)])

    db.session.refresh(mail)
    assert mail.outcome == "complained"


def test_a_soft_bounce_ends_nothing(tell, mail):
    tell([payload("soft_bounce", our_id=mail.id), payload("deferred", our_id=mail.id)])

    db.session.refresh(mail)
    assert (mail.outcome, stopped()) == (None, [])


def test_a_bounce_of_another_product_on_the_account_ends_nobody(tell):
    assert tell(payload("hard_bounce", our_id="", message_id="<1@another>")).json == {"stored": 1, "known": 0}

    assert stopped() == []


@pytest.mark.parametrize("name", ["request", "delivered", "soft_bounce", "hard_bounce", "spam"])
def test_a_doubt_ends_as_sent_when_brevo_has_the_mail(tell, alice, alices_post, name):
    doubtful = sent_mail(alice, alices_post.id, "reader@example.org", state="unknown")

    tell(payload(name, our_id=doubtful.id, message_id="<7@smtp-relay.example>"))

    db.session.refresh(doubtful)
    assert (doubtful.state, doubtful.message_id) == ("sent", "<7@smtp-relay.example>")


@pytest.mark.parametrize("name", ["blocked", "error", "invalid_email"])
def test_a_doubt_ends_as_failed_when_brevo_gave_it_to_nobody_and_uses_nothing_up(
    tell, alice, alices_post, name
):
    doubtful = sent_mail(alice, alices_post.id, "reader@example.org", state="unknown")
    with transaction():
        db.session.add(FirstContact(recipient_hash=doubtful.recipient_hash, delivery_id=doubtful.id))

    tell(payload(name, our_id=doubtful.id))

    db.session.refresh(doubtful)
    assert (doubtful.state, doubtful.reason) == ("failed", f"Brevo {name}")
    assert db.session.scalar(select(func.count()).select_from(FirstContact)) == 0


@pytest.mark.parametrize("name", ["carrier_pigeon", "opened"])
def test_what_says_nothing_of_the_sending_ends_no_doubt(tell, alice, alices_post, name):
    doubtful = sent_mail(alice, alices_post.id, "reader@example.org", state="unknown")

    tell(payload(name, our_id=doubtful.id))

    db.session.refresh(doubtful)
    assert doubtful.state == "unknown"


def test_an_event_of_a_mail_that_is_being_sent_waits_for_its_sender(tell, alice, alices_post):
    busy = sent_mail(alice, alices_post.id, "reader@example.org", state="sending")
    tell(payload("hard_bounce", our_id=busy.id))

    assert [one.apply_at is None for one in events()] == [False]
    with transaction():
        busy.state = "sent"
        db.session.scalars(select(BrevoEvent)).one().apply_at = clock.now()
    outcomes.apply_due()

    db.session.refresh(busy)
    assert busy.outcome == "bounced"


def test_opens_count_in_sums_and_of_nobody_proxies_apart(tell, mail):
    tell(
        [
            payload(name, our_id=mail.id, message_id=mail.message_id)
            for name in ("opened", "proxy_open", "click")
        ]
    )
    outcomes.apply_due()

    assert {one.event for one in events()} == {"opened", "proxy_open", "click"}
    assert {(one.address_hash, one.delivery_id) for one in events()} == {("", None)}
    assert all(mail.message_id.strip("<>") not in one.message_id for one in events())


def test_an_item_that_cannot_be_read_is_counted_and_the_others_are_stored(tell, mail):
    good = payload("delivered", our_id=mail.id)
    timeless = {name: value for name, value in good.items() if not name.startswith("ts")}
    strange_times = (True, "soon", -5, 1e400, 10**400, 0, [], None)
    bad = [None, 7, "x", [], {}, timeless, {"event": "opened"}, {"event": 5, "ts_event": 1_700_000_000}]
    bad += [{**timeless, "ts_event": value} for value in strange_times]

    assert tell([*bad, good, *bad]).json == {"stored": 1, "known": 1}

    day = db.session.scalars(select(BrevoDay)).one()
    assert (day.received, day.unreadable) == (2 * len(bad) + 1, 2 * len(bad))


@pytest.mark.parametrize("missing", ["email", "message-id", "X-Mailin-custom", "tags", "subject"])
def test_an_event_that_lacks_a_field_is_stored_once(tell, mail, missing):
    event = payload("hard_bounce", our_id=mail.id, message_id=mail.message_id)
    del event[missing]

    assert tell(event).json == {"stored": 1, "known": 1}
    assert tell([event, event]).json == {"stored": 0, "known": 1}
    db.session.refresh(mail)
    assert mail.outcome == "bounced"


def test_an_event_with_no_name_of_anything_is_stored_once(tell):
    event = {"event": "blocked", "ts_event": 1_700_000_000}

    assert [tell(event).json["stored"], tell(event).json["stored"]] == [1, 0]


def test_a_time_of_tomorrow_or_in_milliseconds_is_taken(tell, mail):
    tomorrow = int((clock.now() + timedelta(days=1)).timestamp())

    tell(payload("hard_bounce", our_id=mail.id, at=tomorrow))
    tell({**payload("delivered", our_id=mail.id), "ts_event": None, "ts_epoch": tomorrow * 1000 + 123})

    assert {one.ts_event.timestamp() for one in events()} == {tomorrow}
    db.session.refresh(mail)
    assert mail.outcome == "bounced"


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", "\udfff x", "\u202e", "<" * 5_000, "é" * 5_000])
def test_strange_text_in_any_field_is_stored(tell, mail, text):
    event = payload("hard_bounce", our_id=mail.id)
    for field in ("email", "message-id", "subject", "reason", "tag"):
        event[field] = text

    assert tell(event).json == {"stored": 1, "known": 1}
    db.session.refresh(mail)
    assert mail.outcome == "bounced"


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe\xff", b"nothing", b"7", b'"x"', b"null", b"true", b"[" * (5 * 1024 * 1024 - 1),
     b'{"a":' * 200_000, b"[1" + b"0" * 5_000 + b"]", b"\x00" * 100, b"[{}"],
    ids=lambda body: repr(body[:12]),
)  # fmt: skip
def test_what_will_never_be_readable_is_422_and_nothing_is_kept(tell, body):
    assert tell(body).status_code == 422

    assert db.session.scalar(select(func.count()).select_from(BrevoList)) == 0


def test_nothing_in_a_list_is_a_list(tell):
    assert tell(b"[]").json == {"stored": 0, "known": 0}
    assert tell(b"\xef\xbb\xbf[]").status_code == 200


def test_more_than_five_megabytes_are_413(tell):
    assert tell(b"[" + b" " * (5 * 1024 * 1024) + b"]").status_code == 413


def test_whoever_has_no_token_is_not_read(app):
    client = app.test_client()

    assert client.post("/webhooks/brevo", data=b"x" * 1_000_000).status_code == 401


@pytest.mark.parametrize("step", ["keep_list", "store_list"])
@pytest.mark.parametrize(
    "error", [OperationalError("", {}, Exception()), RuntimeError("a bug"), TimeoutError(), MemoryError()]
)
def test_whatever_goes_wrong_here_asks_for_the_events_again(tell, mail, monkeypatch, step, error):
    event = payload("hard_bounce", our_id=mail.id)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as broken:
        broken.setattr(brevo_lists, step, fail)
        refused = tell(event)

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert events() == []
    assert tell(event).json == {"stored": 1, "known": 1}


def test_a_wrong_host_asks_for_the_events_again(app):
    answer = app.test_client().post(
        "/webhooks/brevo",
        json=payload("delivered"),
        headers={"Authorization": "Bearer the-newer-token", "Host": "x"},
    )

    assert answer.status_code == 429


def test_an_event_that_cannot_be_applied_is_stored_all_the_same(tell, mail, monkeypatch, caplog):
    def fail(*_: object) -> None:
        raise RuntimeError("a bug in a hook")

    monkeypatch.setattr(outcomes, "tell_ended", fail)
    assert tell(payload("hard_bounce", our_id=mail.id)).json == {"stored": 1, "known": 1}
    monkeypatch.undo()
    with transaction():
        db.session.scalars(select(BrevoEvent)).one().apply_at = clock.now()

    outcomes.apply_due()

    db.session.refresh(mail)
    assert mail.outcome == "bounced"
    assert "cannot be applied" in caplog.text


def test_a_list_whose_caller_died_is_stored_by_the_worker(app, mail):
    event = payload("hard_bounce", our_id=mail.id)
    with transaction():
        brevo_lists.keep_list(json.dumps([event]).encode())
        db.session.scalars(select(BrevoList)).one().next_attempt_at = clock.now()

    enqueue_events()
    run_work(app)

    db.session.refresh(mail)
    assert mail.outcome == "bounced"
    assert db.session.scalar(select(func.count()).select_from(BrevoList)) == 0


def test_no_address_stands_in_what_is_kept(tell, mail):
    tell(payload("delivered", our_id=mail.id))

    (event,) = events()
    row = " ".join(str(value) for value in vars(event).values())
    assert "reader@example.org" not in row
    assert event.address_hash == mail.recipient_hash
    assert db.session.scalar(select(func.count()).select_from(BrevoList)) == 0


def test_capabilities_hear_who_ended_and_why(app, tell, mail):
    heard = []
    hooks.on_ended(app, lambda delivery, cause: heard.append((delivery.id, cause)))

    tell([payload(name, our_id=mail.id) for name in ("hard_bounce", "spam", "unsubscribed", "delivered")])

    assert sorted(heard) == sorted((mail.id, cause) for cause in ("bounce", "complaint", "unsubscribe"))


def test_events_go_after_ninety_days(tell, mail):
    tell([payload("delivered", our_id=mail.id), payload("request", our_id=mail.id)])
    with transaction():
        events()[0].received_at = clock.now() - timedelta(days=91)

    erase_old_events()

    assert [one.event for one in events()] == ["request"]


def test_a_list_of_500_comes_twice_and_backwards(tell, alice, alices_post):
    mails = [sent_mail(alice, alices_post.id, f"reader{number}@example.org") for number in range(20)]
    told = [
        payload(name, our_id=mails[number % 20].id, at=1_000 + number)
        for number in range(250)
        for name in ("request", "delivered")
    ]

    assert tell(told).json == {"stored": 500, "known": 500}
    assert tell(told[::-1]).json == {"stored": 0, "known": 500}


@pytest.mark.proof
def test_ten_thousand_events_in_one_list_are_answered_within_five_seconds(tell, alice, alices_post):
    mails = [sent_mail(alice, alices_post.id, f"reader{number}@example.org") for number in range(50)]
    told = [
        payload(
            "hard_bounce" if number < 50 else "delivered", our_id=mails[number % 50].id, at=1_000 + number
        )
        for number in range(10_000)
    ]
    body = json.dumps(told).encode()
    assert len(body) < webhook.MAX_BYTES

    began = time.monotonic()
    answer = tell(body)
    seconds = time.monotonic() - began

    assert answer.json == {"stored": 10_000, "known": 10_000}
    assert seconds < 5
