"""A visitor never waits long for a database that is busy: two seconds at most, then it goes without."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from contentflow.core.db import CLICKS, db, sqlite_wait

PATIENCE_SECONDS = 2.0
# Asking what a link is, and whether the server is there at all, come on top.
POSTGRES_PATIENCE_MS = 1_200
# What a database says that is away, locked, full or broken.
REFUSALS = (DBAPIError, PoolTimeout)


@contextmanager
def short_transaction(*, writes: bool) -> Iterator[Connection]:
    """Commit at the end, on a connection of its own beside the session's.

    Raises one of ``REFUSALS`` when the database does not take it in time.
    """
    with db.engines[CLICKS].connect() as connection:
        connection.execution_options(immediate=writes, timeout_ms=POSTGRES_PATIENCE_MS)
        if writes and connection.dialect.name == "sqlite":  # Its readers wait for nobody.
            with sqlite_wait(connection, PATIENCE_SECONDS), connection.begin():
                yield connection
        else:
            with connection.begin():
                yield connection


def check_database() -> str | None:
    """Readiness: None when the database would take a click now; raises one of ``REFUSALS`` if not."""
    with short_transaction(writes=True) as connection:
        connection.execute(text("SELECT id FROM clicks LIMIT 1"))
    return None
