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
from contentflow.links.judging import HOUR_US, MINUTE_US, LinkedClick, Times
from contentflow.links.sums import microseconds, moment, write_clicks
from contentflow.links.verdicts import Verdict

# FROM items of a JSON list of texts, which costs a fraction of a list of objects: names, and keys, of
# which each is a link's id, a blank and a hash.
_NAMED: Final = {
    "sqlite": "(SELECT value AS name FROM json_each(:rows)) AS listed",
    "postgresql": "json_array_elements_text(CAST(:rows AS json)) AS listed(name)",
}
_KEYS: Final = {
    "sqlite": "(SELECT substr(value, 1, instr(value, ' ') - 1) AS link_id, "
    "substr(value, instr(value, ' ') + 1) AS hash FROM json_each(:rows)) AS listed",
    "postgresql": "(SELECT split_part(value, ' ', 1) AS link_id, split_part(value, ' ', 2) AS hash "
    "FROM json_array_elements_text(CAST(:rows AS json)) AS one(value)) AS listed",
}
# For each key a look into the index. PostgreSQL, which has counted nothing yet of a new programme's clicks,
# would compare each of them with each key.
_FOR_EACH: Final = {
    "sqlite": "CROSS JOIN clicks WHERE {}",
    "postgresql": "CROSS JOIN LATERAL (SELECT * FROM clicks WHERE {} OFFSET 0) AS clicks",
}
# The newest clicks of each address that has any: two databases, one meaning, a look into the index each.
_NEWEST: Final = {
    "sqlite": "SELECT link_id, hash, (SELECT json_group_array(at) FROM ({newest})) AS times "
    "FROM {keys} WHERE EXISTS ({newest})",
    "postgresql": "SELECT link_id, hash, times FROM {keys} CROSS JOIN LATERAL "
    "(SELECT array_agg(at) AS times FROM ({newest}) AS newest) AS found WHERE times IS NOT NULL",
}


class ClickedLink(NamedTuple):
    id: str
    partner_id: str
    channel: str


def write_batch(connection: Connection, clicks: Sequence[JournaledClick]) -> set[str]:
    """Judge and write the clicks that are not there yet; return the ids of those whose link is gone."""
    lock_clicks(connection)
    codes = sorted({click.id[:CODE_LENGTH] for click in clicks})
    links = {
        row.code: ClickedLink(row.id, row.partner_id, row.channel)
        for row in _named(connection, "SELECT code, id, partner_id, channel FROM links", "code", codes)
    }
    ids = [click.id for click in clicks]
    known = {row.id for row in _named(connection, "SELECT id FROM clicks", "id", ids)}
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
    """Return the newest clicks of these addresses on these links, from a minute before the first."""
    dialect = connection.dialect.name
    newest = """SELECT clicks.at FROM clicks
  WHERE clicks.link_id = listed.link_id AND clicks.ip_hash = listed.hash
    AND clicks.at > :since AND clicks.at <= :until
  ORDER BY clicks.at DESC LIMIT :max_clicks"""
    statement = _NEWEST[dialect].format(newest=newest, keys=_KEYS[dialect])
    keys = {f"{key[0]} {key[1]}" for pair in clicks for key in judging.address_keys(*pair)}
    since, until = clicks[0][1].at_us - MINUTE_US, clicks[-1][1].at_us
    times: Times = {}
    for link_id, known, found in _look_up(connection, statement, keys, since, until, max_clicks=max_clicks):
        newest = json.loads(found) if isinstance(found, str) else found
        times[link_id, known, True] = sorted(map(_microseconds, newest))
    return times


def _of_visitors(connection: Connection, clicks: list[LinkedClick]) -> Times:
    """Return the valid clicks of these visitors on these links, within an hour of any."""
    dialect = connection.dialect.name
    of_visitor = _FOR_EACH[dialect].format(
        "clicks.visitor_hash = listed.hash AND clicks.link_id = listed.link_id "
        "AND clicks.verdict = 'valid' AND clicks.at > :since AND clicks.at < :until"
    )
    statement = f"""
SELECT listed.link_id, listed.hash, clicks.at, clicks.partner_id IS NOT NULL AS is_attributed
FROM {_KEYS[dialect]} {of_visitor}
ORDER BY clicks.at"""
    if not clicks:
        return {}
    keys = {f"{key[0]} {key[1]}" for pair in clicks for key in judging.visitor_keys(*pair)}
    since, until = clicks[0][1].at_us - HOUR_US, clicks[-1][1].at_us + HOUR_US
    times: Times = {}
    for row in _look_up(connection, statement, keys, since, until):
        key = (row.link_id, row.hash, bool(row.is_attributed))
        times.setdefault(key, []).append(_microseconds(row.at))
    return times


def _look_up(
    connection: Connection,
    statement: str,
    keys: Iterable[str],
    since_us: int,
    until_us: int,
    **values: int,
) -> Sequence[Any]:
    dialect = connection.dialect.name
    return connection.execute(
        text(statement),
        {
            "rows": json.dumps(list(keys)),
            "since": written_time(dialect, moment(since_us)),
            "until": written_time(dialect, moment(until_us)),
            **values,
        },
    ).all()


def _microseconds(at: datetime | str) -> int:
    """SQLite gives text, which is UTC."""
    return microseconds(datetime.fromisoformat(at).replace(tzinfo=UTC) if isinstance(at, str) else at)
