"""The web worker against clients that send or read slowly, over real sockets."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from attacks import slow_clients
from contentflow import web_connection
from contentflow.config import ROOT
from contentflow.web_worker import Worker
from tests.live import free_port, serving

pytestmark = [pytest.mark.proof, pytest.mark.alone]

THREADS = 32
Connect = Callable[[bytes], socket.socket]
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """One web process under the shipped configuration, with faster clocks."""
    port, folder = free_port(), tmp_path_factory.mktemp("gate")
    environ = {"ENV": "development", "DATA_DIR": str(folder), "PORT": str(port), "PYTHONPATH": str(ROOT)}
    config = str(Path(__file__).with_name("quick.conf.py"))
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--config",
        config,
        "--workers",
        "1",
        "tests.serve.large:app",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environ})
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(15)


@pytest.fixture
def connect(port: int) -> Iterator[Connect]:
    opened: list[socket.socket] = []

    def connect(first: bytes) -> socket.socket:
        client = socket.create_connection(("127.0.0.1", port), timeout=10)
        opened.append(client)
        client.sendall(first)
        return client

    yield connect
    for client in opened:
        client.close()


def answer(client: socket.socket) -> str:
    """Return the status line that comes, or nothing where the connection was closed."""
    with contextlib.suppress(ConnectionResetError):
        return client.recv(65_536).decode(errors="replace").partition("\r\n")[0]
    return ""


def whole_answer(client: socket.socket) -> bytes:
    """Return an answer with its body, which comes in chunks."""
    got = b""
    while not got.endswith(b"0\r\n\r\n") and (data := client.recv(65_536)):
        got += data
    return got


def seconds_of_another(connect: Connect) -> float:
    began = time.monotonic()
    assert answer(connect(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")).endswith(
        "200 OK"
    )
    return time.monotonic() - began


@pytest.mark.parametrize(
    "first",
    [
        b"",
        b"GET / HTTP/1.1\r\nX: ",
        POST + b"Content-Length: 5000\r\n\r\na",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1000\r\na",
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nX: ",
    ],
)
def test_more_slow_clients_than_threads_keep_nobody_waiting(connect: Connect, first: bytes) -> None:
    slow = [connect(first) for _ in range(3 * THREADS)]

    assert seconds_of_another(connect) < 1
    time.sleep(0.5)
    assert seconds_of_another(connect) < 1
    for client in slow:
        client.close()


def test_who_holds_on_after_the_answer_keeps_nobody_waiting(connect: Connect) -> None:
    """gunicorn would wait two seconds for each of them, in the one loop that accepts."""
    held = [connect(b"GET / HTTP/1.0\r\n\r\n") for _ in range(20)]
    for client in held:
        assert answer(client).endswith("200 OK")

    assert seconds_of_another(connect) < 1


def test_a_request_that_never_ends_is_told_so(connect: Connect) -> None:
    client = connect(b"GET / HTTP/1.1\r\nX: ")
    began = time.monotonic()

    assert answer(client) == "HTTP/1.1 408 Request Timeout"
    assert time.monotonic() - began < 4


def test_a_head_without_end_is_refused(connect: Connect) -> None:
    assert answer(connect(b"GET / HTTP/1.1\r\nX: " + b"a" * 80_000)).startswith("HTTP/1.1 431")


def test_a_form_in_pieces_arrives(connect: Connect) -> None:
    client = connect(POST + b"Content-Length: 6\r\n\r\nabc")
    time.sleep(0.5)
    client.sendall(b"def")

    assert b"X-Got: 6" in whole_answer(client)


def test_a_body_in_chunks_arrives_and_the_connection_goes_on(connect: Connect) -> None:
    client = connect(POST + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
    first = whole_answer(client)
    client.sendall(POST + b"Content-Length: 2\r\n\r\nab")

    assert b"X-Got: 3" in first
    assert b"X-Got: 2" in whole_answer(client)


def test_an_address_as_it_was_typed_is_answered(connect: Connect) -> None:
    client = connect("GET /l/abc» HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())

    assert "200 OK" in answer(client)


def test_two_requests_sent_at_once_are_both_answered(connect: Connect) -> None:
    client = connect(2 * (POST + b"Content-Length: 2\r\n\r\nab"))
    time.sleep(0.5)

    assert client.recv(65_536).count(b"X-Got: 2") == 2


def test_who_waits_for_a_word_gets_it(connect: Connect) -> None:
    client = connect(POST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")

    assert answer(client) == "HTTP/1.1 100 Continue"
    client.sendall(b"ab")
    time.sleep(0.3)
    assert b"X-Got: 2" in whole_answer(client)


@pytest.mark.parametrize("size", [1_000_000, 5_000_000])
def test_a_large_body_arrives_whole(connect: Connect, size: int) -> None:
    client = connect(POST + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % size + b"a" * size)

    assert b"X-Got: %d" % size in whole_answer(client)


def test_large_bodies_that_stall_take_some_threads_and_not_for_long(connect: Connect) -> None:
    stalled = [connect(POST + b"Content-Length: 9000000\r\n\r\na") for _ in range(2 * THREADS)]
    time.sleep(0.3)

    assert seconds_of_another(connect) < 1
    assert answer(stalled[-1]).startswith("HTTP/1.1 503")
    time.sleep(2 * 1.5)
    client = connect(POST + b"Content-Length: 400000\r\n\r\n" + b"a" * 400_000)
    assert b"X-Got: 400000" in whole_answer(client)


def test_who_does_not_read_the_answer_is_hung_up_on(connect: Connect) -> None:
    slow = [connect(b"GET /?size=30000000 HTTP/1.1\r\nHost: localhost\r\n\r\n") for _ in range(THREADS)]
    time.sleep(5)

    assert seconds_of_another(connect) < 1
    for client in slow:
        client.close()


def test_who_reads_at_a_walk_gets_all_of_it(connect: Connect) -> None:
    client = connect(b"GET /?size=6553600 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    got = 0
    while data := client.recv(65_536):
        got += len(data)
        time.sleep(0.04)

    assert got > 6_553_600


def test_three_hundred_drippers_keep_nobody_waiting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path / "data", DATABASE_URL="") as live:
        fell = slow_clients.main(live.url, 20)

    assert not fell, capsys.readouterr().out


@pytest.mark.parametrize(
    ("client", "address"),
    [
        (("203.0.113.7", 1), "203.0.113.7"),
        (("2001:db8:1:2:3::4", 1, 0, 0), "2001:db8:1:2::/64"),
        (("127.0.0.1", 1), ""),
        (("::1", 1, 0, 0), ""),
        ("", ""),
    ],
)
def test_whose_connection_it_is(client: object, address: str) -> None:
    assert web_connection.subscriber(client) == address


def test_a_caller_that_calls_again_after_429_alone_is_told_so(connect: Connect) -> None:
    client = connect(b"POST /webhooks/brevo HTTP/1.1\r\nX: ")

    assert answer(client) == "HTTP/1.1 429 Too Many Requests"


def test_who_was_given_up_in_a_round_and_has_sent_something_in_it_does_no_harm() -> None:
    worker: Any = Worker.__new__(Worker)
    worker.gathering, worker.poller = {}, selectors.DefaultSelector()
    ours, theirs = socket.socketpair()
    given_up: Any = mock.Mock(sock=ours)
    theirs.sendall(b"G")
    ours.close()

    worker._on_bytes(given_up, ours)

    theirs.close()
    worker.poller.close()
