"""A gunicorn worker whose threads no slow client can hold.

gunicorn's own gives a connection to a thread before its request is there: 64 clients that send a byte now
and then stop the site. Here one loop gathers each request, within READ_SECONDS, and a thread gets it whole.
Only bodies that are larger than any form, videos, are read by threads: so many at a time, none slower
than a floor. Who does not read the answer is hung up on too. Behind a proxy that buffers none of it happens.
"""

from __future__ import annotations

import contextlib
import errno
import selectors
import socket
import time
from collections import Counter
from functools import partial
from ipaddress import ip_address, ip_network
from typing import Any

from gunicorn import util
from gunicorn.workers.gthread import TConn, ThreadWorker

from contentflow.arriving import Arrival, Arriving
from contentflow.pace import Floor, Paced, answer_of

READ_SECONDS = 15.0
LINGER_SECONDS = 2.0
# A proxy that hands an upload on as it comes needs a while to see that it was refused: a connection cut
# before makes its visitor's answer a 502.
LINGER_BYTES = 4 * 1024 * 1024
MOST_LINGERING = 200
SPARE_CONNECTIONS = 100
# Of one process, which has 32 threads: the others answer everything else.
MOST_LARGE = 20

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
REFUSAL = "HTTP/1.1 {}\r\nConnection: close\r\nContent-Length: 0\r\nRetry-After: 30\r\n\r\n"
TIMED_OUT, HEAD_TOO_LONG, FULL = "408 Request Timeout", "431 Request Header Fields Too Large", "503 Busy"


class Connection(TConn):
    """One client; ``until`` is when the loop's patience with it ends."""

    def __init__(self, worker: Worker, sock: socket.socket, client: Any, server: Any) -> None:
        super().__init__(worker.cfg, sock, client, server)
        self.worker = worker
        self.address = _address_of(client)
        self.arriving = Arriving()
        self.until = 0.0
        self.is_large = self.is_let_go = False
        self.left_to_drain = LINGER_BYTES
        self.floor: Floor | None = None

    def close(self, graceful: bool = False) -> None:
        self.worker.let_go(self)
        if graceful:
            self.worker.linger(self)
        else:
            util.close(self.sock)


class Worker(ThreadWorker):
    """``most_of_an_address``: connections of one client address to one process, 0 for any number."""

    most_of_an_address = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # In the order in which their patience ends.
        self.gathering: dict[Connection, None] = {}
        self.lingering: dict[Connection, None] = {}
        self.in_hand: dict[Connection, None] = {}
        self.of_address: Counter[str] = Counter()
        self.large = 0

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
        self.of_address[connection.address] += 1
        if self._has_room_for(connection):
            self.enqueue_req(connection)
        else:
            self._drop(connection)

    def _has_room_for(self, connection: Connection) -> bool:
        """Where there is none, who sends slowest goes first."""
        if self.nr_conns > self.worker_connections - SPARE_CONNECTIONS:
            self._give_up_oldest("")
        address = connection.address
        if not self.most_of_an_address or not address:
            return True
        return self.of_address[address] <= self.most_of_an_address or self._give_up_oldest(address)

    def _give_up_oldest(self, address: str) -> bool:
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
        self.of_address[connection.address] -= 1
        if self.of_address[connection.address] <= 0:
            del self.of_address[connection.address]

    def enqueue_req(self, conn: Connection) -> None:
        """Gather what gunicorn would give to a thread now: a new connection, or the next request on one."""
        if self.cfg.is_ssl:  # Its handshake needs a thread.
            self._submit(conn)
            return
        conn.arriving = Arriving()
        conn.until = time.monotonic() + READ_SECONDS
        conn.sock.setblocking(False)
        self.gathering[conn] = None
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self._on_bytes, conn))
        if conn.parser is not None:
            self._take(conn, conn.parser.unreader.take_buffered())

    def _on_bytes(self, connection: Connection, sock: socket.socket) -> None:
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
        arrival = connection.arriving.feed(data)
        if arrival is Arrival.PART:
            if connection.arriving.expects_a_word:
                connection.arriving.expects_a_word = False
                _say(connection.sock, CONTINUE)
            return
        self._stop_gathering(connection)
        if arrival is Arrival.ENDLESS:
            self._refuse(connection, HEAD_TOO_LONG)
        elif arrival is Arrival.LARGE and self.large >= MOST_LARGE:
            self._refuse(connection, FULL)
        else:
            self._hand_over(connection, arrival is Arrival.LARGE)

    def _stop_gathering(self, connection: Connection) -> None:
        self.gathering.pop(connection, None)
        self.poller.unregister(connection.sock)

    def _hand_over(self, connection: Connection, is_large: bool) -> None:
        connection.is_large = is_large
        self.large += is_large
        connection.init()
        connection.sock.setblocking(True)
        unreader = connection.parser.unreader
        unreader.unread(connection.arriving.written())
        unreader.sock = Paced(connection.sock) if is_large else connection.sock
        self._submit(connection)

    def _submit(self, connection: Connection) -> None:
        connection.data_ready = True
        connection.floor = None
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
        _say(connection.sock, REFUSAL.format(status).encode())
        self.nr_conns -= 1
        connection.close(graceful=True)

    def linger(self, connection: Connection) -> None:
        """Let the client read the answer to its end before the connection closes (RFC 9112, 9.6)."""
        with contextlib.suppress(OSError):
            connection.sock.setblocking(False)
            connection.sock.shutdown(socket.SHUT_WR)
            if len(self.lingering) < MOST_LINGERING and self.alive:
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
        for connection in [one for one in self.gathering if one.until <= now or not self.alive]:
            self._stop_gathering(connection)
            if connection.arriving.bytes:
                self._refuse(connection, TIMED_OUT)
            else:
                self._drop(connection)
        for connection in [one for one in self.lingering if one.until <= now]:
            self._end_lingering(connection)
        for connection in list(self.in_hand):
            self._hang_up_on_slow_reader(connection, now)

    def _hang_up_on_slow_reader(self, connection: Connection, now: float) -> None:
        waiting, read = answer_of(connection.sock)
        if not waiting:
            connection.floor = None  # We are the slow ones.
        elif connection.floor is None:
            connection.floor = Floor(read, now)
        elif connection.floor.is_broken(read, now):
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)  # Its thread meets a closed pipe.


def _say(sock: socket.socket, words: bytes) -> None:
    with contextlib.suppress(OSError):
        sock.send(words)


def _address_of(client: Any) -> str:
    """Return whose connection it is: an address, IPv6 by its /64; empty for this machine and for sockets."""
    try:
        address = ip_address(client[0])
    except (ValueError, TypeError, IndexError):
        return ""
    if address.is_loopback:
        return ""
    return str(address if address.version == 4 else ip_network((address, 64), strict=False))
