"""A copy of a SQLite database by its online backup, and the way back: https://sqlite.org/backup.html"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.sql.base import Executable

from contentflow.backup.tables import Copied, Unequal, compiled, counted, saved
from contentflow.config import settings
from contentflow.core import durable

READ_BYTES = 1 << 20
DRAFT = ".restoring"


def path() -> Path:
    return Path(make_url(settings().database_url).database or "")


@contextmanager
def copied(workplace: Path) -> Iterator[Copied]:
    """Copy the database into ``workplace``, in one step: writers are not held up, and none begins it anew.

    The rows that no backup may hold are taken out of the copy, and their bytes too.
    """
    draft = workplace / "database.db"
    with closing(sqlite3.connect(draft)) as copy:
        with closing(sqlite3.connect(f"{path().as_uri()}?mode=ro", uri=True)) as source:
            source.backup(copy)
        copy.execute("PRAGMA journal_mode=DELETE")
        copy.execute("PRAGMA secure_delete=ON")
        for table in saved().never:
            copy.execute(f'DELETE FROM "{table}"')
        copy.commit()
        rows = counted(lambda statement: int(copy.execute(statement).fetchone()[0]), _tables(copy))
    yield Copied(rows, _parts(draft))


def _parts(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while part := source.read(READ_BYTES):
            yield part


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


def tables() -> set[str]:
    """Return the tables that are there; a database that was never opened is not made by asking."""
    if not path().exists():
        return set()
    with closing(sqlite3.connect(f"{path().as_uri()}?mode=ro", uri=True)) as connection:
        return _tables(connection)


def load(parts: Iterable[bytes], rows: dict[str, int], afterwards: Iterable[Executable]) -> None:
    """Put the database in place by one rename, after its rows are counted and ``afterwards`` is done."""
    draft = path().with_name(path().name + DRAFT)
    draft.unlink(missing_ok=True)
    draft.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with durable.writing(draft) as target:
        for part in parts:
            target.write(part)
    with closing(sqlite3.connect(draft)) as copy:
        found = counted(lambda statement: int(copy.execute(statement).fetchone()[0]), rows)
        if found != rows:
            raise Unequal(rows, found)
        for statement in compiled("sqlite", afterwards):
            copy.execute(statement)
        copy.commit()
    durable.sync(draft)
    for suffix in ("-wal", "-shm"):
        Path(f"{path()}{suffix}").unlink(missing_ok=True)
    draft.replace(path())
    durable.sync(path().parent)
