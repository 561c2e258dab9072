"""Every way in which Brevo answers, over a real connection: never twice, never lost, states true."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import uuid5

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.consent.models import FirstContact
from contentflow.core.db import db, transaction
from contentflow.mailing import breaker, tasks
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Breaker, Delivery
from contentflow.mailing.sending import DELIVERIES
from contentflow.mailing.transports.brevo import NAMESPACE, idempotency_key
from contentflow.mailing.transports.brevo import Brevo as BrevoTransport
from tests.core.test_outbound import server
from tests.mailing.letters import (
    delivery,
    delivery_to,
    let_leave,
    queue,
    readers,
    share,
    states,
    write_plain_logins,
)
from tests.mailing.standin_brevo import Brevo, wait_until

COUNT = int(os.environ.get("MAIL_RECIPIENTS", "10"))


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    yield standin
    standin.close()


@pytest.fixture
def app(make_app: Callable[..., Flask], brevo: Brevo) -> Iterator[Flask]:
    app = make_app(
        BREVO_API_KEY="the-key",
        BREVO_API_URL=brevo.url,
        MAIL_TIMEOUT_SECONDS="2",
        MAIL_RETRY_SECONDS="0,0,0,0",
        SHARE_EMAIL_UNDO_SECONDS="0",
    )
    with app.app_context():
        yield app


def work_off(app: Flask, rounds: int = 12) -> None:
    """Let four threads send what is due, again and again, as the worker's queue does."""

    def send(delivery_id: str) -> None:
        with app.app_context():
            tasks.send(delivery_id)

    with ThreadPoolExecutor(4) as threads:
        for _ in range(rounds):
            db.session.rollback()
            due = DELIVERIES.due_ids(limit=1_000)
            if not due:
                return
            list(threads.map(send, due))


def send_to_all(app: Flask, alice: object, post: object) -> None:
    share(alice.id, post.id, readers(COUNT))  # type: ignore[attr-defined]
    work_off(app)


ALL = {address: 1 for address in readers(COUNT)}


@pytest.mark.parametrize("mode", ["201", "202", "slow"])
def test_an_accepted_mail_is_sent_once_and_keeps_brevos_id(mode, app, brevo, alice, alices_post) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL
    assert set(brevo.tries.values()) == {1}
    assert delivery_to("reader0@example.org").message_id.endswith("@relay.example>")


def test_a_refused_mail_is_failed_at_once_and_its_reason_names_nobody(app, brevo, alice, alices_post) -> None:
    brevo.mode = "400"

    send_to_all(app, alice, alices_post)

    assert states() == ["failed"] * COUNT
    assert set(brevo.tries.values()) == {1}
    assert delivery_to("reader0@example.org").reason == "Brevo 400 invalid_parameter"


@pytest.mark.parametrize("mode", ["401", "402", "403", "404", "405", "409", "413", "451"])
def test_a_refused_account_rests_and_resumes_without_losing_a_mail(
    mode, app, brevo, alice, alices_post
) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["queued"] * COUNT
    assert len(brevo.calls) <= 4  # one a thread that was already under way
    pause = db.session.scalars(select(Breaker)).one()
    assert (pause.transport, pause.reason.startswith(f"Brevo {mode}")) == ("brevo", True)

    brevo.mode = "201"
    with transaction():
        breaker.close()
    work_off(app)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL


def test_429_waits_as_long_as_brevo_says_and_then_sends_all(app, brevo, alice, alices_post) -> None:
    brevo.mode = "429"
    send_to_all(app, alice, alices_post)
    assert states() == ["queued"] * COUNT
    assert len(brevo.calls) <= 4

    brevo.mode = "201"
    assert wait_until(lambda: (db.session.rollback(), breaker.state("brevo"))[1] == "half_open", 3)
    work_off(app)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL


@pytest.mark.parametrize("mode", ["500", "503 html"])
def test_a_broken_service_is_asked_six_times_with_the_same_key(mode, app, brevo, alice, alices_post) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["unknown"] * COUNT
    assert set(brevo.tries.values()) == {6}
    assert not brevo.messages


