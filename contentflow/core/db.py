"""The database: one typed base, one session, one way to commit.

SQLite runs in WAL with ``synchronous=FULL``; a ``transaction()`` begins IMMEDIATE there, since a
read that turns into a write fails at once with “database is locked”.
"""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from flask import Flask
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, String, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, registry
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.types import TypeDecorator

from contentflow.config import make_folder, settings
from contentflow.core.database_breaker import CONNECT_ARGS, set_timeouts

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
BUSY_SECONDS = 8
CLICKS = "clicks"


class UTCDateTime(TypeDecorator[datetime]):
    """An aware UTC time; a naive one is refused before it can be misread."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every table."""

    registry = registry(
        metadata=MetaData(naming_convention=NAMING),
        type_annotation_map={datetime: UTCDateTime(), str: String(255)},
    )


db = SQLAlchemy(model_class=Base)


def init_database(app: Flask) -> None:
    chosen = app.config["CONTENTFLOW"]
    make_folder(chosen.data_dir)
    app.config["SQLALCHEMY_DATABASE_URI"] = chosen.database_url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = _engine_options(chosen.database_url)
    # Clicks have connections of their own, and wait for none: other transactions may hold all of theirs.
    app.config["SQLALCHEMY_BINDS"] = {
        CLICKS: {
            **_engine_options(chosen.database_url),
            "url": chosen.database_url,
            "pool_size": 6,
            "max_overflow": 4,
            "pool_timeout": 1.0,
        }
    }
    db.init_app(app)


def dispose() -> None:
    """Close what the pools keep."""
    for engine in db.engines.values():
        engine.dispose()


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        # The last one used first: each that is used at all keeps its own 2 MB of pages, and statements.
        return {
            "hide_parameters": True,
            "pool_use_lifo": True,
            "connect_args": {"timeout": BUSY_SECONDS},
        }
    return {
        "hide_parameters": True,  # The text of an error goes to logs, an address or a token does not.
        "pool_size": 10,
        "max_overflow": 10,
        "connect_args": CONNECT_ARGS,
    }


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None  # SQLAlchemy's begin event says how a transaction begins.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "secure_delete=ON",  # What is erased leaves the file's free pages too.
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def widen_cache() -> None:
    """Let this thread's SQLite connection keep 64 MB of pages instead of 2, for work on very many rows."""
    if is_sqlite():
        db.session.connection().exec_driver_sql("PRAGMA cache_size=-65536")
        db.session.rollback()


@event.listens_for(Engine, "begin")
def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("immediate", False) else "BEGIN")
    else:
        set_timeouts(connection.connection.driver_connection, options.get("timeout_ms"))


def in_transaction() -> bool:
    """Whether a ``transaction()`` is open on this session."""
    return bool(db.session().info.get("open"))


def after_commit(act: Callable[[], object]) -> None:
    """Run ``act`` once the open transaction is committed; it is forgotten on a rollback."""
    info = db.session().info
    if not info.get("open"):
        raise RuntimeError("after_commit outside of a transaction")
    info["after_commit"].append(act)


def found_out() -> dict[str, Any]:
    """Return what the open transaction may note for itself; it is gone with it, as what it made may be."""
    notes: dict[str, Any] = db.session().info["found_out"]
    return notes


@contextmanager
def transaction(timeout_ms: int | None = None) -> Iterator[None]:
    """Commit once what the edge asked for, or nothing of it.

    Whatever was read before is read anew inside. One in another is a mistake and raises. ``timeout_ms``:
    PostgreSQL lets no statement, nor a wait for others, take longer.
    """
    session = db.session()
    if session.info.get("open"):
        raise RuntimeError("a transaction inside a transaction")
    session.rollback()
    session.info.update({"open": True, "after_commit": [], "found_out": {}})
    try:
        session.connection(execution_options={"immediate": True, "timeout_ms": timeout_ms})
        yield
        session.commit()
        acts = session.info["after_commit"]
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("open")
        session.info.pop("after_commit")
        session.info.pop("found_out")
    for act in acts:
        act()


def listed(dialect: str, columns: Mapping[str, str]) -> str:
    """Return a FROM item, named ``listed``, of the rows in ``:rows``: a JSON list of objects.

    ``columns`` maps names to PostgreSQL's types; SQLite takes values as they come. One statement for many
    rows costs a fraction of many statements.
    """
    if dialect == "sqlite":
        values = ", ".join(f"value ->> '{name}' AS {name}" for name in columns)
        return f"(SELECT {values} FROM json_each(:rows)) AS listed"
    kinds = ", ".join(f"{name} {kind}" for name, kind in columns.items())
    return f"json_to_recordset(CAST(:rows AS json)) AS listed({kinds})"


def written_time(dialect: str, moment: datetime) -> str:
    """Return an aware time as a database writes it, for what goes past ``UTCDateTime``."""
    written = moment.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return written if dialect == "sqlite" else f"{written}+00:00"


@contextmanager
def asking(question: str) -> Iterator[Callable[..., Any]]:
    """Yield what asks one SELECT again and again, its ``:names`` by keyword, and returns the first row.

    Each answer is of what is committed by then. It goes past SQLAlchemy, over one connection without a
    transaction: there a question takes one statement instead of three, and a tenth of the time. Raises
    ``OperationalError``.
    """
    dialect = db.engine.dialect
    kept: Any = None
    words = question if is_sqlite() else re.sub(r":(\w+)", r"%(\1)s", question)

    def ask(**values: Any) -> Any:
        nonlocal kept
        try:
            if kept is None:
                kept = db.engine.raw_connection()
                _let_commit(kept, at_once=True)
            return next(iter(kept.driver_connection.execute(words, values).fetchall()), None)
        except dialect.loaded_dbapi.Error as error:
            if kept is not None:
                kept.invalidate()
                kept = None
            raise OperationalError(question, None, error) from error

    try:
        yield ask
    finally:
        if kept is not None:
            _let_commit(kept, at_once=False)
            kept.close()


def _let_commit(connection: Any, at_once: bool) -> None:
    """Let each statement be its own transaction; on SQLite none begins by itself anyway."""
    if not is_sqlite():
        connection.driver_connection.autocommit = at_once


def is_sqlite() -> bool:
    return settings().database_url.startswith("sqlite")


def empty_write_ahead_log(*, tries: int = 20, wait_seconds: float = BUSY_SECONDS) -> None:
    """SQLite: move all of the log into the database file and cut it to nothing, once no reader holds it.

    What was erased stands in the log until then. Each try waits for readers that long.
    """
    if not is_sqlite():
        return
    for _ in range(tries):
        with db.engine.connect() as connection, sqlite_wait(connection, wait_seconds) as raw:
            is_busy = raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        if not is_busy:
            return
        time.sleep(0.1)


@contextmanager
def sqlite_wait(connection: Connection, seconds: float) -> Iterator[Any]:
    """Let a connection of SQLite wait that long for others, and yield it past SQLAlchemy."""
    raw = connection.connection.driver_connection
    assert raw is not None
    raw.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")
    try:
        yield raw
    finally:
        raw.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
