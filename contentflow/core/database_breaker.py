"""A PostgreSQL that goes silent: frozen, cut off, or stuck behind a lock. Nobody waits for it without end.

Its own timeouts are set in each transaction, where a pooler keeps them; but a frozen server keeps none, so
the driver's waiting ends too. Once it was silent, for some seconds nobody asks it but one who tries.
"""

from __future__ import annotations

import functools
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from flask import has_request_context
from sqlalchemy import Engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import Pool

if TYPE_CHECKING:
    import psycopg

# Pages; commands and the worker have steps that are longer, and may wait longer for each other.
PAGE_SECONDS, PAGE_LOCK_SECONDS = 10, 8
WORK_SECONDS, WORK_LOCK_SECONDS = 900, 60
DRIVER_SPARE_SECONDS = 2.0  # The server's own timeout, which says more, comes first.
BRIEF_SPARE_SECONDS = 0.3
PING_SECONDS = 0.7
REST_SECONDS = 3.0
CONNECT_ARGS = {
    "connect_timeout": 2,  # The least there is.
    # PgBouncer in transaction mode gives each transaction another connection: nothing may be prepared on one
    # for later (https://www.psycopg.org/psycopg3/docs/advanced/prepare.html).
    "prepare_threshold": None,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
TIMEOUTS = "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)"


class DatabaseUnresponsive(PoolTimeout):
    """It did not answer a moment ago; asking each time would hold up whoever asks."""


class DatabaseBreaker:
    """Whether the database was silent a moment ago, for all of this process."""

    def __init__(self) -> None:
        self._until = 0.0
        self._who_tries = 0
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raises ``DatabaseUnresponsive``, but for one caller each REST_SECONDS, who finds out."""
        if not self._until:
            return
        with self._lock:
            me = threading.get_ident()
            if time.monotonic() < self._until and self._who_tries != me:
                raise DatabaseUnresponsive("the database was silent a moment ago")
            self._until, self._who_tries = time.monotonic() + REST_SECONDS, me

    def open(self) -> None:
        self._who_tries = 0
        self._until = time.monotonic() + REST_SECONDS

    def close(self) -> None:
        self._until, self._who_tries = 0.0, 0


breaker = DatabaseBreaker()


@functools.cache
def _bounded_connection() -> type[psycopg.Connection[Any]]:
    import psycopg

    class Bounded(psycopg.Connection[Any]):
        """Waits for the server ``timeout_seconds``, or as long as who asks may; then it is closed."""

        timeout_seconds: float | None = None

        def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
            seconds = self.timeout_seconds if timeout is None else timeout
            if seconds is None:
                seconds = PAGE_SECONDS if has_request_context() else WORK_SECONDS
                seconds += DRIVER_SPARE_SECONDS
            try:
                return super().wait(gen, interval, seconds)
            except psycopg.errors._WaitTimeout as error:
                if timeout is not None:
                    raise
                breaker.open()
                self.pgconn.finish()
                raise psycopg.OperationalError("the database does not answer") from error

    return Bounded


@event.listens_for(Engine, "do_connect")
def _connect(dialect: Any, record: Any, arguments: Any, named: dict[str, Any]) -> Any:
    if dialect.driver != "psycopg":
        return None
    breaker.check()
    try:
        return _bounded_connection().connect(*arguments, **named)
    except sys.modules["psycopg"].errors.ConnectionTimeout:
        breaker.open()
        raise


@event.listens_for(Pool, "checkout")
def _ping(connection: Any, record: Any, proxy: Any) -> None:
    """Find out whether a kept connection still leads to a server that answers; a dead one is replaced."""
    if not hasattr(connection, "timeout_seconds"):
        return
    breaker.check()
    connection.timeout_seconds = PING_SECONDS
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except sys.modules["psycopg"].Error as error:
        breaker.check()
        raise DisconnectionError from error
    breaker.close()
    connection.timeout_seconds = None


def set_timeouts(connection: Any, timeout_ms: int | None) -> None:
    """Set the timeouts of the server, for the transaction that begins, and of the driver."""
    connection.timeout_seconds = timeout_ms / 1000 + BRIEF_SPARE_SECONDS if timeout_ms else None
    if timeout_ms:
        lock = whole = timeout_ms
    elif has_request_context():
        lock, whole = PAGE_LOCK_SECONDS * 1000, PAGE_SECONDS * 1000
    else:
        lock, whole = WORK_LOCK_SECONDS * 1000, WORK_SECONDS * 1000
    connection.execute(TIMEOUTS, (str(lock), str(whole)), prepare=False)
