"""Many clicks at once: which of them are new, what the clicks before make of them, and then the rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, Row, text

from contentflow.config import settings
from contentflow.core.db import written_time
from contentflow.core.writes import lock
from contentflow.links import judging
from contentflow.links.click_ids import CODE_LENGTH
from contentflow.links.journal_lines import JournaledClick
from contentflow.links.judging import LinkedClick, Times
from contentflow.links.lookups import MINUTE_NUMBERS, ip_lookups, visitor_lookups
from contentflow.links.sums import microseconds, moment, write_clicks
from contentflow.links.verdicts import Verdict

# FROM items of a JSON list, of names or of numbers.
_NAMED: Final = {
    "sqlite": "(SELECT value AS name FROM json_each(:rows)) AS listed",
    "postgresql": "json_array_elements_text(CAST(:rows AS json)) AS listed(name)",
}
_NUMBERED: Final = {
    "sqlite": "(SELECT value AS number FROM json_each(:rows)) AS listed",
    "postgresql": "(SELECT CAST(value AS bigint) AS number "
    "FROM json_array_elements_text(CAST(:rows AS json)) AS one(value)) AS listed",
}
# For each number a look into the index. PostgreSQL, which has counted nothing yet of a new programme's
# clicks, would compare each of them with each number; SQLite knows no LATERAL.
_FOR_EACH: Final = {
    "sqlite": "CROSS JOIN clicks WHERE clicks.rowid IN (SELECT clicks.rowid FROM clicks WHERE {})",
    "postgresql": "CROSS JOIN LATERAL (SELECT * FROM clicks WHERE {} OFFSET 0) AS clicks",
}


class ClickedLink(NamedTuple):
    id: str
    partner_id: str
    channel: str


def write_batch(connection: Connection, clicks: Sequence[JournaledClick], *, may_be_there: bool) -> set[str]:
    """Judge and write the clicks that are not there yet; return the ids of those whose link is gone.

    Without ``may_be_there`` none is looked for: one that is there raises ``IntegrityError``.
    """
    lock_clicks(connection)
    codes = sorted({click.id[:CODE_LENGTH] for click in clicks})
    links = {
        row.code: ClickedLink(row.id, row.partner_id, row.channel)
        for row in _named(connection, "SELECT code, id, partner_id, channel FROM links", "code", codes)
    }
    ids = [click.id for click in clicks] if may_be_there else []
    known = {row.id for row in _named(connection, "SELECT id FROM clicks", "id", ids)} if ids else set()
    linked = {
        click.id: (link, click)
        for click in clicks
        if click.id not in known and (link := links.get(click.id[:CODE_LENGTH])) is not None
    }
    in_order = sorted(linked.values(), key=lambda pair: (pair[1].at_us, pair[1].id))
    verdicts = _judge(
        connection, [(link.id, click) for link, click in in_order if click.verdict == Verdict.VALID]
    )
    rows = [
        {
            "id": click.id,
            "link_id": link.id,
            "partner_id": link.partner_id if click.is_attributed else None,
            "channel": link.channel,
            "at": click.at_us,
            "verdict": verdicts.get(click.id, click.verdict),
            "visitor_hash": click.visitor_hash or None,
            "ip_hash": click.ip_hash or None,
            "block_hash": click.block_hash or None,
            "agent_class": click.agent_class,
        }
        for link, click in in_order
    ]
    write_clicks(connection, rows)
    return {click.id for click in clicks if click.id[:CODE_LENGTH] not in links}


def _named(connection: Connection, rows: str, column: str, names: list[str]) -> Iterable[Row[Any]]:
    found = text(f"{rows} JOIN {_NAMED[connection.dialect.name]} ON {column} = listed.name")
    return connection.execute(found, {"rows": json.dumps(names)})


def lock_clicks(connection: Connection) -> None:
    """Let nobody else write or reclassify clicks in this transaction: who folds must see each other's."""
    lock("clicks", on=connection)


def _judge(connection: Connection, clicks: list[LinkedClick]) -> dict[str, str]:
    """Return the verdicts of those of people's clicks that do not stay valid, by id."""
    if not clicks:
        return {}
    max_clicks = settings().click_burst_per_minute
    fraud = judging.bursts(clicks, _of_addresses(connection, clicks, max_clicks), max_clicks)
    people = [pair for pair in clicks if pair[1].id not in fraud]
    duplicates = judging.repeats(people, _of_visitors(connection, people))
    return dict.fromkeys(fraud, str(Verdict.FRAUD)) | dict.fromkeys(duplicates, str(Verdict.DUPLICATE))


def _of_addresses(connection: Connection, clicks: list[LinkedClick], max_clicks: int) -> Times:
    """Return the newest clicks of these addresses on these links, of the minute before each and its own."""
    numbers = {
        number
        for link_id, click in clicks
        for _, ip_hash, _ in judging.address_keys(link_id, click)
        for number in ip_lookups(link_id, ip_hash, click.at_us)
    }
    newest = (
        "clicks.ip_lookup BETWEEN listed.number AND listed.number + :seconds AND clicks.at <= :until "
        "ORDER BY clicks.ip_lookup DESC, clicks.at DESC LIMIT :max_clicks"
    )
    until = written_time(connection.dialect.name, moment(clicks[-1][1].at_us))
    bounds = {"until": until, "seconds": MINUTE_NUMBERS - 1, "max_clicks": max_clicks}
    times: Times = {}
    for row in _look_up(connection, "ip_hash", newest, numbers, **bounds):
        times.setdefault((row.link_id, row.ip_hash, True), []).append(_microseconds(row.at))
    return _in_order(times)


def _of_visitors(connection: Connection, clicks: list[LinkedClick]) -> Times:
    """Return the valid clicks of these visitors on these links, of an hour around each and more."""
    numbers = {
        number
        for link_id, click in clicks
        for _, visitor_hash, _ in judging.visitor_keys(link_id, click)
        for number in visitor_lookups(link_id, visitor_hash, click.at_us)
    }
    valid = "clicks.visitor_lookup = listed.number AND clicks.verdict = 'valid'"
    times: Times = {}
    for row in _look_up(connection, "visitor_hash", valid, numbers):
        key = (row.link_id, row.visitor_hash, row.partner_id is not None)
        times.setdefault(key, []).append(_microseconds(row.at))
    return _in_order(times)


def _look_up(
    connection: Connection, hash_name: str, condition: str, numbers: Iterable[int], **values: object
) -> Sequence[Row[Any]]:
    dialect = connection.dialect.name
    statement = (
        f"SELECT clicks.link_id, clicks.{hash_name}, clicks.partner_id, clicks.at "
        f"FROM {_NUMBERED[dialect]} {_FOR_EACH[dialect].format(condition)}"
    )
    return connection.execute(text(statement), {"rows": json.dumps(list(numbers)), **values}).all()


def _in_order(times: Times) -> Times:
    for of in times.values():
        of.sort()
    return times


def _microseconds(at: datetime | str) -> int:
    """SQLite gives text, which is UTC."""
    return microseconds(datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at)
