from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from contentflow.core import outbound


@contextmanager
def server(*pieces: bytes, pause: float = 0.0) -> Iterator[str]:
    """Answer every call with the same bytes, piece by piece, then hang up."""

    def answer(line: socket.socket) -> None:
        with line:
            line.recv(65_536)
            for piece in pieces:
                try:
                    line.sendall(piece)
                except OSError:
                    return
                time.sleep(pause)

    def serve() -> None:
        while True:
            try:
                line, _ = door.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(line,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as door:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{door.getsockname()[1]}/"
        door.shutdown(socket.SHUT_RDWR)


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


def test_a_body_that_drips_is_given_up() -> None:
    began = time.monotonic()

    with server(head("200 OK", 60), *[b"x"] * 60, pause=0.1) as url, pytest.raises(outbound.NoAnswer):
        post(url)

    assert time.monotonic() - began < 10


def test_a_redirect_is_an_answer_not_a_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"

    with server(moved) as url:
        assert post(url).status == 302
