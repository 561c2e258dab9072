"""Record what the product asks the database, fill the database, and look at how each question is answered.

``recorded`` keeps every distinct statement with its last parameters; ``fill`` multiplies what is there;
``complaints`` names the statements that read a growing table from end to end, or look at too many rows.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, Column, Connection, Engine, Index, Table, event, func, select, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.schema import UniqueConstraint

from contentflow.core import clock
from contentflow.core.db import Base, db, is_sqlite
from contentflow.core.ids import new_id

# What an operator adds by hand, one row each machine, key, provider, part or queue, and the mailbox of a
# machine without a mail service, erasures under way, the newest changes of links, bank accounts that were
# asked for: a scan of it costs nothing.
SMALL = {"offers", "offer_pictures", "networks", "currency_rates", "heartbeats", "kept_keys", "visitor_keys",
         "mail_pauses", "platform_pauses", "captured_mails", "erasures", "link_changes",
         "alembic_version", "legal_texts", "payout_runs", "bank_requests", "quarantines",
         "doctor_findings"}  # fmt: skip
# What a made-up row must say to be one.
WHOLE: dict[str, dict[str, Any]] = {
    "billing_profiles": {"kind": "company", "legal_name": "Nova", "siret": "73282932000074", "street": "1 r",
                         "postcode": "75006", "city": "Paris", "vat": "franchise", "vat_number": None},
    "payouts": {"net_cents": 1, "vat_cents": 0, "total_cents": 1, "covers_from": 0, "covers_to": 1},
    "invoices": {"cancels_id": None},
}  # fmt: skip
DONE = {"credits": "available", "deliveries": "sent", "assets": "ready", "assignments": "published",
        "connect_requests": "connected"}  # fmt: skip
OWNERS = 300  # partners; of everything else there are more
ROWS, ROWS_OF_SQLITE = 12_000, 6_000
# What a statement may look at beyond what it finds: rows on PostgreSQL, steps of its machine on SQLite, of
# which a row takes about twenty; and as much again for each row that it finds, changes or deletes.
MAX_ROWS, ROWS_A_FOUND = 2_000, 10
MAX_STEPS, STEPS_A_FOUND = 20_000, 120

Recorded = dict[str, Any]
_aside: list[bool] = []


@contextmanager
def recorded() -> Iterator[Recorded]:
    found: Recorded = {}

    def keep(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if _aside:
            return
        kind = statement.lstrip().split(None, 1)[0].upper()
        if statement.startswith("INSERT INTO clicks "):
            return  # The fold's rows are in the statement itself; asked again they are there already.
        if kind in ("SELECT", "UPDATE", "DELETE", "WITH") or (kind == "INSERT" and "SELECT" in statement):
            found[statement] = parameters[0] if many else parameters

    event.listen(Engine, "before_cursor_execute", keep)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", keep)


@contextmanager
def aside() -> Iterator[None]:
    """What the walk itself asks or prepares is none of the product's statements."""
    _aside.append(True)
    try:
        yield
    finally:
        _aside.pop()


def fill() -> None:
    """Copy the rows of each growing table some thousand times, for many partners, and tell the planner."""
    chance = random.Random(10)
    with db.engine.connect() as connection:
        _without_rules(connection)
        known: dict[str, list[Any]] = {}
        for table in Base.metadata.sorted_tables:
            rows = [dict(row) for row in connection.execute(select(table)).mappings()]
            if table.name not in SMALL:
                rows = rows or [_first_row(table, known, chance)]
                count = OWNERS if table.name == "partners" else _rows()
                made = [
                    _copy(table, rows[number % len(rows)], number, known, chance) for number in range(count)
                ]
                connection.execute(_insert(table), made)
                rows += made
            if len(table.primary_key.columns) == 1:
                (key,) = table.primary_key.columns
                known[table.name] = [row[key.name] for row in rows]
        # Most of what there is, is done.
        for name, done in DONE.items():
            connection.exec_driver_sql(f"UPDATE {name} SET state = '{done}' WHERE id < 'z'")
        connection.commit()
        if not is_sqlite():  # The product never lets SQLite gather statistics: it plans without any.
            _count_on(connection)
            # What earlier tests deleted would still be met in the indexes, and be counted as looked at.
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")


def _count_on(connection: Connection) -> None:
    """Let PostgreSQL's sequences go on after the copies."""
    for table in Base.metadata.sorted_tables:
        (key, *_) = table.primary_key.columns
        if table.autoincrement_column is not None:
            last = f"(SELECT coalesce(max({key.name}), 1) FROM {table.name})"
            connection.exec_driver_sql(
                f"SELECT setval(pg_get_serial_sequence('{table.name}', '{key.name}'), {last})"
            )
    connection.commit()


def _rows() -> int:
    return ROWS_OF_SQLITE if is_sqlite() else ROWS


def _insert(table: Table) -> Any:
    make = sqlite.insert if is_sqlite() else postgresql.insert
    return make(table).on_conflict_do_nothing()


