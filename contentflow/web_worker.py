"""A gunicorn worker whose threads no slow client can hold.

gunicorn's own gives a connection to a thread before its request is there: 64 clients that send a byte now
and then stop the site. Here one loop gathers each request, within READ_SECONDS, and a thread gets it whole.
Only bodies that are larger than any form, videos, are read by threads: so many at a time, none slower
than a minimum rate. Who does not read the answer is hung up on too. Behind a proxy that buffers, none of it
happens. Short links need no thread at all: see ``contentflow.at_once``.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections import Counter
from functools import partial
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from contentflow.at_once import BEGINNING, AtOnce, at_once
from contentflow.min_rate import MinRate, MinRateSocket, unread_answer
from contentflow.request_buffer import Arrival, RequestBuffer
from contentflow.web_connection import Connection

READ_SECONDS = 15.0
LINGER_SECONDS = 2.0
# Connections of one process that are read to their end; more than that are cut.
MAX_LINGERING = 200
SPARE_CONNECTIONS = 100
# Answers of one round are sent together: whoever gets the first would take the processor from the others.
MAX_ANSWERS = 32
# While there is something to do, all connections are looked at no more often than this.
TICK_SECONDS = 0.05
# Large bodies that a process reads at a time, with a thread each of its 32: the others answer all else.
MAX_LARGE = 20

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSAL = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 30\r\n\r\n"
TIMED_OUT, HEAD_TOO_LONG, FULL = "408 Request Timeout", "431 Request Header Fields Too Large", "503 Busy"
# Who calls there calls again after this answer, and after no other refusal.
ASKED_AGAIN, TELL_AGAIN = b"POST /webhooks/", "429 Too Many Requests"


class Worker(ThreadWorker):
    """``max_per_address``: connections of one client address to one process, 0 for any number."""

    max_per_address = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order in which nobody waits for them any more.
        self.gathering: dict[Connection, None] = {}
        self.lingering: dict[Connection, None] = {}
        self.in_hand: dict[Connection, None] = {}
        self.per_address: Counter[str] = Counter()
        self.large = 0
        self.at_once: AtOnce | None = None
        self.keepalive: float = self.cfg.keepalive  # which asks for a while, each time
        self.answers: list[tuple[Connection, bytes]] = []

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.at_once = at_once(self.wsgi)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        until = time.monotonic() + TICK_SECONDS
        while True:
            try:
                super().wait_for_and_dispatch_events(timeout)
            finally:
                is_busy = bool(self.answers)
                self._send_answers()
            timeout = until - time.monotonic()
            if not is_busy or timeout <= 0 or not self.alive:
                return

    def accept(self, listener: socket.socket) -> None:
        try:
            sock, client = listener.accept()
        except OSError as error:
            if error.errno in {errno.EMFILE, errno.ENFILE}:
                self._give_up_oldest("")
            elif error.errno not in {errno.EAGAIN, errno.EWOULDBLOCK, errno.ECONNABORTED}:
                raise
            return
        connection = Connection(self, sock, client, listener.getsockname())
        self.nr_conns += 1
        self.per_address[connection.address] += 1
        # Where there is no room, who sends slowest goes first.
        if self.nr_conns > self.worker_connections - SPARE_CONNECTIONS:
            self._give_up_oldest("")
        address = connection.address
        is_full = bool(self.max_per_address and address) and self.per_address[address] > self.max_per_address
        if is_full and not self._give_up_oldest(address):
            self._drop(connection)
        else:
            self.enqueue_req(connection)

    def _give_up_oldest(self, address: str) -> bool:
        self._send_answers()
        oldest = next((one for one in self.gathering if not address or one.address == address), None)
        if oldest is not None:
            self._stop_gathering(oldest)
            self._drop(oldest)
        return oldest is not None

    def _drop(self, connection: Connection) -> None:
        self.nr_conns -= 1
        connection.close()

    def let_go(self, connection: Connection) -> None:
        """Forget whose it was, before it is closed."""
        if connection.is_let_go:
            return
        connection.is_let_go = True
        self.per_address[connection.address] -= 1
        if self.per_address[connection.address] <= 0:
            del self.per_address[connection.address]

    def enqueue_req(self, conn: Connection) -> None:
        """Gather what gunicorn would give to a thread now: a new connection, or the next request on one."""
        if self.cfg.is_ssl:  # Its handshake needs a thread.
            self._submit(conn)
            return
        conn.request = RequestBuffer()
        conn.until = time.monotonic() + READ_SECONDS
        conn.sock.setblocking(False)
        self.gathering[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if conn.parser is not None:
            self._take(conn, conn.parser.unreader.take_buffered())

    def _on_bytes(self, connection: Connection, sock: socket.socket) -> None:
        if connection not in self.gathering:  # It was given up earlier in this round.
            return
        try:
            data = sock.recv(64 * 1024)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self._take(connection, data)
        else:
            self._stop_gathering(connection)
            self._drop(connection)

    def _take(self, connection: Connection, data: bytes) -> None:
        is_short = data.startswith(BEGINNING) and not connection.request.bytes
        if is_short and self._answer_at_once(connection, data):
            return
        if connection.rests:
            connection.rests = False
            connection.until = time.monotonic() + READ_SECONDS
        arrival = connection.request.feed(data)
        if arrival is Arrival.PART:
            if connection.request.expects_continue:
                connection.request.expects_continue = False
                _say(connection.sock, CONTINUE)
            return
        self._stop_gathering(connection)
        if arrival is Arrival.ENDLESS:
            self._refuse(connection, HEAD_TOO_LONG)
        elif arrival is Arrival.LARGE and self.large >= MAX_LARGE:
            self._refuse(connection, FULL)
        else:
            is_large = arrival is Arrival.LARGE
            connection.is_large = is_large
            self.large += is_large
            connection.init()
            connection.sock.setblocking(True)
            unreader = connection.parser.unreader
            unreader.unread(connection.request.written())
            unreader.sock = MinRateSocket(connection.sock) if is_large else connection.sock
            self._submit(connection)

    def _answer_at_once(self, connection: Connection, data: bytes) -> bool:
        """Whether it was a short link and is answered; the connection waits here for its next request."""
        if self.at_once is None or not self.alive or self.nr + 1 >= self.max_requests:
            return False
        answer = self.at_once.answer(data, connection.client)
        if answer is None:
            return False
        self.nr += 1
        connection.rests = True
        connection.until = time.monotonic() + self.keepalive
        del self.gathering[connection]
        self.gathering[connection] = None
        self.answers.append((connection, answer))
        if len(self.answers) >= MAX_ANSWERS:
            self._send_answers()
        return True

    def _send_answers(self) -> None:
        answers, self.answers = self.answers, []
        for connection, answer in answers:
            sent = 0
            with contextlib.suppress(OSError):
                sent = connection.sock.send(answer)
            if sent < len(answer):  # It is gone, or asks and asks and reads no answer.
                self._stop_gathering(connection)
                self._drop(connection)

    def _stop_gathering(self, connection: Connection) -> None:
        self.gathering.pop(connection, None)
        self.poller.unregister(connection.sock)

    def _submit(self, connection: Connection) -> None:
        connection.data_ready = True
        connection.min_rate = None
        self.in_hand[connection] = None
        super().enqueue_req(connection)

    def _keepalive_after(self, conn: Connection, keepalive: bool) -> bool:
        # What is left of a large body may take its time; nobody waits for it.
        return not conn.is_large and bool(super()._keepalive_after(conn, keepalive))

    def finish_request(self, conn: Connection, fs: Any) -> None:
        self.in_hand.pop(conn, None)
        self.large -= conn.is_large
        conn.is_large = False
        super().finish_request(conn, fs)

    def _refuse(self, connection: Connection, status: str) -> None:
        if connection.request.bytes.startswith(ASKED_AGAIN):
            status = TELL_AGAIN
        _say(connection.sock, REFUSAL.format(status).encode())
        self.nr_conns -= 1
        connection.close(graceful=True)

    def linger(self, connection: Connection) -> None:
        """Let the client read the answer to its end before the connection closes (RFC 9112, 9.6)."""
        with contextlib.suppress(OSError):
            connection.sock.setblocking(False)
            connection.sock.shutdown(socket.SHUT_WR)
            if len(self.lingering) < MAX_LINGERING and self.alive:
                connection.until = time.monotonic() + LINGER_SECONDS
                self.poller.register(
                    connection.sock, selectors.EVENT_READ, partial(self._on_last_bytes, connection)
                )
                self.lingering[connection] = None
                return
        util.close(connection.sock)

    def _on_last_bytes(self, connection: Connection, sock: socket.socket) -> None:
        try:
            got = len(sock.recv(128 * 1024))
        except BlockingIOError:
            return
        except OSError:
            got = 0
        connection.left_to_drain -= got
        if not got or connection.left_to_drain <= 0:
            self._end_lingering(connection)

    def _end_lingering(self, connection: Connection) -> None:
        self.lingering.pop(connection, None)
        self.poller.unregister(connection.sock)
        util.close(connection.sock)

    def murder_pending(self) -> None:
        """The loop's tick, every second or more often."""
        super().murder_pending()
        now = time.monotonic()
        for connection in [one for one in self.gathering if self._is_over(one, now)]:
            self._stop_gathering(connection)
            if connection.request.bytes:
                self._refuse(connection, TIMED_OUT)
            else:
                self._drop(connection)
        for connection in [one for one in self.lingering if one.until <= now]:
            self._end_lingering(connection)
        for connection in list(self.in_hand):
            waiting, read = unread_answer(connection.sock)
            if not waiting:
                connection.min_rate = None  # We are the slow ones.
            elif connection.min_rate is None:
                connection.min_rate = MinRate(read, now)
            elif connection.min_rate.is_broken(read, now):
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)  # Its thread meets a closed pipe.

    def _is_over(self, connection: Connection, now: float) -> bool:
        """Who rests may be asking already when the worker is told to stop: gunicorn waits a moment too."""
        if not self.alive:
            connection.until = min(connection.until, now + STOP_KEEPALIVE_LINGER * connection.rests)
        return connection.until <= now


def _say(sock: socket.socket, words: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.send(words)