@pytest.mark.parametrize(
    ("mode", "state"),
    [
        ("broken json", "sent"),
        ("201 without id", "sent"),
        ("accept then reset", "unknown"),
        ("accept then hang", "unknown"),
    ],
)
def test_a_used_key_is_sent_only_where_brevo_had_said_so(mode, state, app, brevo, alice, alices_post) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == [state] * COUNT
    assert brevo.readers() == ALL
    assert set(brevo.tries.values()) == {2}
    found = delivery_to("reader0@example.org")
    assert (found.reason, found.message_id) == ("Brevo 400 duplicate_parameter", None)


@pytest.mark.parametrize("mode", ["500", "503 html"])
def test_a_passing_trouble_ends_in_one_message_that_is_sent(mode, app, brevo, alice, alices_post) -> None:
    brevo.mode, brevo.fail_first = mode, 1

    send_to_all(app, alice, alices_post)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL
    assert set(brevo.tries.values()) == {2}


def test_what_may_have_left_is_never_free_for_another_send(app, brevo, alice, alices_post) -> None:
    brevo.mode = "accept then reset"
    send_to_all(app, alice, alices_post)
    brevo.mode = "201"

    again = share(alice.id, alices_post.id, readers(COUNT))
    work_off(app)

    assert again.verdicts == ["already_sent"] * COUNT
    assert len(db.session.scalars(select(FirstContact)).all()) == COUNT
    assert brevo.readers() == ALL


@pytest.mark.parametrize("refusal", ["400", "422", "400 out_of_range: subject"])
def test_a_refusal_after_a_lost_answer_is_unknown_and_frees_nothing(
    refusal, app, brevo, alice, alices_post
) -> None:
    brevo.mode = "500"
    share(alice.id, alices_post.id, "reader@example.org")
    work_off(app, 1)
    brevo.mode = refusal

    work_off(app)

    assert states() == ["unknown"]
    assert share(alice.id, alices_post.id, "reader@example.org").verdicts == ["already_sent"]


@pytest.mark.parametrize(
    "mode",
    [
        "400 unauthorized: Key not found",
        "400 not_enough_credits: none left",
        "400 account_under_validation: soon",
        "400 invalid_parameter: Sending has been rejected because the sender you used is not valid.",
    ],
)
def test_a_400_about_the_account_stops_the_sender_and_fails_no_mail(
    mode, app, brevo, alice, alices_post
) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["queued"] * COUNT
    assert breaker.state("brevo") == "open"


def test_login_mail_survives_a_forbidden_account(app, brevo) -> None:
    write_plain_logins(app)
    brevo.mode = "403"
    queue("partner@example.org")
    work_off(app)
    brevo.mode = "201"
    with transaction():
        breaker.close()

    work_off(app)

    assert states() == ["sent"]


def test_a_message_that_alone_is_refused_does_not_stop_all_mail_for_ever(app, brevo) -> None:
    write_plain_logins(app)
    too_large = queue("large@example.org")

    for _ in range(6):
        brevo.mode = "413"
        tasks.send(too_large)
        brevo.mode = "201"
        with transaction():
            breaker.close()

    assert (delivery(too_large).state, delivery(too_large).reason) == (
        "failed",
        "Brevo 413 invalid_parameter",
    )


@pytest.mark.parametrize(
    ("mode", "kept"),
    [
        ("lone surrogate", "<1@relay.example>"),
        ("nul", "<1@relay.example>"),
        ("only strange", None),
        ("very long", "<" + "1" * 254),
    ],
)
def test_a_message_id_that_no_database_takes_is_settled_all_the_same(
    mode, kept, app, brevo, alice, alices_post
) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["sent"] * COUNT
    assert set(brevo.tries.values()) == {1}
    assert delivery_to("reader0@example.org").message_id == kept


