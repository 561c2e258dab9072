"""One moment at which a whole exchange with a stranger ends, whatever the stranger does.

A socket's own timeout begins anew with every byte, so who drips is never late: not with headers, a chunk's
size or trailer, a reply of a mail server, a TLS handshake. Here a thread beside the exchange cuts its
connections at the moment. Time is counted by a clock that nobody sets.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Any, Self

AddressInfo = tuple[Any, Any, int, str, Any]


class Deadline:
    """``with Deadline(seconds) as deadline`` is the whole; ``within`` gives its next step less.

    What was cut looks to its reader as if the other side had hung up, perhaps even as if all had come:
    ``has_cut`` tells.
    """

    def __init__(self, seconds: float) -> None:
        self._end = self._moment = monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._changed = threading.Condition()
        self._is_over = False
        self.has_cut = False

    def __enter__(self) -> Self:
        threading.Thread(target=self._watch, name="deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()
            for twin in self._watched:
                twin.close()

    def left(self) -> float:
        """Seconds until the moment, 0 once it has passed."""
        return max(0.0, self._moment - monotonic())

    def within(self, seconds: float) -> None:
        """From now on the next step has ``seconds``, and never more than the whole."""
        with self._changed:
            moment = min(self._end, monotonic() + seconds)
            is_sooner = moment < self._moment
            self._moment = moment
            if is_sooner:
                self._changed.notify()

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection too; under TLS or not, its wrapping may change later."""
        twin = socket.socket(fileno=os.dup(connection.fileno()))
        with self._changed:
            self._watched.append(twin)
            if self.has_cut:
                self._cut()

    def _watch(self) -> None:
        with self._changed:
            while not self._is_over:
                left = self._moment - monotonic()
                if left <= 0:
                    return self._cut()
                self._changed.wait(left)

    def _cut(self) -> None:
        self.has_cut = True
        for twin in self._watched:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)


def resolve(host: str, port: int, deadline: Deadline) -> list[AddressInfo]:
    """Return the addresses of a host; raises ``OSError``, ``ValueError`` for what is no name."""
    found: list[AddressInfo] = []
    failed: list[Exception] = []

    def ask() -> None:
        try:
            found.extend(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, ValueError) as error:
            failed.append(error)

    # A resolver cannot be told to stop; the system ends it some seconds later.
    asking = threading.Thread(target=ask, name="resolve", daemon=True)
    asking.start()
    asking.join(deadline.left())
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError("the name service did not answer in time")
    return found


def connect(found: list[AddressInfo], deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers, watched by ``deadline``; raises ``OSError``.

    Each address has its share of the time that is left, so one that swallows packets leaves some to the next.
    """
    failure: OSError = TimeoutError("no time is left")
    for number, (family, kind, protocol, _, address) in enumerate(found):
        left = deadline.left()
        if not left:
            break
        connection = socket.socket(family, kind, protocol)
        connection.settimeout(left / (len(found) - number))
        try:
            connection.connect(address)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(left)
            deadline.watch(connection)
            return connection
        except OSError as error:
            connection.close()
            failure = error
    raise failure
