"""Which tables a backup holds, how many rows, and what a restored database is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import Executable

from contentflow.core.db import Base
from contentflow.core.errors import Refused
from contentflow.core.registry import registry

DIALECTS: Mapping[str, Any] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]


class Unequal(Refused):
    """A restored table has not the rows that the manifest counts: nothing of it is kept."""

    def __init__(self, expected: dict[str, int], found: dict[str, int]) -> None:
        super().__init__()
        names = [name for name in expected if expected[name] != found.get(name)]
        self.message = _l(
            "Ces tables n’ont pas le nombre de lignes du manifeste : %(tables)s. Rien n’a été restauré.",
            tables=", ".join(names),
        )


class Copied(NamedTuple):
    """A database at one moment: its ``rows`` by table, and its bytes, read once."""

    rows: dict[str, int]
    parts: Iterator[bytes]


class Saved(NamedTuple):
    """``ours`` are the tables of the product, ``never`` those whose rows no backup holds."""

    ours: frozenset[str]
    never: tuple[str, ...]


def saved() -> Saved:
    return Saved(frozenset(Base.metadata.tables), tuple(registry().never_saved))


def counted(count: Callable[[str], int], there: Iterable[str]) -> dict[str, int]:
    """Count the rows of each table of ours that is there; ``count`` answers one statement."""
    names = sorted(saved().ours.intersection(there).difference(saved().never))
    return {name: count(f'SELECT count(*) FROM "{name}"') for name in names}


def compiled(dialect: str, statements: Iterable[Executable]) -> list[str]:
    """Return statements as texts with their values, for a database that has no session."""
    options = {"literal_binds": True}
    return [str(one.compile(dialect=DIALECTS[dialect], compile_kwargs=options)) for one in statements]  # type: ignore[attr-defined]
