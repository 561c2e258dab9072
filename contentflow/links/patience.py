"""A visitor never waits long for a database that is busy: two seconds, then the spool takes the click."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contentflow.core.db import BUSY_SECONDS, CLICKS, db

PATIENCE_MS = 2_000
# Asking what a link is, and whether the server is there at all, come on top.
POSTGRES_PATIENCE_MS = 1_200
# What a database says that is away, locked, full or broken.
REFUSALS = (DBAPIError, PoolTimeout)


@contextmanager
def brief_transaction(*, writes: bool) -> Iterator[Connection]:
    """Commit at the end, on a connection of its own beside the session's.

    Raises one of ``REFUSALS`` when the database does not take it in time.
    """
    with db.engines[CLICKS].connect() as connection:
        connection.execution_options(immediate=writes, patience_ms=POSTGRES_PATIENCE_MS)
        if connection.dialect.name == "sqlite":
            with _short_sqlite_wait(connection), connection.begin():
                yield connection
        else:
            with connection.begin():
                yield connection


def empty_write_ahead_log() -> None:
    """SQLite: move all of it into the database file and cut it to nothing, where no reader holds it."""
    with db.engines[CLICKS].connect() as connection, _short_sqlite_wait(connection) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def _short_sqlite_wait(connection: Connection) -> Iterator[Any]:
    # Past SQLAlchemy, which would begin a transaction for it.
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA busy_timeout={PATIENCE_MS}")
    try:
        yield raw
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
