from __future__ import annotations

from collections.abc import Callable
from email import message_from_bytes
from email.policy import default
from typing import Any

import pytest

from contentflow import config
from contentflow.core import clock
from contentflow.mailing.messages import Message, display_name
from contentflow.mailing.transports.mime import build
from contentflow.mailing.transports.smtp import Smtp
from tests.conftest import BASE_ENV
from tests.mailing.letters import delivery, queue, write_plain_logins
from tests.mailing.sink import free_port

LETTER = Message(
    "Une heure gagnée",
    "Bonjour, ça marche.\n",
    "<p>Bonjour, ça marche.</p>",
    sender_name="Zoé via ContentFlow",
)


def transport(port: int, scheme: str = "smtp", host: str = "127.0.0.1", who: str = "") -> Smtp:
    url = f"{scheme}://{who}{host}:{port}"
    return Smtp(config.load({**BASE_ENV, "SMTP_URL": url, "MAIL_TIMEOUT_SECONDS": "1"}))


def test_a_mail_reaches_the_server_with_both_parts_and_one_recipient(sink: Any) -> None:
    outcome = transport(sink.port).send(LETTER, "reader@example.org", "id1")

    mail = message_from_bytes(sink.mails[0], policy=default)
    assert outcome.kind == "sent"
    assert outcome.message_id == mail["Message-ID"] == "<id1@share.example.org>"
    assert mail["To"] == "reader@example.org"
    assert mail["From"].addresses[0].display_name == "Zoé via ContentFlow"
    assert mail["From"].addresses[0].addr_spec == "bonjour@share.example.org"
    assert mail["Subject"] == "Une heure gagnée"
    assert mail["Date"] is not None
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert mail.get_body(("plain",)).get_content().strip() == "Bonjour, ça marche."  # type: ignore[union-attr]
    assert sink.mails[0].isascii()


@pytest.mark.parametrize(
    ("rcpt", "data", "kind"),
    [
        ("550 no such user", "250 OK", "rejected"),
        ("450 greylisted", "250 OK", "deferred"),
        ("250 OK", "554 spam", "rejected"),
        ("250 OK", "451 try later", "deferred"),
    ],
)
def test_refusals_say_whether_another_try_makes_sense(sink: Any, rcpt: str, data: str, kind: str) -> None:
    sink.rcpt, sink.data = rcpt, data

    assert transport(sink.port).send(LETTER, "reader@example.org", "id1").kind == kind


def test_a_line_that_breaks_after_data_is_unknown(sink: Any) -> None:
    sink.is_silent = True

    assert transport(sink.port).send(LETTER, "reader@example.org", "id1").kind == "unknown"


def test_a_server_that_is_away_lets_the_whole_sender_rest() -> None:
    outcome = transport(free_port()).send(LETTER, "reader@example.org", "id1")

    assert (outcome.kind, outcome.wait_seconds) == ("throttled", 5)


def test_a_password_is_never_said_to_a_server_that_does_not_take_it(sink: Any) -> None:
    outcome = transport(sink.port, who="user:secret@").send(LETTER, "reader@example.org", "id1")

    assert (outcome.kind, outcome.wait_seconds) == ("throttled", 300)
    assert "secret" not in outcome.reason and not sink.mails


def test_without_tls_nothing_is_said_to_another_machine(sink: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("contentflow.mailing.transports.smtp.is_loopback", lambda host: False)

    outcome = transport(sink.port).send(LETTER, "reader@example.org", "id1")

    assert (outcome.kind, outcome.reason, sink.mails) == ("throttled", "SMTP Unprotected", [])


def test_the_state_of_a_delivery_follows_the_server(sink: Any, make_app: Callable[..., Any]) -> None:
    from contentflow.mailing import tasks

    app = make_app(SMTP_URL=f"smtp://127.0.0.1:{sink.port}")
    with app.app_context():
        write_plain_logins(app)
        sent = queue("a@example.org")
        tasks.send(sent)
        sink.is_silent = True
        lost = queue("b@example.org")
        tasks.send(lost)
        tasks.send(lost)

        assert (delivery(sent).state, delivery(lost).state) == ("sent", "unknown")
        assert len(sink.mails) == 2


def test_no_text_of_a_person_becomes_a_header() -> None:
    evil = "Zoé\r\nBcc: everybody@example.org"
    mail = build(
        Message(evil, "x", "<p>x</p>", sender_name=evil),
        "CF",
        "us@example.org",
        "to@example.org",
        "id",
        clock.now(),
    )

    lines = mail.decode("ascii").split("\r\n")
    assert not any(line.lower().startswith("bcc") for line in lines)
    assert "To: to@example.org" in lines


def test_a_name_with_quotes_and_an_address_in_it_stays_one_name() -> None:
    assert display_name('"Zoé" <boss@bank.example>, X') == "Zoé boss bank.example X"
