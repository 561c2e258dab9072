"""Short links that the web worker's loop answers, over real sockets: kept connections, pieces and ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator

import pytest

from tests.live import Live
from tests.proof import test_click_kill
from tests.proof.test_click_kill import rows, wait_for

pytestmark = pytest.mark.proof

live, codes = test_click_kill.live, test_click_kill.codes
Connect = Callable[[], "Client"]


class Client:
    """One kept connection of a visitor."""

    def __init__(self, port: int) -> None:
        self.host = f"127.0.0.1:{port}"
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=10)

    def request(self, path: str, *more: str) -> bytes:
        agent = "Mozilla/5.0 (X11; Linux x86_64) Visitor/1"
        lines = [f"GET {path} HTTP/1.1", f"Host: {self.host}", f"User-Agent: {agent}", *more, "", ""]
        return "\r\n".join(lines).encode()

    def ask(self, path: str, *more: str) -> bytes:
        self.sock.sendall(self.request(path, *more))
        return self.heard()

    def heard(self) -> bytes:
        """Return the next answer with its body."""
        got = b""
        while not (found := re.match(rb"(?s).*?\r\ncontent-length: (\d+)(?=\r\n).*?\r\n\r\n", got.lower())):
            data = self.sock.recv(1)
            if not data:
                return got
            got += data
        while len(got) < found.end() + int(found[1]):
            got += self.sock.recv(1)
        return got


@pytest.fixture
def connect(live: Live) -> Iterator[Connect]:
    made: list[Client] = []

    def connect() -> Client:
        made.append(Client(live.port))
        return made[-1]

    yield connect
    for client in made:
        client.sock.close()


def ids(*answers: bytes) -> set[str]:
    return {re.findall(rb"[?]c=(\w{22})", answer)[0].decode() for answer in answers}


def warm(live: Live, codes: list[str], connect: Connect) -> None:
    """Let each web process know the first link: the next who asks for it is answered at once."""
    for _ in range(12):
        connect().ask(f"/l/{codes[0]}", "Connection: close")


def test_a_kept_connection_gets_pages_and_links_in_turn_and_all_at_once(
    live: Live, codes: list[str], connect: Connect
) -> None:
    client, path = connect(), f"/l/{codes[0]}"
    warm(live, codes, connect)
    answers = [client.ask(path) for _ in range(20)]
    assert b"200 OK" in client.ask("/healthz")
    answers += [client.ask(path)]
    client.sock.sendall(2 * client.request(path))
    answers += [client.heard(), client.heard()]
    whole = client.request(path)
    client.sock.sendall(whole[:40])
    client.sock.sendall(whole[40:])
    answers += [client.heard()]

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 302 FOUND"}
    assert {b"\r\nConnection: keep-alive\r\n" in answer for answer in answers} == {True}
    assert len(ids(*answers)) == len(answers)
    wait_for(lambda: ids(*answers) <= rows(), "the clicks' rows")


def test_who_asks_and_reads_no_answer_keeps_nobody_waiting(
    live: Live, codes: list[str], connect: Connect
) -> None:
    greedy, patient, path = connect(), connect(), f"/l/{codes[0]}"
    warm(live, codes, connect)
    greedy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    greedy.sock.settimeout(1)
    request = greedy.request(path)
    with contextlib.suppress(ConnectionError, TimeoutError):
        for _ in range(200_000):
            greedy.sock.sendall(request)

    began = time.monotonic()
    assert all(b"302 FOUND" in patient.ask(path) for _ in range(20))
    assert time.monotonic() - began < 5


def test_a_crowd_that_asks_all_at_once_is_answered_whoever_of_it_is_gone_by_then(
    live: Live, codes: list[str], connect: Connect
) -> None:
    path, hang_up_at_once = f"/l/{codes[0]}", struct.pack("ii", 1, 0)
    warm(live, codes, connect)
    crowd = [connect() for _ in range(100)]
    for client in crowd:
        client.ask(path)
    gone, waiting = crowd[::2], crowd[1::2]
    assert live.process is not None
    os.killpg(live.process.pid, signal.SIGSTOP)
    try:
        for client in crowd:
            client.sock.sendall(client.request(path))
        for client in gone:
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, hang_up_at_once)
            client.sock.close()
    finally:
        os.killpg(live.process.pid, signal.SIGCONT)

    answers = [client.heard() for client in waiting]

    assert {answer.partition(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 302 FOUND"}
    assert len(ids(*answers)) == len(waiting)
    wait_for(lambda: ids(*answers) <= rows(), "the clicks' rows")


def test_who_rests_is_let_go_after_gunicorns_keepalive(
    live: Live, codes: list[str], connect: Connect
) -> None:
    warm(live, codes, connect)
    resting = connect()
    assert b"302 FOUND" in resting.ask(f"/l/{codes[0]}")
    began = time.monotonic()

    assert resting.sock.recv(1) == b""
    assert 3 < time.monotonic() - began < 10
