"""Every way in which Brevo answers, over a real connection: never twice, never lost, states true."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.core.work import due_ids
from contentflow.mailing import pauses, tasks
from contentflow.mailing.models import Delivery, MailPause
from tests.mailing.letters import delivery_to, let_leave, readers, share, states
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
        MAIL_TIMEOUT_SECONDS="1",
        MAIL_RETRY_SECONDS="0,0,0,0",
        SHARE_EMAIL_UNDO_SECONDS="0",
    )
    with app.app_context():
        yield app


def work_off(app: Flask, rounds: int = 12) -> None:
    """Let four threads send what is due, again and again, as the worker's lane does."""

    def send(delivery_id: str) -> None:
        with app.app_context():
            tasks.send(delivery_id)

    with ThreadPoolExecutor(4) as lane:
        for _ in range(rounds):
            db.session.rollback()
            due = due_ids(Delivery, ["queued"], ["sending"], limit=1_000)
            if not due:
                return
            list(lane.map(send, due))


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


@pytest.mark.parametrize("mode", ["401", "402"])
def test_a_refused_account_rests_and_resumes_without_losing_a_mail(
    mode, app, brevo, alice, alices_post
) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["queued"] * COUNT
    assert len(brevo.calls) <= 4  # one a thread that was already under way
    pause = db.session.scalars(select(MailPause)).one()
    assert (pause.transport, pause.reason.startswith(f"Brevo {mode}")) == ("brevo", True)

    brevo.mode = "201"
    with transaction():
        pauses.end()
    work_off(app)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL


def test_429_waits_as_long_as_brevo_says_and_then_sends_all(app, brevo, alice, alices_post) -> None:
    brevo.mode = "429"
    send_to_all(app, alice, alices_post)
    assert states() == ["queued"] * COUNT
    assert len(brevo.calls) <= 4

    brevo.mode = "201"
    assert wait_until(lambda: (db.session.rollback(), pauses.way("brevo"))[1] == "probe", 3)
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


@pytest.mark.parametrize("mode", ["broken json", "201 without id", "accept then reset"])
def test_accepted_without_saying_so_is_one_message_and_unknown(mode, app, brevo, alice, alices_post) -> None:
    brevo.mode = mode

    send_to_all(app, alice, alices_post)

    assert states() == ["unknown"] * COUNT
    assert brevo.readers() == ALL
    assert max(brevo.tries.values()) == 6


@pytest.mark.parametrize(
    "mode", ["500", "broken json", "201 without id", "accept then reset", "accept then hang"]
)
def test_a_passing_trouble_ends_in_one_message_that_is_sent(mode, app, brevo, alice, alices_post) -> None:
    brevo.mode, brevo.fail_first = mode, 1

    send_to_all(app, alice, alices_post)

    assert states() == ["sent"] * COUNT
    assert brevo.readers() == ALL
    assert set(brevo.tries.values()) == {2}


def test_a_service_that_is_away_uses_up_no_try_and_loses_nothing(app, brevo, alice, alices_post) -> None:
    brevo.close()

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
        "idempotencyKey": delivery_to("reader@example.org").id,
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

    assert states() == ["unknown"]


def test_share_mail_waits_for_the_accounts_day_and_login_mail_does_not(
    make_app, brevo, app, alice, alices_post
) -> None:
    from contentflow.mailing import services as mailing
    from contentflow.mailing.messages import Message

    app = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, EMAIL_ACCOUNT_DAILY_LIMIT="3")
    mailing.register_composer(app, "login", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))
    with app.app_context():
        share(alice.id, alices_post.id, readers(8))
        let_leave()
        work_off(app)
        assert states() == ["queued"] * 5 + ["sent"] * 3

        with transaction():
            mailing.queue_login("partner@example.org", "request", "fr")
        work_off(app)

        assert delivery_to("partner@example.org").state == "sent"
        assert states().count("queued") == 5
        assert pauses.way(pauses.ACCOUNT) == "closed"


def test_queued_share_mail_waits_while_sharing_is_switched_off(
    make_app, brevo, app, alice, alices_post
) -> None:
    share(alice.id, alices_post.id, "reader@example.org")
    off = make_app(BREVO_API_KEY="k", BREVO_API_URL=brevo.url, SHARE_EMAIL_ENABLED="false")

    with off.app_context():
        tasks.ring_due()
        work_off(off, 2)

    assert (states(), brevo.calls) == (["queued"], [])
    work_off(app)
    assert states() == ["sent"]
