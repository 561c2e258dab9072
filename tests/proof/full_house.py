"""A programme of many partners, filled by the database from one row of each kind that the product made.

Triggers and foreign keys rest meanwhile: copies need not add up. What triggers keep, sums of clicks, of years
and the notes of days, is made as the migrations make it from rows that were there before.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import text

from contentflow import bench
from contentflow.core.db import Base, db, is_sqlite

MIGRATIONS = Path("migrations/versions")
DAYS = 395
A_DAY = 86_400


@dataclass(frozen=True)
class House:
    """How many of each there are, beside the few rows that are copied."""

    partners: int
    posts: int
    conversions: int
    shares: int
    deliveries: int
    clicks: int


def fill(house: House, template: Mapping[str, str]) -> None:
    """``template`` maps tables to the id of the row that is copied."""
    with at_rest() as run:
        _people(run, house, template)
        _money(run, house, template)
        _traces(run, house, template)
    bench.fill(house.clicks)
    with at_rest() as run:
        years, figures = _revision("0095"), _revision("0097")
        run("DELETE FROM earned_years")
        year = years.SQLITE_YEAR if is_sqlite() else years.POSTGRESQL_YEAR
        run(years.FILL.format(year=year.format(""), counts=years.COUNTS.format("")))
        run(figures.fill(is_sqlite()))
    with db.engine.connect() as connection:
        if not is_sqlite():  # The product never lets SQLite gather statistics: it plans without any.
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
        else:
            connection.exec_driver_sql("DROP TABLE IF EXISTS sqlite_stat1")


@contextmanager
def at_rest() -> Iterator[Any]:
    """Give what runs a statement, in one transaction without triggers and foreign keys."""
    with db.engine.connect() as connection:
        again = []
        if is_sqlite():
            raw: Any = connection.connection.driver_connection
            raw.rollback()
            raw.execute("PRAGMA foreign_keys=OFF")
            raw.execute("PRAGMA cache_size=-400000")
            kept = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
            for name, sql in raw.execute(kept).fetchall():
                again.append(sql)
                connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        else:
            connection.exec_driver_sql("SET session_replication_role = replica")
        yield lambda statement, **values: connection.execute(text(statement), values)
        for sql in again:
            connection.exec_driver_sql(sql)
        connection.commit()
        if is_sqlite():
            raw.execute("PRAGMA foreign_keys=ON")
            raw.execute("PRAGMA cache_size=-2000")
        else:
            connection.exec_driver_sql("SET session_replication_role = origin")
            connection.commit()


def _revision(number: str) -> Any:
    (path,) = MIGRATIONS.glob(f"{number}_*.py")
    spec = importlib.util.spec_from_file_location(f"revision_{number}", path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _series(number: int) -> str:
    if is_sqlite():
        counted = f"WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < {number - 1})"
        return f"({counted} SELECT i FROM c) AS n"
    return f"(SELECT i FROM generate_series(0::bigint, {number - 1}) AS g(i)) AS n"


def _named(prefix: str, number: str, length: int = 22) -> str:
    """Return an id made of a number."""
    digits = length - len(prefix)
    if is_sqlite():
        return f"'{prefix}' || printf('%0{digits}d', {number})"
    return f"'{prefix}' || lpad(({number})::text, {digits}, '0')"


def _ago(seconds: str) -> str:
    if is_sqlite():
        return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ({seconds}) || ' seconds')"
    return f"(now() - ({seconds}) * interval '1 second')"


def _spread(by: int = 7919) -> str:
    """Return a moment of the last thirteen months, another for each ``n.i``."""
    return _ago(f"(n.i * {by}) % {DAYS * A_DAY}")


def _copies(table: str, count: int, template: str, own: Mapping[str, str], join: str = "") -> str:
    """Return what copies the row ``t`` that ``template`` names ``count`` times, its ``own`` columns apart."""
    columns = [column.name for column in Base.metadata.tables[table].columns]
    names = ", ".join(f'"{name}"' for name in columns)
    values = ", ".join(own.get(name, f't."{name}"') for name in columns)
    return (
        f"INSERT INTO {table} ({names}) SELECT {values} FROM {_series(count)} {join} "
        f"CROSS JOIN (SELECT * FROM {table} WHERE {template}) AS t"
    )


def _people(run: Any, house: House, template: Mapping[str, str]) -> None:
    partner = _named("P", f"n.i % {house.partners}")
    run(
        _copies(
            "partners", house.partners, "id = :id",
            {"id": _named("P", "n.i"), "email": f"{_named('p', 'n.i')} || '@example.org'",
             "name": f"{_named('Partner ', 'n.i', 16)}", "created_at": _spread()},
        ),
        id=template["partners"],
    )  # fmt: skip
    run(
        _copies(
            "assets", house.posts, "id = (SELECT asset_id FROM byop_submissions WHERE id = :id)",
            {"id": _named("A", "n.i"), "partner_id": partner, "created_at": _spread(), "state": "'ready'"},
        ),
        id=template["byop_submissions"],
    )  # fmt: skip
    run(
        _copies(
            "byop_submissions", house.posts, "id = :id",
            {"id": _named("S", "n.i"), "partner_id": partner, "asset_id": _named("A", "n.i"),
             "nonce": _named("n", "n.i"), "created_at": _spread(104_729),
             "status": "CASE n.i % 40 WHEN 0 THEN 'submitted' ELSE 'ready' END"},
        ),
        id=template["byop_submissions"],
    )  # fmt: skip
    # Those of one post have a number each.
    numbered = "(SELECT id, row_number() OVER (ORDER BY id) AS r FROM links WHERE submission_id = :id) AS l"
    run(
        _copies(
            "links", house.posts, "submission_id = :id",
            {"id": _named("L", "n.i * 50 + l.r"), "code": _named("", "n.i * 50 + l.r", 7),
             "partner_id": partner, "submission_id": _named("S", "n.i"), "asset_id": _named("A", "n.i"),
             "created_at": _spread()},
        )
        + f" JOIN {numbered} ON l.id = t.id",
        id=template["byop_submissions"],
    )  # fmt: skip
    run("CREATE TABLE full_links (k integer PRIMARY KEY, id varchar(22), partner_id varchar(22), "
        "submission_id varchar(22), offer_id varchar(22), channel varchar(16))")  # fmt: skip
    run("INSERT INTO full_links SELECT row_number() OVER (ORDER BY id) - 1, id, partner_id, submission_id, "
        "offer_id, channel FROM links")  # fmt: skip


def _links(run: Any) -> str:
    """Return a join to the link of ``n.i``."""
    count = run("SELECT count(*) FROM full_links").scalar()
    return f"JOIN full_links AS l ON l.k = (n.i * 31) % {count}"


def _money(run: Any, house: House, template: Mapping[str, str]) -> None:
    join, sale, of_link = _links(run), _named("C", "n.i"), {"partner_id": "l.partner_id"}
    of_link |= {"submission_id": "l.submission_id", "channel": "l.channel"}
    # One in fifty is nobody's.
    theirs = {name: f"CASE WHEN n.i % 50 = 0 THEN NULL ELSE {value} END" for name, value in of_link.items()}
    theirs |= {"channel": "CASE WHEN n.i % 50 = 0 THEN '' ELSE l.channel END"}
    run(
        _copies(
            "conversions", house.conversions, "id = :id",
            {"id": sale, "transaction": _named("T", "n.i"), "link_id": "l.id",
             "unattributed": "CASE WHEN n.i % 50 = 0 THEN 'no_click' ELSE '' END", **theirs,
             "recorded_at": _spread(), "at": _spread()},
            join,
        ),
        id=template["conversions"],
    )  # fmt: skip
    earned = "CASE WHEN n.i % 3 = 0 THEN 'pending' ELSE 'available' END"
    run(
        _copies(
            "credits", house.conversions, "id = :id",
            {"id": _named("K", "n.i"), "key": _named("K", "n.i"), "conversion_id": sale, **of_link,
             "offer_id": "l.offer_id", "state": earned, "day": f"date({_spread()})", "at": _spread(),
             "matures_at": _spread()},
            join,
        ),
        id=template["credits"],
    )  # fmt: skip
    run(
        _copies(
            "ledger_postings", house.conversions, "id = :id",
            {"id": _named("G", "n.i"), "key": _named("G", "n.i"), "partner_id": "l.partner_id",
             "conversion_id": sale, "at": _spread()},
            join,
        ),
        id=template["ledger_postings"],
    )  # fmt: skip
    run(
        _copies(
            "ledger_entries", house.conversions, "posting_id = :id",
            {"id": "n.i * 10 + t.id + 1000", "posting_id": _named("G", "n.i"),
             "partner_id": "CASE WHEN t.partner_id IS NULL THEN NULL ELSE l.partner_id END",
             "credit_id": f"CASE WHEN t.credit_id IS NULL THEN NULL ELSE {_named('K', 'n.i')} END"},
            join,
        ),
        id=template["ledger_postings"],
    )  # fmt: skip
    # A payment a month and partner: a leg out of what is on its way, and one into what is paid.
    paid, month = house.partners * 12, f"(n.i / {house.partners}) * 30 * {A_DAY}"
    partner = _named("P", f"n.i % {house.partners}")
    run(f"INSERT INTO ledger_entries (id, posting_id, account, partner_id, amount_cents) SELECT "
        f"{house.conversions} * 10 + 100000 + n.i * 2 + s.i, {_named('D', 'n.i')}, "
        f"CASE s.i WHEN 0 THEN 'paying' ELSE 'paid' END, {partner}, CASE s.i WHEN 0 THEN -5000 ELSE 5000 END "
        f"FROM {_series(paid)} CROSS JOIN (SELECT 0 AS i UNION ALL SELECT 1) AS s")  # fmt: skip
    run(f"INSERT INTO ledger_postings (id, key, kind, partner_id, note, at) SELECT {_named('D', 'n.i')}, "
        f"{_named('D', 'n.i')}, 'paid', {partner}, '', {_ago(month)} FROM {_series(paid)}")  # fmt: skip
    run(
        _copies(
            "holds", max(house.conversions // 20, 1), "id = :id",
            {"id": _named("H", "n.i"), "credit_id": _named("K", "n.i"), "partner_id": "k.partner_id",
             "opened_at": _spread(), "reason": "CASE n.i % 4 WHEN 0 THEN 'contract' ELSE t.reason END",
             "released_at": f"CASE WHEN n.i % 10 = 0 THEN NULL ELSE {_spread()} END"},
            f"JOIN credits AS k ON k.id = {_named('K', 'n.i')}",
        ),
        id=template["holds"],
    )  # fmt: skip


def _traces(run: Any, house: House, template: Mapping[str, str]) -> None:
    join = _links(run)
    of_link = {"partner_id": "l.partner_id", "submission_id": "l.submission_id"}
    run(
        _copies(
            "contact_share_logs", house.shares, "id = :id",
            {"id": _named("R", "n.i"), **of_link, "channel": "l.channel", "created_at": _spread(),
             "turn": "NULL"},
            join,
        ),
        id=template["contact_share_logs"],
    )  # fmt: skip
    run(
        _copies(
            "deliveries", house.deliveries, "id = :id",
            {"id": _named("M", "n.i"), **of_link, "recipient_hash": _named("h", "n.i", 64),
             "send_id": _named("Z", "n.i / 50"), "created_at": _spread(), "first_tried_at": _spread(),
             "recipient": f"CASE WHEN (n.i * 7919) % {DAYS * A_DAY} < {30 * A_DAY} "
                          f"THEN {_named('m', 'n.i')} || '@example.net' ELSE NULL END",
             "state": "CASE WHEN n.i % 50 = 0 THEN 'failed' WHEN n.i % 5000 = 1 THEN 'queued' "
                      "ELSE 'sent' END"},
            join,
        ),
        id=template["deliveries"],
    )  # fmt: skip
    run(
        _copies(
            "audit_entries", house.conversions, "id = :id",
            {"id": _named("U", "n.i"), "at": _spread(), "subject": _named("K", "n.i"),
             "request_id": _named("Q", "n.i")},
        ),
        id=template["audit_entries"],
    )  # fmt: skip
    run(
        _copies(
            "postback_reports", house.conversions, "id = :id",
            {"id": "n.i + 1000", "at": _spread(), "transaction": _named("T", "n.i"),
             "conversion_id": _named("C", "n.i")},
        ),
        id=template["postback_reports"],
    )  # fmt: skip
    run("DROP TABLE full_links")
