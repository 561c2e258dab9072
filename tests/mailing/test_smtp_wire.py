"""What stands on the wire of a real mail server: every header that holds an address in clear, on one line."""

from __future__ import annotations

import re
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from email.utils import parseaddr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow import config
from contentflow.core import clock
from contentflow.core.graphemes import graphemes
from contentflow.mailing.messages import Message, display_name, one_line
from contentflow.mailing.models import Delivery
from contentflow.mailing.transports.mime import Unsendable, build
from contentflow.mailing.transports.smtp import Smtp
from contentflow.sharekit import share_mail
from tests.conftest import BASE_ENV
from tests.house import run_work
from tests.mailing.letters import delivery, delivery_to, let_leave, queue, share, write_plain_logins
from tests.mailing.sink import Sink

READER = "reader@example.org"


def lines_of(mail: bytes) -> dict[str, list[str]]:
    """The lines of each header as they were sent; no line is over 998 octets."""
    head = mail.partition(b"\r\n\r\n")[0].decode("ascii")
    found: dict[str, list[str]] = {}
    name = ""
    for line in head.split("\r\n"):
        assert 0 < len(line) <= 998 and line.strip()
        if line[0] in " \t":
            found[name].append(line)
        else:
            name, _, value = line.partition(":")
            assert name not in found
            found[name] = [value.removeprefix(" ")]
    return found


def base_urls() -> list[str]:
    hosts = [f"http://{'a' * (length - 10)}.fr" for length in range(12, 74)]
    longest = [f"http://{'a' * 60}.{'b' * (length - 71)}.fr" for length in range(74, 81)]
    return ["http://a.b", "http://127.0.0.1:8231", "https://partage.example.org", *hosts, *longest]


def test_one_click_unsubscribe_is_in_clear_whatever_the_length_of_the_base_address(
    make_app, sink: Sink
) -> None:
    for number, base in enumerate(base_urls()):
        transport = Smtp(config.load({**BASE_ENV, "SMTP_URL": f"smtp://127.0.0.1:{sink.port}"}))
        stop = f"{base}/unsubscribe/{'x' * 43}"
        headers = {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}

        assert transport.send(Message("x", "x", "x", headers), READER, f"id{number}").kind == "sent"

        lines = lines_of(sink.mails[-1])
        assert lines["List-Unsubscribe"] == [f"<{stop}>"]
        assert lines["List-Unsubscribe-Post"] == ["List-Unsubscribe=One-Click"]
    assert {len(base) for base in base_urls()} >= {10, *range(12, 81)}


