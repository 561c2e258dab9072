"""Clicks become rows and count in their sums, in one transaction: whoever writes clicks does it here.

When a verdict is changed, triggers move the click from one sum to the other.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from sqlalchemy import Connection, text

from contentflow.core import clock
from contentflow.core.db import listed

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
}
_SUM_COLUMNS: Final = {"link_id": "varchar", "day": "date", "verdict": "varchar", "clicks": "bigint"}


def write_clicks(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows of ``clicks``, whose ids are new, and add them to the sums of whoever they are credited to.

    ``at`` is microseconds since 1970; what is left out is NULL.
    """
    if not rows:
        return
    dialect = connection.dialect.name
    names = ", ".join(_COLUMNS)
    if dialect == "sqlite":  # It reads JSON more slowly than it takes row after row.
        values = ", ".join("?" * len(_COLUMNS))
        given = [tuple(map({**row, "at": _written(row["at"])}.get, _COLUMNS)) for row in rows]
        connection.exec_driver_sql(f"INSERT INTO clicks ({names}) VALUES ({values})", given)
    else:
        statement = f"INSERT INTO clicks ({names}) SELECT {names} FROM {listed(dialect, _COLUMNS)}"
        written = [{**row, "at": f"{_written(row['at'])}+00:00"} for row in rows]
        connection.execute(text(statement), {"rows": json.dumps(written)})
    sums = Counter(
        (row["link_id"], _french_day(row["at"] // _HOUR_US), str(row["verdict"]))
        for row in rows
        if row["partner_id"] is not None
    )
    if not sums:
        return
    # In one order over all who count at once, or two would wait for each other in a circle.
    counted = [
        {"link_id": link_id, "day": day.isoformat(), "verdict": verdict, "clicks": number}
        for (link_id, day, verdict), number in sorted(sums.items())
    ]
    for added in _added_to(listed(dialect, _SUM_COLUMNS)):
        connection.execute(text(added), {"rows": json.dumps(counted)})


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


def _added_to(source: str) -> Iterable[str]:
    yield f"""
INSERT INTO click_partner_days (partner_id, verdict, day, channel, clicks)
  SELECT links.partner_id, listed.verdict, listed.day, links.channel, sum(listed.clicks)
  FROM {source} JOIN links ON links.id = listed.link_id
  GROUP BY links.partner_id, listed.verdict, listed.day, links.channel
  ORDER BY 1, 2, 3, 4
  ON CONFLICT (partner_id, verdict, day, channel)
  DO UPDATE SET clicks = click_partner_days.clicks + excluded.clicks"""
    yield f"""
INSERT INTO click_link_days (link_id, day, verdict, clicks)
  SELECT link_id, day, verdict, clicks FROM {source} WHERE true
  ON CONFLICT (link_id, day, verdict)
  DO UPDATE SET clicks = click_link_days.clicks + excluded.clicks"""
    yield f"""
INSERT INTO click_link_totals (link_id, verdict, clicks)
  SELECT link_id, verdict, sum(clicks) FROM {source} GROUP BY link_id, verdict ORDER BY 1, 2
  ON CONFLICT (link_id, verdict)
  DO UPDATE SET clicks = click_link_totals.clicks + excluded.clicks"""