def _without_rules(connection: Connection) -> None:
    """Copies need not add up: triggers and foreign keys are set aside."""
    if not is_sqlite():
        try:
            connection.exec_driver_sql("SET session_replication_role = replica")
        except ProgrammingError:
            pytest.skip("the role may not set session_replication_role (.ci/run shows the grant)")
        return
    raw: Any = connection.connection.driver_connection
    raw.rollback()
    raw.execute("PRAGMA foreign_keys=OFF")
    raw.execute("PRAGMA synchronous=OFF")
    names = [row[0] for row in raw.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")]
    for name in names:
        raw.execute(f'DROP TRIGGER "{name}"')


def _first_row(table: Table, known: dict[str, list[Any]], chance: Any) -> dict[str, Any]:
    """Return a row for a table that the walk left empty: the indexes of an empty one all look alike.

    What may be NULL is, but for references and times: nothing is leased, waits or is to be revoked.
    """
    checks = " ".join(str(rule.sqltext) for rule in table.constraints if isinstance(rule, CheckConstraint))
    values: dict[type, Any] = {
        datetime: clock.now(),
        date: clock.now().date(),
        bytes: b"x",
        bool: False,
        int: 1,
    }
    values |= {kind: {} for kind in (dict, list, object)}  # JSON
    row: dict[str, Any] = {}
    for column in table.columns:
        kind = getattr(column.type, "impl_instance", column.type).python_type
        word = re.search(rf"\b{column.name} IN \('(\w+)'", checks)
        if column.foreign_keys:
            (parent, *_) = (key.column.table.name for key in column.foreign_keys)
            row[column.name] = chance.choice(known.get(parent) or [new_id()])
        elif column.nullable and kind is not datetime:
            row[column.name] = None
        elif word:
            row[column.name] = word[1]
        elif kind is str:
            row[column.name] = new_id()[: getattr(column.type, "length", None)]
        else:
            row[column.name] = values[kind]
    return row | WHOLE.get(table.name, {})


def _copy(table: Table, row: dict[str, Any], number: int, known: dict[str, list[Any]], chance: Any) -> Any:
    """Return a row like ``row``: other keys, another owner; times are spread over the year before."""
    looked_up = _looked_up(table)
    days = timedelta(days=chance.randrange(360), seconds=chance.randrange(86_400))
    copied = dict(row)
    for column in table.columns:
        value = row[column.name]
        parents = [key.column.table for key in column.foreign_keys]
        if value is None:
            continue
        if parents:
            copied[column.name] = chance.choice(known.get(parents[0].name) or [new_id()])
        elif isinstance(value, (date, datetime)):
            copied[column.name] = value - days
        elif column in looked_up:
            copied[column.name] = _other(column, value, number)
    return copied


def _looked_up(table: Table) -> set[Column[Any]]:
    """Return the columns of every key and index."""
    found = set(table.primary_key.columns) | {column for column in table.columns if column.unique}
    for group in (*table.constraints, *table.indexes):
        if isinstance(group, (UniqueConstraint, Index)):
            found |= set(group.columns)
    return found


def _other(column: Column[Any], value: Any, number: int) -> Any:
    """Return another value of the same kind; a word of a closed list stays."""
    if isinstance(value, str) and value and not re.fullmatch(r"[a-z_]{1,16}", value):
        return f"{new_id()}{value}"[: getattr(column.type, "length", None) or 255]
    if isinstance(value, bytes):
        return new_id().encode()
    return value + number + 1 if type(value) is int and column.primary_key else value


def complaints(statements: Recorded) -> list[str]:
    """Return the statements that scan, or that look at many rows, each with why."""
    look = _look_sqlite if is_sqlite() else _look_postgresql
    found = []
    for statement, parameters in statements.items():
        with db.engine.connect() as connection:
            for reason in look(connection, statement, parameters):
                found.append(f"{reason}\n    {' '.join(statement.split())}")
            connection.rollback()
    return sorted(found)


def _look_sqlite(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    raw: Any = connection.connection.driver_connection
    raw.execute("PRAGMA synchronous=OFF")
    for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all():
        scanned = re.match(r"SCAN (\w+?)(?:_\d+)?(?: |$)", str(row[3]))
        index = re.search(r" INDEX (\w+)", str(row[3]))
        if scanned and _grows(scanned[1]) and not (index and _is_partial(index[1])):
            yield str(row[3])
    steps = [0]

    def count() -> int:
        steps[0] += 100
        return 0

    raw.set_progress_handler(count, 100)
    try:
        result = connection.exec_driver_sql(statement, parameters)
        found = len(result.all()) if result.returns_rows else result.rowcount
    finally:
        raw.set_progress_handler(None, 0)
    if steps[0] > MAX_STEPS + STEPS_A_FOUND * max(found, 0):
        yield f"{steps[0]} steps"


def _look_postgresql(connection: Connection, statement: str, parameters: Any) -> Iterator[str]:
    connection.execute(text("SET LOCAL enable_seqscan = off"))
    # It would walk some of an index beside a few rows in its order, one time in five: by what ids they have.
    connection.execute(text("SET LOCAL enable_mergejoin = off"))
    import psycopg

    raw: Any = connection.connection.driver_connection
    cursor = psycopg.ClientCursor(raw)
    cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
    found = cursor.fetchone()[0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    looked_at = 0
    for node in _nodes(plan):
        name, loops = node.get("Relation Name", ""), node["Actual Loops"]
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        looked_at += (node["Actual Rows"] + removed) * loops
        is_scan = node["Node Type"] == "Seq Scan" or (
            node["Node Type"] in ("Index Scan", "Index Only Scan")
            and "Index Cond" not in node
            and not _is_partial(node["Index Name"])
        )
        if is_scan and _grows(name):
            yield f"{node['Node Type']} {name}"
    top = plan["Plans"][0] if plan["Node Type"] == "ModifyTable" else plan
    if looked_at > MAX_ROWS + ROWS_A_FOUND * top["Actual Rows"]:
        yield f"{looked_at} rows"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _grows(name: str) -> bool:
    return name in Base.metadata.tables and name not in SMALL


@cache
def _is_partial(name: str) -> bool:
    """An index of some rows alone, of what is open, may be read whole: how many rows that is is counted."""
    indexes = (index for table in Base.metadata.tables.values() for index in table.indexes)
    return any(
        index.name == name and index.dialect_options["postgresql"]["where"] is not None for index in indexes
    )


def count_of(table: str) -> int:
    return int(db.session.scalar(select(func.count()).select_from(Base.metadata.tables[table])) or 0)