@pytest.mark.parametrize("length", [10, 19, 20, 40, 64, 80])
def test_a_share_mail_that_left_by_smtp_is_stopped_by_one_click(
    length, make_app, sink, alice, alices_post, client
) -> None:
    host = f"{'h' * min(length - 10, 60)}{'.' + 'h' * (length - 71) if length > 70 else ''}.fr"
    base = f"http://{host}" if length > 10 else "http://a.b"
    app = make_app(SMTP_URL=f"smtp://127.0.0.1:{sink.port}", PUBLIC_BASE_URL=base)
    with app.app_context():
        share(alice.id, alices_post.id, READER)
        let_leave()
        run_work(app)

    (stop,) = lines_of(sink.mails[0])["List-Unsubscribe"]
    assert re.fullmatch(rf"<{re.escape(base)}/unsubscribe/[\w-]{{43}}>", stop)
    token = stop.removesuffix(">").rpartition("/")[2]
    answer = client.post(f"/unsubscribe/{token}", data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert share(alice.id, alices_post.id, "reader@example.org").verdicts != ["queued"]


@pytest.mark.parametrize(
    "name",
    [
        "Zoé 👩‍🎨",
        "J. Martin",
        "Association des parents d'élèves de l'école élémentaire Jean-Moulin de Montpellier",
        "Association of parents of pupils of the elementary school Jean-Moulin in Montpellier",
        "👩‍👩‍👧‍👦" * 9,
        "=?utf-8?q?boss?=",
        "x" * 70,
        "é" * 70,
        "می‌خواهم",
    ],
)
@pytest.mark.parametrize("local", ["a", "l" * 64])
@pytest.mark.parametrize("domain", ["b.fr", ".".join(["d" * 60] * 3) + ".fr"])
def test_addresses_stand_whole_and_names_are_read_as_they_were_written(
    name: str, local: str, domain: str
) -> None:
    address = f"{local}@{domain}"
    mail = build(
        Message("x", "x", "x", sender_name=name, reply_to=address),
        "CF",
        address,
        address,
        "i" * 22,
        clock.now(),
    )

    lines = lines_of(mail)
    assert lines["To"] == lines["Reply-To"] == [address]
    assert lines["Message-ID"] == [f"<{'i' * 22}@{domain}>"]
    assert lines["From"][-1].endswith(f"<{address}>")
    (read,) = message_from_bytes(mail, policy=default)["From"].addresses
    assert read.addr_spec == address
    # RFC 2047, 6.2: the blank between two encoded words is nobody's; Python's reader keeps it.
    assert parseaddr(str(make_header(decode_header("".join(lines["From"]))))) == (display_name(name), address)
    for line in lines["From"]:
        for word in re.findall(r"=\?\S+\?=", line):
            assert len(word) <= 75


def test_joiners_stay_in_subject_and_name(sink: Sink) -> None:
    title, name = "👩‍💻 Mes outils ❤️‍🔥", "Zoé 👩‍🎨"
    transport = Smtp(config.load({**BASE_ENV, "SMTP_URL": f"smtp://127.0.0.1:{sink.port}"}))

    transport.send(Message(title, "x", "x", sender_name=name), READER, "id1")

    mail = message_from_bytes(sink.mails[0], policy=default)
    assert mail["Subject"] == title
    assert mail["From"].addresses[0].display_name == name


def test_pythons_reader_finds_no_blank_too_many_in_a_long_french_name() -> None:
    name = "Association des parents d'élèves de l'école élémentaire"
    mail = build(Message("x", "x", "x", sender_name=name), "CF", "us@example.org", READER, "id", clock.now())

    assert message_from_bytes(mail, policy=default)["From"].addresses[0].display_name == name


@pytest.mark.parametrize(
    "subject", ["word " * 39 + "end", "x" * 200, "", "=?utf-8?q?a?= b", "é" * 200, "a\u00a0!"]
)
def test_a_subject_is_read_as_it_was_written(subject: str) -> None:
    mail = build(Message(subject, "x", "x"), "CF", "us@example.org", READER, "id", clock.now())

    assert message_from_bytes(mail, policy=default)["Subject"] == one_line(subject)
    assert all(len(line) <= 76 or line == "x" * 200 for line in lines_of(mail)["Subject"])


@given(st.text(max_size=120), st.text(max_size=300))
def test_no_name_and_no_title_breaks_the_head(name: str, subject: str) -> None:
    mail = build(
        Message(subject, "x", "x", sender_name=name or "x"), "CF", "us@example.org", READER, "id", clock.now()
    )

    assert set(lines_of(mail)) == {
        "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"
    }  # fmt: skip
    assert mail.isascii()


@pytest.mark.parametrize(
    "value",
    ["<https://é.example/>", "<https://a.example/>\r\nBcc: x@y.fr", f"<https://{'a' * 999}>", "a\x00b"],
)
def test_what_cannot_stand_in_clear_on_one_line_is_not_sent(value: str) -> None:
    message = Message("x", "x", "x", {"List-Unsubscribe": value})

    with pytest.raises(Unsendable, match="List-Unsubscribe"):
        build(message, "CF", "us@example.org", READER, "id", clock.now())


@pytest.mark.parametrize(
    "name",
    [
        "Association des parents d'élèves de l'école élémentaire Jean-Moulin de Montpellier",
        "👩‍👩‍👧‍👦" * 20,
        "e\u0301" * 100,
        "🇫🇷" * 60,
    ],
)
def test_a_long_name_is_cut_between_graphemes_to_what_brevo_takes(name: str) -> None:
    cut = display_name(name)

    assert len(cut.encode("utf-16-le")) // 2 <= 70
    assert cut.endswith("…")
    kept = list(graphemes(cut.removesuffix("…")))
    assert kept == list(graphemes(name))[: len(kept)]


def test_of_a_long_name_the_programme_stays(app, alice, alices_post) -> None:
    name = "Association des parents d'élèves de l'école élémentaire Jean-Moulin de Montpellier"
    share(alice.id, alices_post.id, READER, name=name)

    found: Delivery = delivery_to(READER)
    message = share_mail.compose_shares([found])(found)
    assert message is not None
    sender = message.sender_name

    assert sender == "Association des parents d'élèves de l'école élémentai… via ContentFlow"
    assert len(sender) <= 70 and display_name(sender) == sender


def test_a_sender_beyond_ascii_leaves_in_its_ascii_form(make_app, sink: Sink) -> None:
    app = make_app(EMAIL_FROM="bonjour@école.example", SMTP_URL=f"smtp://127.0.0.1:{sink.port}")
    with app.app_context():
        write_plain_logins(app)
        delivery_id = queue(READER)
        run_work(app)

        assert delivery(delivery_id).state == "sent"
    lines = lines_of(sink.mails[0])
    assert lines["From"] == ["ContentFlow <bonjour@xn--cole-9oa.example>"]
    assert lines["Message-ID"] == [f"<{delivery_id}@xn--cole-9oa.example>"]
