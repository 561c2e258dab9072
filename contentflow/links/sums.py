"""Clicks become rows and count in their sums, in one transaction: whoever writes clicks does it here.

When a verdict is changed, triggers move the click from one sum to the other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache, partial
from typing import Any, Final

from sqlalchemy import Connection, text

from contentflow.core import clock
from contentflow.core.db import listed
from contentflow.links.lookups import ip_lookup, visitor_lookup

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAIVE_EPOCH: Final = EPOCH.replace(tzinfo=None)
_HOUR_US: Final = 3_600_000_000
_COLUMNS: Final = {
    "id": "varchar",
    "link_id": "varchar",
    "partner_id": "varchar",
    "at": "timestamptz",
    "verdict": "varchar",
    "visitor_hash": "varchar",
    "ip_hash": "varchar",
    "block_hash": "varchar",
    "agent_class": "varchar",
    "visitor_lookup": "bigint",
    "ip_lookup": "bigint",
}
# A key of each sum, in the order of its columns, and what PostgreSQL must know of them.
_LINK_DAYS: Final = {"link_id": "varchar", "day": "date", "verdict": "varchar"}
_LINK_TOTALS: Final = {"link_id": "varchar", "verdict": "varchar"}
_PARTNER_DAYS: Final = {"partner_id": "varchar", "verdict": "varchar", "day": "date", "channel": "varchar"}


def write_clicks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of ``clicks``, whose ids are new, and add them to the sums of whoever they are credited to.

    ``at`` is microseconds since 1970; ``channel`` is the link's; what else is left out is NULL.
    """
    if not rows:
        return
    dialect = connection.dialect.name
    names = ", ".join(_COLUMNS)
    if dialect == "sqlite":  # It reads JSON more slowly than it takes row after row.
        values = ", ".join("?" * len(_COLUMNS))
        given = [tuple(map(_complete(row, "").get, _COLUMNS)) for row in rows]
        connection.exec_driver_sql(f"INSERT INTO clicks ({names}) VALUES ({values})", given)
    else:
        statement = f"INSERT INTO clicks ({names}) SELECT {names} FROM {listed(dialect, _COLUMNS)}"
        written = [_complete(row, "+00:00") for row in rows]
        connection.execute(text(statement), {"rows": json.dumps(written)})
    credited = [row for row in rows if row["partner_id"] is not None]
    days = [_french_day(row["at"] // _HOUR_US).isoformat() for row in credited]
    verdicts = [str(row["verdict"]) for row in credited]
    links, partners, channels = (
        [row[name] for row in credited] for name in ("link_id", "partner_id", "channel")
    )
    add = partial(_add, connection)
    add("click_partner_days", _PARTNER_DAYS, Counter(zip(partners, verdicts, days, channels, strict=True)))
    add("click_link_days", _LINK_DAYS, Counter(zip(links, days, verdicts, strict=True)))
    add("click_link_totals", _LINK_TOTALS, Counter(zip(links, verdicts, strict=True)))


def _complete(row: Mapping[str, Any], zone: str) -> dict[str, Any]:
    """Return the row as it is written, with where its person is looked up."""
    link_id, at_us = row["link_id"], row["at"]
    complete = {**row, "at": _written(at_us) + zone}
    if visitor_hash := row.get("visitor_hash"):
        complete["visitor_lookup"] = visitor_lookup(link_id, visitor_hash, at_us)
    if ip_hash := row.get("ip_hash"):
        complete["ip_lookup"] = ip_lookup(link_id, ip_hash, at_us)
    return complete


def _add(
    connection: Connection, table: str, key: Mapping[str, str], counted: Mapping[tuple[str, ...], int]
) -> None:
    if not counted:
        return
    dialect = connection.dialect.name
    columns = {**key, "clicks": "bigint"}
    names, keys = ", ".join(columns), ", ".join(key)
    # In one order over all who count at once, or two would wait for each other in a circle.
    rows = [(*values, number) for values, number in sorted(counted.items())]
    or_added = f"ON CONFLICT ({keys}) DO UPDATE SET clicks = {table}.clicks + excluded.clicks"
    if dialect == "sqlite":
        values = ", ".join("?" * len(columns))
        connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({values}) {or_added}", rows)
        return
    source = listed(dialect, columns)
    given = json.dumps([dict(zip(columns, row, strict=True)) for row in rows])
    statement = f"INSERT INTO {table} ({names}) SELECT {names} FROM {source} {or_added}"
    connection.execute(text(statement), {"rows": given})


def _written(at_us: int) -> str:
    return (_NAIVE_EPOCH + timedelta(microseconds=at_us)).isoformat(" ", "microseconds")


def moment(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def microseconds(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    passed = at - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


@lru_cache(64)
def _french_day(hour: int) -> date:
    """France is ahead by whole hours, and changes at whole hours (directive 2000/84/EC)."""
    return clock.day_of(EPOCH + timedelta(hours=hour))
