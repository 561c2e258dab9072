"""Where a queue's messages lie: Redis, PostgreSQL, or a small SQLite file that may break and is replaced.

A message says which row to look at, a second before the sweep would find it: a queue's file holds nothing
that matters. A broken one is set aside for a person to look at, and the work goes on.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from contentflow.config import Settings
from contentflow.core.ids import new_id

if TYPE_CHECKING:
    from huey import Huey

log = logging.getLogger(__name__)

# Work that may not delay each other goes through queues of its own.
Queue = Literal["mail", "fetch", "video", "publish"]
# A slow mail service or site holds one of four; of two renders at once each would only take twice as long.
THREADS: Final[Mapping[Queue, int]] = {"mail": 4, "fetch": 4, "video": 1, "publish": 2}

# The names that the files have in every installation.
SET_ASIDE = "broken-bells-*.db"
MAX_SET_ASIDE = 10  # A disk that breaks them one after the other is not filled by it.
# SQLITE_ERROR (a table of another shape), SQLITE_CORRUPT, SQLITE_NOTADB: https://sqlite.org/rescode.html
BROKEN = {1, 11, 26}
SHAPE = (
    "SELECT id, queue, data, priority FROM task LIMIT 1",
    "SELECT id, queue, data, timestamp FROM schedule LIMIT 1",
)


def open_queue(queue: Queue, chosen: Settings) -> Huey:
    # At the first use: Huey brings the drivers of Redis and PostgreSQL along, whichever is asked for.
    from huey import PostgresHuey, RedisHuey, SqliteHuey

    url, name = chosen.huey_url, f"contentflow-{queue}"
    if url.startswith("redis"):
        from redis import ConnectionPool  # An extra: not every machine has it.

        # A lost Redis must not hold up the request that enqueues.
        return RedisHuey(
            name,
            results=False,
            connection_pool=ConnectionPool.from_url(url, socket_timeout=2, socket_connect_timeout=1),
        )
    if url:
        # Asked a few times a second, not listened to, and nothing prepared: PgBouncer in transaction mode
        # gives every statement another connection.
        options = {"blocking": False, "prepare_threshold": None, "connect_timeout": 5}
        return PostgresHuey(name, results=False, dsn=url, **options)
    path = queue_file(queue, chosen)
    set_aside_if_broken(path)
    return SqliteHuey(name, results=False, filename=str(path))


def queue_file(queue: Queue, chosen: Settings) -> Path:
    return chosen.data_dir / f"bells-{queue}.db"


def set_aside_if_broken(path: Path) -> bool:
    """Move a queue's file away that SQLite cannot use, with its log; return whether it was so."""
    with _locked(path.with_name("bells.lock")):
        if not is_broken(path):
            return False
        kept = list(path.parent.glob(SET_ASIDE))
        name = f"broken-{path.stem}-{new_id()[:8]}.db"
        for suffix in ("-wal", "-shm", ""):
            with suppress(FileNotFoundError):
                part = Path(f"{path}{suffix}")
                if suffix or len(kept) >= MAX_SET_ASIDE:
                    part.unlink()
                else:
                    part.rename(path.with_name(name))
    log.error("%s is broken and was set aside as %s; nothing is lost by it", path.name, name)
    return True


def is_broken(path: Path) -> bool:
    """Whether SQLite cannot use this file, however long it waits; one that is not there is none."""
    if not path.is_file():
        return path.exists()
    try:
        with closing(sqlite3.connect(path, timeout=2)) as connection:
            tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
            sound = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            for probe in SHAPE if tables else ():
                connection.execute(probe)
    except sqlite3.DatabaseError as error:
        return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in BROKEN
    return bool(sound != "ok")


def count_set_aside(chosen: Settings) -> int:
    return len(list(chosen.data_dir.glob(SET_ASIDE)))


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # Of two processes that find it broken, the second looks at the new one.
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)
