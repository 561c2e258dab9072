"""One moment at which a whole exchange with a stranger ends, whatever the stranger does.

A socket's own timeout begins anew with every byte, so who drips is never late: not with headers, a chunk's
size or trailer, a reply of a mail server, a TLS handshake. Here a thread beside the exchanges cuts
their connections at the moment. Time is counted by a clock that nobody sets.
"""

from __future__ import annotations

import os
import socket
import threading
from contextlib import suppress
from math import inf
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
        self._end = self.moment = monotonic() + seconds
        self._watched: list[socket.socket] = []
        self._lock = threading.Lock()
        self.has_cut = False

    def __enter__(self) -> Self:
        _watcher.add(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _watcher.remove(self)
        with self._lock:
            for twin in self._watched:
                twin.close()

    def left(self) -> float:
        """Seconds until the moment, 0 once it has passed."""
        return max(0.0, self.moment - monotonic())

    def within(self, seconds: float) -> None:
        """From now on the next step has ``seconds``, and never more than the whole."""
        self.moment = min(self._end, monotonic() + seconds)
        _watcher.look_by(self.moment)

    def watch(self, connection: socket.socket) -> None:
        """Cut this connection too; under TLS or not, its wrapping may change later."""
        twin = socket.socket(fileno=os.dup(connection.fileno()))
        with self._lock:
            self._watched.append(twin)
            if self.has_cut:
                self._shut_down()

    def cut(self) -> None:
        with self._lock:
            self.has_cut = True
            self._shut_down()

    def _shut_down(self) -> None:
        for twin in self._watched:
            with suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)


class _Watcher:
    """One thread beside all exchanges of this process; an exchange that is quick costs it nothing."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open: set[Deadline] = set()
        self._looks_at = inf
        self._thread: threading.Thread | None = None

    def add(self, deadline: Deadline) -> None:
        with self._changed:
            self._open.add(deadline)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="deadlines", daemon=True)
                self._thread.start()
        self.look_by(deadline.moment)

    def remove(self, deadline: Deadline) -> None:
        with self._changed:
            self._open.discard(deadline)

    def look_by(self, moment: float) -> None:
        with self._changed:
            if moment < self._looks_at:
                self._looks_at = moment
                self._changed.notify()

    def _run(self) -> None:
        with self._changed:
            while True:
                now = monotonic()
                for deadline in [one for one in self._open if one.moment <= now]:
                    self._open.discard(deadline)
                    deadline.cut()
                self._looks_at = min((one.moment for one in self._open), default=inf)
                self._changed.wait(None if self._looks_at == inf else max(0.0, self._looks_at - now))


_watcher = _Watcher()


def _watch_anew() -> None:
    """A fork takes no thread along, and perhaps a lock that nobody will open."""
    global _watcher
    _watcher = _Watcher()


os.register_at_fork(after_in_child=_watch_anew)


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
