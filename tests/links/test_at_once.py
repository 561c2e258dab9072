"""A short link answered in the worker's loop: as gunicorn would, or not at all."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from gunicorn.config import Config
from gunicorn.http import wsgi
from gunicorn.http.parser import RequestParser
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from werkzeug.middleware.proxy_fix import ProxyFix

from contentflow.at_once import LONGEST, AtOnce, at_once, read
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.links.clicks import intake
from contentflow.links.journal_lines import JournaledClick, from_line
from contentflow.links.models import Link
from contentflow.links.targets import QuickLinks
from contentflow.web_worker import Worker
from tests.links.visitors import IP, PHONE, link_of, visit

CLIENT = (IP, 4711)
FIELDS = [
    ("Host", ["share.example.org"] * 8 + ["SHARE.example.org", "evil.example", ""]),
    ("User-Agent", [PHONE, PHONE + " \t", "curl/8.5.0", "WhatsApp/2.23.20.0", "", "é", "a\x7fb", "a\x00b"]),
    ("X-Forwarded-For", ["198.51.100.7", " 203.0.113.9, 198.51.100.8", "rubbish", "a,\tb"]),
    ("X-Forwarded-Proto", ["https", "http"]),
    ("Cookie", ["lang=fr", "__Host-session=rubbish", "session=rubbish"]),
    ("Connection", ["keep-alive", "Keep-Alive", "close", "upgrade"]),
    ("Accept-Language", ["fr", "en;q=0.5"]),
    ("Sec-Purpose", ["prefetch"]),
    ("X-Moz", ["prefetch"]),
    ("Content-Length", ["0", "3", "+3"]),
    ("Transfer-Encoding", ["chunked", "identity"]),
    ("Expect", ["100-continue", "magic"]),
    ("Upgrade", ["h2c", "websocket"]),
    ("Script-Name", ["/below"]),
    ("SCRIPT_NAME", ["/below"]),
    ("X_Forwarded_For", ["198.51.100.9"]),
    ("X Forwarded", ["no"]),
    ("", ["no name"]),
]
FIRST = (
    ["GET /l/{code} HTTP/1.1"] * 10
    + [f"GET /l/{{code}}{tail} HTTP/1.1" for tail in (".", "/", "?utm_source=x", "?a=é", "?", "#x", "%2e")]
    + ["GET /l/0000000 HTTP/1.1", "GET /l/ HTTP/1.1", "HEAD /l/{code} HTTP/1.1", "get /l/{code} HTTP/1.1"]
    + ["GET /l/{code} HTTP/1.0", "GET  /l/{code} HTTP/1.1", "GET //l/{code} HTTP/1.1"]
)  # fmt: skip
FIELD = st.sampled_from(FIELDS).flatmap(lambda one: st.tuples(st.just(one[0]), st.sampled_from(one[1])))
REQUESTS = st.tuples(
    st.sampled_from(FIRST),
    st.booleans(),
    st.lists(FIELD, max_size=8),
    st.sampled_from(["\r\n"] * 9 + ["\n", "\r\n ", "\r\n\r\n"]),
    st.sampled_from([""] * 9 + ["GET / HTTP/1.1\r\n", "abc"]),
)


class Sock:
    """Takes what gunicorn sends."""

    def __init__(self) -> None:
        self.sent = b""

    def sendall(self, data: bytes) -> None:
        self.sent += data

    send = sendall


def ordinary(code: str, *more: str, first: str = "GET /l/{code} HTTP/1.1") -> bytes:
    lines = [first.format(code=code), "Host: share.example.org", f"User-Agent: {PHONE}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def by_gunicorn(app: Flask, request: bytes) -> bytes:
    """Return what gunicorn sends for the first request of these bytes; raises what it refuses with."""
    chosen, sock = Config(), Sock()
    chosen.set("forwarded_allow_ips", "")
    asked = next(RequestParser(chosen, iter([request]), CLIENT))
    response, environ = wsgi.create(asked, sock, CLIENT, ("127.0.0.1", 8000), chosen)
    body = app(environ, response.start_response)
    for part in body:
        response.write(part)
    response.close()
    return sock.sent


def in_general(answer: bytes, clicks: list[JournaledClick]) -> bytes:
    """Leave out what is drawn by lot, and the time."""
    for click in clicks:
        answer = answer.replace(click.id.encode(), b"{click_id}")
    answer = re.sub(rb"X-Request-ID: \w{12}\r\n", b"X-Request-ID: -\r\n", answer)
    return re.sub(rb"Date: [^\r]*GMT\r\n", b"Date: -\r\n", answer)


class Ways:
    """One application that knows a link, asked in the loop and by gunicorn."""

    def __init__(self, app: Flask, code: str) -> None:
        self.app, self.code = app, code
        assert visit(app, f"/l/{code}").status_code == 302
        found = at_once(app)
        assert found is not None
        self.short: AtOnce = found

    def ask(self, request: bytes, is_short: bool) -> tuple[bytes | None, list[JournaledClick]]:
        before = len(self._kept())
        answer = self.short.answer(request, CLIENT) if is_short else by_gunicorn(self.app, request)
        kept = self._kept()[before:]
        general = None if answer is None else in_general(answer, kept)
        return general, [click._replace(id=click.id[:7], at_us=0) for click in kept]

    def _kept(self) -> list[JournaledClick]:
        folder = self.app.config["CONTENTFLOW"].data_dir / "journal"
        paths = sorted(folder.glob("*.journal"))
        return [from_line(line) for path in paths for line in path.read_bytes().splitlines()]


@pytest.fixture(params=["0", "1"])
def ways(request: pytest.FixtureRequest, unfolded: None, make_app: Any, alices_post: Any) -> Iterator[Ways]:
    app = make_app(TRUSTED_PROXIES=request.param)
    with app.app_context():
        yield Ways(app, link_of(alices_post).code)


def test_what_is_answered_at_once_is_answered_alike_by_gunicorn(ways: Ways) -> None:
    @settings(max_examples=int(os.environ.get("BOTH_WAYS", "100")), deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @example(("GET /l/{code} HTTP/1.1", True, [], "\r\n", ""))
    @given(REQUESTS)
    def alike(drawn: tuple[str, bool, list[tuple[str, str]], str, str]) -> None:
        first, is_usual, fields, end, behind = drawn
        usual = ["Host: share.example.org", f"User-Agent: {PHONE}"] if is_usual else []
        lines = [first.format(code=ways.code), *usual, *(f"{name}: {value}" for name, value in fields)]
        request = (end.join(lines) + "\r\n\r\n" + behind).encode("latin-1")
        answered, kept = ways.ask(request, is_short=True)
        if answered is None:
            assert kept == []
        else:
            assert (answered, kept) == ways.ask(request, is_short=False)

    alike()


@pytest.mark.parametrize(
    "more", [[], ["Accept: */*", "X-Forwarded-For: 198.51.100.7"], ["Connection: keep-alive"], ["Referer:"]]
)
def test_an_ordinary_request_is_answered_at_once(ways: Ways, more: list[str]) -> None:
    request = ordinary(ways.code, *more)
    answered, kept = ways.ask(request, is_short=True)

    assert answered is not None
    assert answered.startswith(b"HTTP/1.1 302 FOUND\r\nServer: gunicorn\r\n")
    assert answered.endswith(b"\r\n\r\n")
    assert len(kept) == 1
    assert (answered, kept) == ways.ask(request, is_short=False)


@pytest.mark.parametrize(
    "request_of",
    [
        lambda code: ordinary(code, "Content-Length: 3") + b"abc",
        lambda code: ordinary(code, "Content-Length: 0"),
        lambda code: ordinary(code, "Transfer-Encoding: chunked"),
        lambda code: ordinary(code, "Expect: 100-continue"),
        lambda code: ordinary(code, "Upgrade: h2c"),
        lambda code: ordinary(code, "Connection: close"),
        lambda code: ordinary(code, "Host: share.example.org"),
        lambda code: ordinary(code, "X_Forwarded_For: 198.51.100.7"),
        lambda code: ordinary(code, "X-Odd : 1"),
        lambda code: ordinary(code, "X-Odd: a\r\n folded"),
        lambda code: ordinary(code, "X-Odd: a\nX: b"),
        lambda code: ordinary(code, "X-Odd: a\x00"),
        lambda code: ordinary(code, "X-Odd: é"),
        lambda code: ordinary(code, "X-Odd: " + "a" * LONGEST),
        lambda code: ordinary(code, *(f"X-{number}: 1" for number in range(60))),
        lambda code: ordinary(code) * 2,
        lambda code: ordinary(code)[:-2],
        lambda code: ordinary(code, first="HEAD /l/{code} HTTP/1.1"),
        lambda code: ordinary(code, first="GET /l/{code} HTTP/1.0"),
        lambda code: ordinary(code, first="GET /l/{code}%20 HTTP/1.1"),
        lambda code: ordinary(code, first="GET /l/{code}/ HTTP/1.1"),
        lambda code: ordinary(code, first="GET /p/{code} HTTP/1.1"),
    ],
)
def test_a_request_that_leaves_a_doubt_is_the_servers(ways: Ways, request_of: Any) -> None:
    assert read(request_of(ways.code)) is None


def test_who_must_be_asked_for_is_left_to_a_thread(ways: Ways) -> None:
    unknown, preview = ordinary("0000000"), ordinary(ways.code).replace(PHONE.encode(), b"WhatsApp/2.23.20.0")

    assert ways.ask(unknown, is_short=True) == (None, [])
    assert ways.ask(preview, is_short=True) == (None, [])


def test_a_link_nobody_asked_for_is_read_at_once_where_nobody_waits(ways: Ways) -> None:
    links = intake(ways.app).links
    links.clear()
    assert links.fresh(ways.code) is None

    answered, kept = ways.ask(ordinary(ways.code), is_short=True)
    assert (answered is not None, len(kept)) == (is_sqlite(), is_sqlite())
    assert (links.fresh(ways.code) is not None) is is_sqlite()


def test_whether_links_changed_is_a_threads_to_ask(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake(ways.app).links, "_fresh_until", 0.0)

    assert ways.ask(ordinary(ways.code), is_short=True) == (None, [])


def test_a_link_that_is_withdrawn_or_waits_is_not_read_at_once(ways: Ways) -> None:
    links = intake(ways.app).links
    for column in ("disabled_at", "waits_since"):
        with transaction():
            link = db.session.scalars(select(Link).where(Link.code == ways.code)).one()
            setattr(link, column, link.created_at)
        links.clear()
        assert ways.ask(ordinary(ways.code), is_short=True) == (None, [])
        with transaction():
            setattr(db.session.scalars(select(Link).where(Link.code == ways.code)).one(), column, None)


def test_a_file_that_cannot_be_read_is_a_threads_to_ask(tmp_path: Path) -> None:
    quick = QuickLinks(str(tmp_path / "none.db"))

    assert quick.read("0000000", 1) is None
    (tmp_path / "none.db").write_bytes(b"no database" * 100)
    assert quick.read("0000000", 1) is None
    assert QuickLinks("").read("0000000", 1) is None


def test_what_nobody_foresaw_is_left_to_a_thread(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(intake(ways.app), "record", fail)

    assert ways.ask(ordinary(ways.code), is_short=True) == (None, [])


def test_who_wrapped_the_application_sees_each_request(
    app: Flask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert at_once(app) is not None
    monkeypatch.setenv("SCRIPT_NAME", "/below")
    assert at_once(app) is None
    monkeypatch.delenv("SCRIPT_NAME")
    inner = app.wsgi_app
    monkeypatch.setattr(app, "wsgi_app", lambda *given: inner(*given))
    assert at_once(app) is None
    monkeypatch.setattr(app, "wsgi_app", ProxyFix(inner))
    assert at_once(app) is not None
    assert at_once(inner) is None


def test_who_rests_may_ask_a_moment_longer_when_the_worker_stops() -> None:
    stopping: Any = SimpleNamespace(alive=False)
    resting: Any = SimpleNamespace(rests=True, until=105.0)
    sending: Any = SimpleNamespace(rests=False, until=115.0)

    assert not Worker._is_over(stopping, resting, 100.0)
    assert not Worker._is_over(stopping, resting, 101.9)
    assert Worker._is_over(stopping, resting, 102.0)
    assert Worker._is_over(stopping, sending, 100.0)
