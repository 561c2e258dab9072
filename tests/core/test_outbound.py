from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from contentflow.core import outbound
from tests.core import tls


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Hand every line that comes to ``answer``, then hang up."""

    def hold(line: socket.socket) -> None:
        with line, suppress(OSError):
            answer(line)

    def serve() -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=hold, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        door.shutdown(socket.SHUT_RDWR)


@contextmanager
def server(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer every call with the same bytes, piece by piece, then hang up."""

    def answer(line: socket.socket) -> None:
        line.recv(65_536)
        for piece in pieces:
            line.sendall(piece)
            time.sleep(pause)

    with listening(answer) as url:
        yield url


def requests_on(line: socket.socket) -> Iterator[int]:
    """Count the requests that come on a line; head and body may come in two pieces."""
    heard, number = b"", 0
    while piece := line.recv(65_536):
        heard += piece
        if heard.endswith(b'{"a": 1}'):
            yield number
            heard, number = b"", number + 1


def drip(line: socket.socket, drop: bytes, seconds: float = 5.0) -> None:
    for _ in range(int(seconds / 0.05)):
        line.sendall(drop)
        time.sleep(0.05)


def head(status: str, length: int) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n".encode()


def post(url: str) -> outbound.Answer:
    return outbound.post_json(url, {"a": 1}, {}, 0.5)


def test_an_answer_comes_whole_with_its_status_and_json() -> None:
    with server(head("201 Created", 13) + b'{"id": "abc"}') as url:
        answer = post(url)

    assert (answer.status, answer.json()) == (201, {"id": "abc"})


def test_what_is_no_json_is_none() -> None:
    assert outbound.Answer(200, {}, b"<html>").json() is None
    assert outbound.Answer(200, {}, b"[" * 60_000).json() is None


def test_a_closed_port_is_not_reached() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]

    with pytest.raises(outbound.NotReached):
        post(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param((), id="nothing"),
        pytest.param((head("200 OK", 100), b"half"), id="half a body"),
        pytest.param((b"rubbish\r\n\r\n",), id="no HTTP"),
        pytest.param((head("200 OK", 100_000), b"x" * 100_000), id="far too long"),
    ],
)
def test_a_line_that_brings_no_whole_answer_has_none(pieces: tuple[bytes, ...]) -> None:
    with server(*pieces) as url, pytest.raises(outbound.NoAnswer):
        post(url)


OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("begin", "drip"),
    [
        pytest.param(b"", b"x", id="first line"),
        pytest.param(OK, b"X-Some: header\r\n", id="headers"),
        pytest.param(OK + b"X-Long: ", b"y", id="one header"),
        pytest.param(head("200 OK", 60), b"x", id="body"),
        pytest.param(OK + b"Connection: close\r\n\r\n", b"x", id="body without a length"),
        pytest.param(CHUNKED, b"1\r\nx\r\n", id="chunks"),
        pytest.param(CHUNKED, b"0", id="a chunk's size"),
        pytest.param(CHUNKED + b"1", b";ext=1", id="a chunk's extension"),
        pytest.param(CHUNKED + b"1\r\nx\r\n0\r\n", b"X-Trailer: x\r\n", id="trailers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", id="endless continue"),
        pytest.param(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", b"x", id="a redirect's body"),
    ],
)
def test_an_answer_that_drips_is_given_up_in_time(begin: bytes, drip: bytes) -> None:
    with server(begin, *[drip] * 200, pause=0.05) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer, match="TooSlow"):
            post(url)

    assert time.monotonic() - began < 4


def test_a_kept_connection_that_drips_its_second_answer_is_cut_too() -> None:
    lines: list[socket.socket] = []

    def answer(line: socket.socket) -> None:
        lines.append(line)
        for number in requests_on(line):
            if number:
                drip(line, b"X-A: b\r\n", 10)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    with listening(answer) as url:
        assert outbound.post_json(url, {"a": 1}, {}, 10).body == b"ok"
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer):
            post(url)

    assert time.monotonic() - began < 5
    assert len(lines) == 1


@pytest.mark.parametrize("said", [b"", b"\x16", b"\x16\x03\x03\x40\x00", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_handshake_that_drips_reaches_nobody(said: bytes) -> None:
    def answer(line: socket.socket) -> None:
        line.sendall(said)
        drip(line, b"\x00")

    with listening(answer) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NotReached):
            post(url.replace("http:", "https:"))

    assert time.monotonic() - began < 4


def test_a_server_that_reads_nothing_is_given_up() -> None:
    def answer(line: socket.socket) -> None:
        time.sleep(8)

    with listening(answer) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer):
            outbound.post_json(url, {"a": "x" * 20_000_000}, {}, 0.5)

    assert time.monotonic() - began < 5


