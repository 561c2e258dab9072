"""The least speed at which a client sends or reads, where a thread waits for it."""

from __future__ import annotations

import contextlib
import fcntl
import socket
import struct
import termios
import time

# A video arrives, and an answer leaves, at this speed at least once the first seconds are over.
MIN_BYTES_A_SECOND = 2 * 1024
GRACE_SECONDS = 20.0
_BYTES_ACKED_AT = 120  # In Linux's struct tcp_info.


class MinRate:
    """Tells whether something came on at least at MIN_BYTES_A_SECOND over each GRACE_SECONDS."""

    def __init__(self, done: int, now: float) -> None:
        self._done, self._since = done, now

    def is_broken(self, done: int, now: float) -> bool:
        if now - self._since < GRACE_SECONDS:
            return False
        was, since = self._done, self._since
        self._done, self._since = done, now
        return done - was < MIN_BYTES_A_SECOND * (now - since)


class MinRateSocket:
    """The socket of a large body: to who reads, a client that is too slow looks like one that left."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._done = 0
        self._rate = MinRate(0, time.monotonic())

    def recv(self, size: int) -> bytes:
        asked = self._sock.gettimeout()
        self._sock.settimeout(GRACE_SECONDS if asked is None else min(asked, GRACE_SECONDS))
        try:
            data = self._sock.recv(size)
        except TimeoutError:
            if asked is not None:
                raise
            data = b""
        finally:
            self._sock.settimeout(asked)
        self._done += len(data)
        if not data or self._rate.is_broken(self._done, time.monotonic()):
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RD)
            return b""
        return data

    def gettimeout(self) -> float | None:
        return self._sock.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        self._sock.settimeout(seconds)


def unread_answer(sock: socket.socket) -> tuple[int, int]:
    """Return how many bytes of the answer wait for the client, and how many it took; (0, 0) if unknown."""
    try:
        waiting = struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0" * 4))[0]
        if not waiting:
            return 0, 0
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_ACKED_AT + 8)
        return waiting, struct.unpack_from("Q", info, _BYTES_ACKED_AT)[0]
    except (OSError, ValueError, AttributeError, struct.error):
        return 0, 0
