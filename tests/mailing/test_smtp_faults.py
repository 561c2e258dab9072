"""Mail servers that drip, break off and babble: no thread is held, and nothing is sent twice."""

from __future__ import annotations

import random
import re
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from contentflow import config
from contentflow.core.db import transaction
from contentflow.mailing import breaker
from contentflow.mailing.transports import SendOutcome
from contentflow.mailing.transports import smtp as module
from contentflow.mailing.transports.smtp import Smtp, _our_name
from tests.conftest import BASE_ENV
from tests.core import tls
from tests.house import run_work
from tests.mailing.letters import delivery, queue, write_plain_logins
from tests.mailing.sink import Sink, free_port
from tests.mailing.test_smtp import LETTER

STAGES = ["connect", "EHLO", "MAIL", "RCPT", "DATA", "end"]
GOOD = {
    "connect": b"220 hello\r\n",
    "EHLO": b"250 hello\r\n",
    "MAIL": b"250 ok\r\n",
    "RCPT": b"250 ok\r\n",
    "DATA": b"354 go on\r\n",
    "end": b"250 taken\r\n",
    "QUIT": b"221 bye\r\n",
}
Act = Callable[[socket.socket], None]


@contextmanager
def server(stage: str, act: Act) -> Iterator[int]:
    """A mail server that answers as it should, but at ``stage`` does what it is told."""
    with any_server(lambda at, _: act if at == stage else None) as port:
        yield port


@contextmanager
def any_server(act_at: Callable[[str, bytes], Act | None]) -> Iterator[int]:
    """A mail server that answers as it should unless ``act_at(stage, what was said)`` tells it else."""

    def answer(line: socket.socket, at: str, said: bytes) -> None:
        at = "EHLO" if at == "HELO" else at
        act = act_at(at, said) or says(GOOD[at])
        act(line)

    def talk(line: socket.socket) -> None:
        with line, suppress(OSError):
            answer(line, "connect", b"")
            reader = line.makefile("rb")
            while said := reader.readline():
                verb = said[:4].decode("latin-1").strip().upper()
                answer(line, verb, said)
                if verb == "DATA":
                    mail = read_mail(reader)
                    answer(line, "end", mail)

    def serve() -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield int(door.getsockname()[1])
        door.shutdown(socket.SHUT_RDWR)


def read_mail(reader: BinaryIO) -> bytes:
    """Return the message; raises where the line breaks before its end, as a server forgets it then."""
    lines: list[bytes] = []
    while (line := reader.readline()) != b".\r\n":
        if not line:
            raise ConnectionError
        lines.append(line)
    return b"".join(lines)


def send(port: int, scheme: str = "smtp", seconds: float = 5) -> SendOutcome:
    chosen = config.load({**BASE_ENV, "SMTP_URL": f"{scheme}://127.0.0.1:{port}"})
    return Smtp(replace(chosen, mail_timeout_seconds=seconds)).send(LETTER, "reader@example.org", "id1")


def says(reply: bytes) -> Act:
    return lambda line: line.sendall(reply)


def hangs_up_after(reply: bytes) -> Act:
    def act(line: socket.socket) -> None:
        line.sendall(reply)
        line.shutdown(socket.SHUT_RDWR)

    return act


def drips(drop: bytes, begin: bytes = b"") -> Act:
    def act(line: socket.socket) -> None:
        line.sendall(begin)
        for _ in range(200):
            line.sendall(drop)
            time.sleep(0.05)

    return act


KIND_OF = {stage: "unknown" if stage == "end" else "throttled" for stage in STAGES}


@pytest.mark.parametrize("drop", [b"2", b"250-more\r\n"])
@pytest.mark.parametrize("stage", STAGES)
def test_a_reply_that_drips_holds_nobody_longer_than_its_step(stage: str, drop: bytes) -> None:
    with server(stage, drips(drop)) as port:
        began = time.monotonic()
        outcome = send(port, seconds=1)

    assert time.monotonic() - began < 5
    assert outcome.kind == KIND_OF[stage]