def test_the_key_is_a_uuid_of_the_delivery_and_the_same_at_every_try(app, brevo, alice, alices_post) -> None:
    brevo.mode = "500"

    send_to_all(app, alice, alices_post)

    assert set(brevo.tries) == {
        str(uuid5(NAMESPACE, one)) for one in db.session.scalars(select(Delivery.id))
    }  # fmt: skip
    assert set(brevo.tries.values()) == {6}
    assert (
        idempotency_key("a" * 22) == "5ab3fff5-59dc-5e91-a740-8917d0602c02"
    )  # For ever: mails are under way with it.


def test_a_service_that_drips_its_answer_holds_no_thread(app, brevo, alice, alices_post) -> None:
    brevo.mode = "accept then drip"

    began = time.monotonic()
    send_to_all(app, alice, alices_post)

    assert time.monotonic() - began < 20  # 10 mails on 4 threads, each tried for two seconds and once more.
    assert states() == ["unknown"] * COUNT
    assert brevo.readers() == ALL


def answer_of(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


TAKEN = answer_of("400 Bad Request", b'{"code":"duplicate_parameter","message":"used"}')
ACCEPTED = answer_of("201 Created", b'{"messageId":"<1@relay.example>"}')


def outcomes_of_each_beginning(app: Flask, whole: bytes) -> list[str]:
    """Send a mail for each number of bytes after which the answer breaks off."""
    chosen = app.config["CONTENTFLOW"]
    kinds = []
    for length in range(len(whole) + 1):
        with server(whole[:length]) as url:
            transport = BrevoTransport(replace(chosen, brevo_api_url=url.rstrip("/")))
            kinds.append(transport.send(Message("x", "x", "x"), "reader@example.org", f"id{length}").kind)
    return kinds


def test_an_acceptance_that_breaks_off_anywhere_is_never_a_refusal(app) -> None:
    *broken, whole = outcomes_of_each_beginning(app, ACCEPTED)

    assert whole == "sent"
    assert set(broken) == {"indeterminate"}


def test_a_used_key_that_breaks_off_anywhere_is_never_a_failure(app) -> None:
    *broken, whole = outcomes_of_each_beginning(app, TAKEN)

    assert whole == "duplicate"
    # A head that breaks off is an answer without a code, or a connection that was reset: that is chance.
    assert set(broken) <= {"indeterminate", "throttled"}


@pytest.mark.parametrize(
    "body", [b"", b"<h1>400 Bad Request</h1>", b"[]", b'{"code": 7}', b'{"code": "\xc3\xa9"}']
)
def test_a_400_that_brevo_did_not_say_stops_the_sender(body, app) -> None:
    with server(answer_of("400 Bad Request", body)) as url:
        transport = BrevoTransport(replace(app.config["CONTENTFLOW"], brevo_api_url=url.rstrip("/")))
        outcome = transport.send(Message("x", "x", "x"), "reader@example.org", "id")

    assert (outcome.kind, outcome.wait_seconds, outcome.uses_try) == ("throttled", 300, True)


FAULTS = (
    "201", "202", "201 without id", "broken json", "lone surrogate", "accept then reset", "accept then drip",
    "reset", "garbage", "500", "503 html", "400", "422", "403", "409", "413", "429",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(2))
def test_whatever_brevo_does_nobody_gets_a_mail_twice_and_no_state_lies(
    seed, app, brevo, alice, alices_post
) -> None:
    chance = random.Random(seed)
    brevo.choose = lambda: chance.choice(FAULTS)
    share(alice.id, alices_post.id, readers(20))

    for _ in range(12):
        work_off(app, 2)
        with transaction():
            breaker.close()
    became = {address: delivery_to(address).state for address in readers(20)}
    again = dict(zip(readers(20), share(alice.id, alices_post.id, readers(20)).verdicts, strict=True))

    got = brevo.readers()
    assert set(got.values()) == {1}
    assert all(became[address] in {"sent", "unknown", "queued"} for address in got)
    assert all(address in got for address, state in became.items() if state == "sent")
    assert all(again[address] == "already_sent" for address in got)


def test_a_partners_long_name_is_taken(app, brevo, alice, alices_post) -> None:
    name = "Association des parents d'élèves de l'école élémentaire Jean-Moulin de Montpellier"
    share(alice.id, alices_post.id, "reader@example.org", name=name)

    work_off(app)

    assert states() == ["sent"]
    (call,) = brevo.calls
    assert call["sender"]["name"].endswith("élémentai… via ContentFlow")


def test_a_service_that_is_away_uses_up_no_try_and_loses_nothing(app, brevo, alice, alices_post) -> None:
    brevo.refuse()

    send_to_all(app, alice, alices_post)

    assert states() == ["queued"] * COUNT
    found = delivery_to("reader0@example.org")
    assert (found.attempts, found.first_tried_at) == (0, None)


def test_the_call_is_exactly_what_brevo_asks_for(app, brevo, alice, alices_post) -> None:
    share(alice.id, alices_post.id, "reader@example.org", reply_to="alice@example.org")
    work_off(app)

    (payload,), (headers,) = brevo.calls, brevo.headers
    stop = payload["headers"]["List-Unsubscribe"]
    assert headers["api-key"] == "the-key"
    assert payload["sender"] == {"email": "bonjour@share.example.org", "name": "Alice Martin via ContentFlow"}
    assert payload["to"] == [{"email": "reader@example.org"}]
    assert payload["replyTo"] == {"email": "alice@example.org"}
    assert payload["subject"] == "Une heure gagnée par jour"
    assert payload["tags"] == ["byop_share"]
    assert payload["headers"] == {
        "List-Unsubscribe": stop,
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "idempotencyKey": idempotency_key(delivery_to("reader@example.org").id),
        "X-Mailin-custom": delivery_to("reader@example.org").id,
    }
    assert stop.startswith("<https://share.example.org/unsubscribe/") and stop.endswith(">")
    assert set(payload) == {
        "sender", "to", "subject", "htmlContent", "textContent", "headers", "tags", "replyTo"
    }  # fmt: skip


def test_connections_are_kept(app, brevo, alice, alices_post) -> None:
    send_to_all(app, alice, alices_post)

    assert brevo.connections <= 4


def test_no_redirect_is_followed(app, brevo, alice, alices_post, monkeypatch) -> None:
    from tests.mailing.standin_brevo import _Handler

    def redirect(handler: _Handler, mode: str, key: str) -> None:
        handler._answer(307, b"", {"Location": f"{brevo.url}/elsewhere"})

    monkeypatch.setattr(_Handler, "_answer_as", redirect)
    share(alice.id, alices_post.id, "reader@example.org")

    work_off(app)

    assert (states(), len(brevo.calls)) == (["queued"], 1)
    assert breaker.state("brevo") == "open"


def test_share_mail_waits_for_the_accounts_day_and_login_mail_does_not(
    make_app, brevo, app, alice, alices_post
) -> None:
    from contentflow.mailing import services as mailing

    app = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, EMAIL_ACCOUNT_DAILY_LIMIT="23")
    register_composer(app, "login", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))
    with app.app_context():
        share(alice.id, alices_post.id, readers(8))
        let_leave()
        work_off(app)
        assert states() == ["queued"] * 5 + ["sent"] * 3
        tasks.enqueue_due()
        assert states() == ["scheduled"] * 5 + ["sent"] * 3

        with transaction():
            mailing.queue_login("partner@example.org", "request", "fr")
        work_off(app)

        assert delivery_to("partner@example.org").state == "sent"
        assert states().count("scheduled") == 5
        assert breaker.state(breaker.ACCOUNT) == "open"


def test_queued_share_mail_waits_while_sharing_is_switched_off(
    make_app, brevo, app, alice, alices_post
) -> None:
    share(alice.id, alices_post.id, "reader@example.org")
    off = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, SHARE_EMAIL_ENABLED="false")

    with off.app_context():
        tasks.enqueue_due()
        work_off(off, 2)

    assert (states(), brevo.calls) == (["queued"], [])
    work_off(app)
    assert states() == ["sent"]
