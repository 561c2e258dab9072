"""Writes that two processes may make at once, said once for SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, cast

import sqlalchemy
from sqlalchemy import Table, inspect, text
from sqlalchemy.dialects import postgresql, sqlite

from contentflow.core.db import Base, db, is_sqlite

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, :seed))")


_LOCK_ALL = text(
    "SELECT count(pg_advisory_xact_lock(hashtextextended(name, :seed))) "
    "FROM unnest(CAST(:names AS text[])) AS name"
)


class Executes(Protocol):
    """The session, or a connection of its own."""

    def execute(self, statement: Any, parameters: Any = None, /) -> Any: ...


def lock(name: str, *, seed: int = 0, on: Executes | None = None) -> None:
    """Let one transaction at a time pass here, until it ends; SQLite has one writer anyway.

    Names of one ``seed`` are one space: the same name with another seed is another lock.
    """
    if not is_sqlite():
        (on or db.session).execute(_LOCK, {"name": name, "seed": seed})


def lock_all(names: Sequence[str], *, seed: int) -> None:
    """``lock`` many names, in the order in which they are given."""
    if not is_sqlite():
        db.session.execute(_LOCK_ALL, {"names": list(names), "seed": seed})


def insert(model: type[Base], **values: Any) -> Any:
    """Return an INSERT that can say what happens where the key is taken (``on_conflict_do_…``)."""
    dialect: Any = sqlite if is_sqlite() else postgresql
    return dialect.insert(model).values(**values)


def insert_all(model: type[Base], objects: Sequence[Base]) -> None:
    """Insert objects that are in no session, by one statement; what they leave open takes its default."""
    columns = {one.key: one.columns[0] for one in inspect(model).column_attrs}
    defaults = {key: one.default.arg for key, one in columns.items() if one.default and one.default.is_scalar}
    rows = []
    for each in objects:
        values = {key: getattr(each, key) for key in columns}
        filled = {key: defaults.get(key) if value is None else value for key, value in values.items()}
        rows.append({columns[key].key: value for key, value in filled.items()})
    if rows:  # Of the table: the mapper would make a statement of its own for every other set of nulls.
        db.session.execute(sqlalchemy.insert(cast(Table, model.__table__)), rows)


def insert_missing(model: type[Base], *, on: Executes | None = None, **values: Any) -> bool:
    """Insert a row unless its key is taken; False when it is. Never raises for the loser."""
    new = insert(model, **values).on_conflict_do_nothing().returning(*inspect(model).primary_key)
    return (on or db.session).execute(new).first() is not None


def add_to_sums(model: type[Base], key: Mapping[str, Any], **amounts: int) -> None:
    """Add to the columns of the row with that primary key, which is made where it is missing."""
    new = insert(model, **key, **amounts)
    sums = {name: getattr(model, name) + getattr(new.excluded, name) for name in amounts}
    db.session.execute(new.on_conflict_do_update(index_elements=list(key), set_=sums))
