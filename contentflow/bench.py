"""A programme with very many clicks, to see that pages stay fast. For an empty database of its own.

Rows are made by the database itself: indexes and triggers are taken away, and made again after.
"""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup
from sqlalchemy import select, text

from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.conversions import networks
from contentflow.conversions import services as conversions
from contentflow.conversions.payload import read_payload
from contentflow.core import clock, terminal
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.links.models import Click, Link
from contentflow.links.services import add_clicks
from contentflow.offers import services as offers
from contentflow.partners import services as partners
from contentflow.terminal_language import says

group = AppGroup("bench", help=says("Remplit une base vide, pour mesurer."))
EMAIL = "bench@example.org"
POSTS = 5
DAYS = 395
SALES = 30

# A hit in a hundred: roughly what messengers and people do.
_VERDICT = """CASE WHEN i % 100 < 49 THEN 'valid' WHEN i % 100 < 79 THEN 'preview_bot'
  WHEN i % 100 < 87 THEN 'duplicate' WHEN i % 100 < 94 THEN 'bot' WHEN i % 100 < 98 THEN 'prefetch'
  WHEN i % 100 < 99 THEN 'self' ELSE 'fraud' END"""
_COLUMNS = (
    "INSERT INTO clicks "
    "(id, link_id, partner_id, at, agent_class, verdict, visitor_hash, ip_hash, block_hash, "
    "visitor_lookup, ip_lookup) "
)
# People's clicks alone are hashed; each hash begins with its day, each number with its six hours or minute,
# and falls anywhere among those of it.
_HASHED = "verdict IN ('valid', 'duplicate', 'fraud')"
_SQLITE_HASH = (
    f"iif({_HASHED}, printf('%05x', julianday(at) - 1721424.5) || lower(hex(randomblob(16))), NULL)"
)
_SQLITE_LOOKUP = f"iif({_HASHED}, (strftime('%%s', at) / %i << %i) | (random() & ((1 << %i) - 1)), NULL)"
_SQLITE = f"""{_COLUMNS}
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count),
  judged AS (SELECT i, {_VERDICT} AS verdict,
    strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ((i * 7919) % :seconds) || ' seconds') AS at FROM n)
SELECT 'BENCH' || printf('%017d', i), bench_links.id, bench_links.partner_id, at, 'mobile', verdict,
  {_SQLITE_HASH}, {_SQLITE_HASH}, {_SQLITE_HASH}, {_SQLITE_LOOKUP % (21600, 32, 32)},
  {_SQLITE_LOOKUP % (60, 36, 36)}
FROM judged JOIN bench_links ON bench_links.k = (i * 31 + i / 1000) % :links"""
_POSTGRESQL_HASH = (
    f"CASE WHEN {_HASHED} THEN lpad(to_hex(at::date - date '0001-01-01' + 1), 5, '0') || md5('%s' || i) END"
)
_POSTGRESQL_LOOKUP = (
    f"CASE WHEN {_HASHED} THEN (extract(epoch FROM at)::bigint / %i << %i) "
    "| (random() * ((1::bigint << %i) - 1))::bigint END"
)
_POSTGRESQL = f"""{_COLUMNS}
SELECT 'BENCH' || lpad(i::text, 17, '0'), bench_links.id, bench_links.partner_id, at, 'mobile', verdict,
  {", ".join(_POSTGRESQL_HASH % name for name in ("visitor", "ip", "block"))},
  {_POSTGRESQL_LOOKUP % (21600, 32, 32)}, {_POSTGRESQL_LOOKUP % (60, 36, 36)}
FROM (SELECT i, {_VERDICT} AS verdict, now() - ((i * 7919) % :seconds) * interval '1 second' AS at
  FROM generate_series(1, CAST(:count AS bigint)) AS n(i)) AS judged
JOIN bench_links ON bench_links.k = (i * 31 + i / 1000) % :links"""


class DatabaseNotEmpty(Refused):
    message = "The database has clicks already: measure in one of its own."


@terminal.command(group, "fill", says("Remplit une base vide des clics de 13 mois d’un partenaire."))
@click.option("--clicks", default=10_000_000, show_default=True)
def fill_command(clicks: int) -> dict[str, int]:
    if db.session.scalar(select(Click.id).limit(1)) is not None:
        raise DatabaseNotEmpty
    prepare()
    fill(clicks)
    return {"clicks": clicks}