def test_a_name_service_that_is_slow_costs_no_more_than_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(6) or [])

    began = time.monotonic()
    with pytest.raises(outbound.NotReached):
        post("http://slow.example/")

    assert time.monotonic() - began < 4


@pytest.mark.parametrize(
    "url", ["http://[::1/", "http://é\ud800/", "http://127.0.0.1:99999/", "http://x\x00y/"]
)
def test_an_address_that_is_none_is_not_reached(url: str) -> None:
    with pytest.raises(outbound.NotReached):
        post(url)


@pytest.mark.parametrize("where", ["http://[::1", "//[", "\xff", "http://a\x00b/"])
def test_a_redirect_that_leads_nowhere_is_an_answer_too(where: str) -> None:
    moved = f"HTTP/1.1 302 Found\r\nLocation: {where}\r\nContent-Length: 0\r\n\r\n".encode("latin-1")

    with server(moved) as url:
        assert post(url).status == 302


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"X-Many: 1\r\n"] * 2_000, id="many headers"),
        pytest.param([b"X-Long: " + b"y" * 300_000], id="a huge header"),
        pytest.param([b"Content-Encoding: gzip\r\n\r\n\x1f\x8b\x08rubbish"], id="rubbish for gzip"),
        pytest.param([b"Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n"], id="rubbish for a chunk"),
        pytest.param([b"Transfer-Encoding: chunked\r\n\r\n", b"f" * 70_000], id="a huge chunk's size"),
    ],
)
def test_rubbish_is_no_answer(pieces: list[bytes]) -> None:
    with server(OK, *pieces) as url, pytest.raises(outbound.NoAnswer):
        post(url)


def test_a_redirect_is_an_answer_not_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"

    with server(moved) as url:
        assert post(url).status == 302


# Under TLS


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """The context of a server that everybody here trusts."""
    context, path = tls.certificate(tmp_path)
    monkeypatch.setattr("requests.adapters.DEFAULT_CA_BUNDLE_PATH", str(path))
    monkeypatch.setattr(outbound, "_kept", threading.local())
    return context


@contextmanager
def secured(context: ssl.SSLContext, answer: Callable[[ssl.SSLSocket], None]) -> Iterator[str]:
    def talk(line: socket.socket) -> None:
        with context.wrap_socket(line, server_side=True) as inner:
            answer(inner)

    with listening(talk) as url:
        yield url.replace("http:", "https:")


def test_an_answer_comes_over_tls_on_a_kept_connection(trusted: ssl.SSLContext) -> None:
    lines: set[int] = set()

    def answer(line: ssl.SSLSocket) -> None:
        for _ in requests_on(line):
            lines.add(id(line))
            line.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok")

    with secured(trusted, answer) as url:
        assert [outbound.post_json(url, {"a": 1}, {}, 10).body for _ in range(3)] == [b"ok"] * 3

    assert len(lines) == 1


def test_a_drip_under_tls_is_cut(trusted: ssl.SSLContext) -> None:
    def answer(line: ssl.SSLSocket) -> None:
        line.recv(65_536)
        drip(line, b"HTTP/1.1 100 Continue\r\n\r\n", 10)

    with secured(trusted, answer) as url:
        began = time.monotonic()
        with pytest.raises(outbound.NoAnswer, match="TooSlow"):
            outbound.post_json(url, {"a": 1}, {}, 1.5)

    assert time.monotonic() - began < 6


def test_tls_that_breaks_after_the_request_may_have_been_heard(trusted: ssl.SSLContext) -> None:
    """It was taken for a connection that never came about, so a refusal of the next try freed the mail."""

    def answer(line: ssl.SSLSocket) -> None:
        line.recv(65_536)
        os.write(line.fileno(), b"\x17\x03\x03\x00\x20" + b"rubbish in the place of a record")

    with secured(trusted, answer) as url, pytest.raises(outbound.NoAnswer):
        outbound.post_json(url, {"a": 1}, {}, 10)


def test_a_certificate_that_nobody_trusts_is_told_nothing(tmp_path: Path) -> None:
    context, _ = tls.certificate(tmp_path)
    heard: list[bytes] = []

    with (
        secured(context, lambda line: heard.append(line.recv(65_536))) as url,
        pytest.raises(outbound.NotReached),
    ):
        outbound.post_json(url, {"a": 1}, {}, 10)

    assert heard in ([], [b""])