@pytest.mark.parametrize("stage", STAGES)
def test_a_line_that_breaks_lets_the_sender_rest_before_the_message_and_is_unknown_after_it(
    stage: str,
) -> None:
    for begin in (b"", b"2", b"25", b"250-", b"250-more\r\n", b"4", b"5\xff"):
        with server(stage, hangs_up_after(begin)) as port:
            assert send(port).kind == KIND_OF[stage], begin


def test_a_goodbye_that_drips_takes_nothing_back_and_holds_nobody() -> None:
    with server("QUIT", drips(b"2")) as port:
        began = time.monotonic()
        outcome = send(port, seconds=1)

    assert outcome.kind == "sent"
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "reply", [b"x" * 100_000 + b"\r\n", b"\xff\x00\r\n", b"\r\n", b"999 what\r\n", b"-12 x\r\n"]
)
def test_rubbish_is_never_sent_and_never_failed(stage: str, reply: bytes) -> None:
    with server(stage, says(reply)) as port:
        kind = send(port).kind

    assert kind == "unknown" if stage == "end" else kind in {"throttled", "deferred"}


def test_endless_replies_do_not_fill_the_memory() -> None:
    said: list[int] = []

    def babble(line: socket.socket) -> None:
        for _ in range(100):
            line.sendall(b"250-babble\r\n" * 100_000)
            said.append(1_200_000)

    with server("end", babble) as port:
        outcome = send(port)

    assert outcome.kind == "unknown"
    assert sum(said) < 20_000_000  # What lay in the line's buffers; 256 kB of it were read.


def test_a_handshake_that_drips_is_given_up() -> None:
    with server("connect", drips(b"\x16")) as port:
        began = time.monotonic()
        outcome = send(port, "smtps", 1)

    assert outcome.kind == "throttled"
    assert time.monotonic() - began < 5


@pytest.mark.parametrize(
    ("stage", "reply", "kind", "wait"),
    [
        ("MAIL", b"550 5.1.0 sender rejected\r\n", "throttled", 300),
        ("MAIL", b"530 5.7.0 Authentication required\r\n", "throttled", 300),
        ("MAIL", b"421 busy\r\n", "throttled", 5),
        ("RCPT", b"554 5.7.1 <reader@example.org>: Relay access denied\r\n", "throttled", 300),
        ("RCPT", b"550 5.7.1 Unable to relay\r\n", "throttled", 300),
        ("RCPT", b"530 5.7.0 Must issue a STARTTLS command first\r\n", "throttled", 300),
        ("RCPT", b"550 5.1.1 no such user\r\n", "rejected", 0),
        ("RCPT", b"550 5.7.1 Sender blocked by recipient\r\n", "rejected", 0),
        ("DATA", b"451 try later\r\n", "deferred", 0),
        (
            "end",
            b"550 5.7.60 SMTP; Client does not have permissions to send as this sender\r\n",
            "throttled",
            300,
        ),
        ("end", b"554 5.7.1 spam\r\n", "rejected", 0),
        ("end", b"252 perhaps\r\n", "sent", 0),
    ],
)
def test_what_a_server_says_of_us_stops_the_sender_and_fails_no_mail(
    stage: str, reply: bytes, kind: str, wait: int
) -> None:
    with server(stage, says(reply)) as port:
        outcome = send(port)

    assert (outcome.kind, outcome.wait_seconds) == (kind, wait)
    assert "reader" not in outcome.reason


@pytest.mark.parametrize(
    ("base", "name"),
    [
        ("https://share.example.org", "share.example.org"),
        ("http://127.0.0.1:8000", "[127.0.0.1]"),
        ("http://[::1]:8000", "[IPv6:::1]"),
        ("https://école.example", "xn--cole-9oa.example"),
    ],
)
def test_we_introduce_ourselves_in_a_way_that_servers_take(base: str, name: str) -> None:
    assert _our_name(base) == name