def prepare() -> str:
    """Make the almost empty programme: a partner with five posts and thirty sales; return its id."""
    with transaction():
        partner_id = partners.add_partner(EMAIL, "Bench").id
        offers.add_offer("Nova IA", "https://nova.example.com/?c={click_id}", "Nova", 4000)
        networks.add_network("bench", "cli")
        for number in range(POSTS):
            byop.submit_post(partner_id, Draft(title=f"Post {number}", nonce=f"bench-{number}"))
        # Add a click a day for a month, and a sale of each, as a network would report it.
        network = networks.get_network("bench")
        own = list(db.session.scalars(select(Link).where(Link.partner_id == partner_id).order_by(Link.code)))
        for number in range(SALES):
            at = clock.now() - timedelta(days=number, minutes=5)
            link, click_id = own[number % len(own)], new_id()
            kinds = {"verdict": "valid", "agent_class": "mobile"}
            add_clicks([Click(id=click_id, link_id=link.id, partner_id=partner_id, clicked_at=at, **kinds)])
            db.session.flush()
            fields = {"transaction": f"B{number}", "type": "sale", "click_id": click_id, "amount_cents": 900}
            payload = read_payload({**fields, "currency": "EUR", "at": clock.iso(at)}, clock.now())
            conversions.record(network, payload)
    return partner_id


def fill(clicks: int) -> None:
    """Add very many clicks, and sum them up anew."""
    with transaction():
        db.session.execute(
            text("CREATE TABLE bench_links (k integer PRIMARY KEY, id varchar(22), partner_id varchar(22))")
        )
        links = list(db.session.execute(select(Link.id, Link.partner_id)))
        for k, (link_id, partner_id) in enumerate(links):
            values = {"k": k, "id": link_id, "partner_id": partner_id}
            db.session.execute(text("INSERT INTO bench_links VALUES (:k, :id, :partner_id)"), values)
        with_again = _take_away()
        db.session.execute(
            text(_SQLITE if is_sqlite() else _POSTGRESQL),
            {"count": clicks, "seconds": DAYS * 86_400, "links": len(links)},
        )
        _sum_up()
        for statement in with_again:
            db.session.connection().exec_driver_sql(statement)
        db.session.execute(text("DROP TABLE bench_links"))
    with db.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")


def fill_links(number: int) -> None:
    """Add links to the first post, besides its own: codes ``0000000``, ``0000001`` …, up to ten million."""
    first = "(SELECT * FROM links ORDER BY id LIMIT 1) AS link"
    values = "link.partner_id, link.submission_id, link.asset_id, link.offer_id, 'direct'"
    columns = (
        "id, code, partner_id, submission_id, asset_id, offer_id, channel, variant, destination, created_at"
    )
    numbers, padded = ("generate_series(0, :last) AS n(i)", "lpad(i::text, {}, '0')")
    if is_sqlite():
        counted = "WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < :last)"
        numbers = f"({counted} SELECT i FROM c)"
        padded = "printf('%0{}d', i)"
    with transaction():
        db.session.execute(
            text(
                f"INSERT INTO links ({columns}) SELECT {padded.format(22)}, {padded.format(7)}, {values}, "
                f"CAST(i AS varchar(16)), link.destination, link.created_at FROM {numbers}, {first}"
            ),
            {"last": number - 1},
        )


def _take_away() -> list[str]:
    """Drop what would be kept in step row by row; return the statements that make it again."""
    connection = db.session.connection()
    if not is_sqlite():
        indexes = connection.execute(
            text(
                "SELECT indexname, indexdef FROM pg_indexes "
                "WHERE tablename = 'clicks' AND indexname NOT LIKE 'pk%'"
            )
        ).all()
        connection.exec_driver_sql("ALTER TABLE clicks DISABLE TRIGGER USER")
        for name, _ in indexes:
            connection.exec_driver_sql(f'DROP INDEX "{name}"')
        return [*(definition for _, definition in indexes), "ALTER TABLE clicks ENABLE TRIGGER USER"]
    connection.exec_driver_sql("PRAGMA cache_size = -400000")
    kept = connection.execute(
        text(
            "SELECT type, name, sql FROM sqlite_master "
            "WHERE tbl_name = 'clicks' AND sql IS NOT NULL AND type <> 'table'"
        )
    ).all()
    for kind, name, _ in kept:
        connection.exec_driver_sql(f'DROP {kind} "{name}"')
    return [sql for _, _, sql in kept]


def _sum_up() -> None:
    for table in ("click_link_days", "click_link_totals", "click_partner_days"):
        db.session.execute(text(f"DELETE FROM {table}"))
    day = "date(clicks.at)" if is_sqlite() else "(clicks.at AT TIME ZONE 'UTC')::date"
    for statement in (
        f"INSERT INTO click_link_days SELECT link_id, {day}, verdict, count(*) FROM clicks "
        f"GROUP BY link_id, {day}, verdict",
        "INSERT INTO click_link_totals SELECT link_id, verdict, sum(clicks) "
        "FROM click_link_days GROUP BY link_id, verdict",
        "INSERT INTO click_partner_days SELECT partner_id, verdict, day, channel, sum(clicks) "
        "FROM click_link_days JOIN links ON links.id = link_id GROUP BY partner_id, verdict, day, channel",
    ):
        db.session.execute(text(statement))