@pytest.mark.parametrize("who", ["zo%C3%A9:secret@", "zoe:secr%C3%A9t@"])
def test_a_password_that_smtp_cannot_carry_lets_the_sender_rest(
    who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ehlo = b"250-hello\r\n250 AUTH PLAIN LOGIN\r\n"
    with server("EHLO", says(ehlo)) as port:
        url = f"smtp://{who}127.0.0.1:{port}"
        transport = Smtp(config.load({**BASE_ENV, "SMTP_URL": url, "MAIL_TIMEOUT_SECONDS": "1"}))
        outcome = transport.send(LETTER, "reader@example.org", "id1")

    assert (outcome.kind, outcome.wait_seconds) == ("throttled", 300)


@pytest.fixture(name="certificate")
def server_certificate(tmp_path: Path) -> ssl.SSLContext:
    return tls.certificate(tmp_path)[0]


@pytest.mark.parametrize("scheme", ["smtp", "smtps"])
def test_a_mail_leaves_over_tls(scheme: str, certificate: ssl.SSLContext) -> None:
    sink = Sink()
    options = {"ssl_context": certificate} if scheme == "smtps" else {"tls_context": certificate}
    if scheme == "smtp":
        options["require_starttls"] = True  # type: ignore[assignment]
    controller = Controller(sink, hostname="127.0.0.1", port=free_port(), **options)  # type: ignore[arg-type]
    controller.start()
    try:
        outcome = send(controller.port, scheme)
    finally:
        controller.stop()

    assert outcome.kind == "sent"
    assert re.search(rb"^To: reader@example.org\r$", sink.mails[0], re.M)


def test_a_drip_under_tls_is_cut_too(certificate: ssl.SSLContext) -> None:
    def act(line: socket.socket) -> None:
        with certificate.wrap_socket(line, server_side=True) as inner:
            drips(b"2")(inner)

    with server("connect", act) as port:
        began = time.monotonic()
        outcome = send(port, "smtps", 1)

    assert outcome.kind == "throttled"
    assert time.monotonic() - began < 5
    assert module.QUIT_SECONDS <= 2


@pytest.mark.parametrize("seed", range(2))
def test_whatever_a_server_does_nobody_gets_a_mail_twice_and_no_state_lies(
    seed: int, make_app: Callable[..., Flask]
) -> None:
    chance, taken = random.Random(seed), Counter[bytes]()
    faults = [
        hangs_up_after(b""),
        hangs_up_after(b"25"),
        hangs_up_after(b"250-x\r\n"),
        says(b"451 later\r\n"),
    ]
    faults += [says(b"550 no\r\n"), says(b"\xff\r\n"), says(b"421 bye\r\n")]

    def act_at(stage: str, said: bytes) -> Act | None:
        fault = chance.choice(faults) if stage != "QUIT" and chance.random() < 0.15 else None
        if stage == "end" and (fault is None or chance.random() < 0.5):
            taken.update(re.findall(rb"^To: (\S+)", said, re.M))
            return chance.choice([None, None, *faults[:3]])
        return fault

    with any_server(act_at) as port:
        url = f"smtp://127.0.0.1:{port}"
        app = make_app(SMTP_URL=url, MAIL_TIMEOUT_SECONDS="1", MAIL_RETRY_SECONDS="0,0,0,0")
        with app.app_context():
            write_plain_logins(app)
            ids = {
                f"reader{number}@example.org": queue(f"reader{number}@example.org") for number in range(25)
            }
            for _ in range(8):
                run_work(app)
                with transaction():
                    breaker.close()
            became = {address: delivery(one).state for address, one in ids.items()}

    got = {address.decode(): count for address, count in taken.items()}
    assert set(got.values()) == {1}
    assert all(became[address] in {"sent", "unknown"} for address in got)
    assert all(address in got for address, state in became.items() if state == "sent")
    assert "sending" not in became.values()
