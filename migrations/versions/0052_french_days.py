"""The sums of clicks are by French days, as every page, statement and contract is.

Sums of before stay where they were: what was paid by a UTC day is not paid anew by another.
"""

from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

# SQLite knows no time zones. Paris is two hours ahead from the last Sunday of March to that of October,
# 01:00 UTC each (directive 2000/84/EC), else one.
SUMMER = (
    "{row}.at >= date(strftime('%Y', {row}.at) || '-03-25', 'weekday 0') || ' 01:00:00' "
    "AND {row}.at < date(strftime('%Y', {row}.at) || '-10-25', 'weekday 0') || ' 01:00:00'"
)
SQLITE = "date({row}.at, CASE WHEN " + SUMMER + " THEN '+2 hours' ELSE '+1 hours' END)"
POSTGRESQL = "({row}.at AT TIME ZONE 'Europe/Paris')::date"
SQLITE_UTC, POSTGRESQL_UTC = "date({row}.at)", "({row}.at AT TIME ZONE 'UTC')::date"


def _count(row: str, step: str, day: str) -> str:
    """Add ``step`` to the three sums of a click; ``row`` is NEW or OLD."""
    day = day.format(row=row)
    return f"""
INSERT INTO click_partner_days (partner_id, verdict, day, channel, clicks)
  SELECT {row}.partner_id, {row}.verdict, {day}, links.channel, {step}
  FROM links WHERE links.id = {row}.link_id
  ON CONFLICT (partner_id, verdict, day, channel) DO UPDATE SET clicks = click_partner_days.clicks + {step};
INSERT INTO click_link_days (link_id, day, verdict, clicks)
  VALUES ({row}.link_id, {day}, {row}.verdict, {step})
  ON CONFLICT (link_id, day, verdict) DO UPDATE SET clicks = click_link_days.clicks + {step};
INSERT INTO click_link_totals (link_id, verdict, clicks)
  VALUES ({row}.link_id, {row}.verdict, {step})
  ON CONFLICT (link_id, verdict) DO UPDATE SET clicks = click_link_totals.clicks + {step};
"""


def _sqlite(day: str) -> list[str]:
    add, take = _count("NEW", "1", day), _count("OLD", "-1", day)
    return [
        "DROP TRIGGER clicks_count",
        "DROP TRIGGER clicks_recount",
        f"CREATE TRIGGER clicks_count AFTER INSERT ON clicks WHEN NEW.partner_id IS NOT NULL BEGIN {add} END",
        "CREATE TRIGGER clicks_recount AFTER UPDATE OF verdict ON clicks "
        f"WHEN NEW.partner_id IS NOT NULL AND NEW.verdict <> OLD.verdict BEGIN {take} {add} END",
    ]


def _postgresql(day: str) -> list[str]:
    add, take = _count("NEW", "1", day), _count("OLD", "-1", day)
    return [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"
        for name, body in (
            ("clicks_count", f"{add} RETURN NULL;"),
            ("clicks_recount", f"{take} {add} RETURN NULL;"),
        )
    ]


def _replace(sqlite_day: str, postgresql_day: str) -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite(sqlite_day) if is_sqlite else _postgresql(postgresql_day):
        op.execute(statement)


def upgrade() -> None:
    _replace(SQLITE, POSTGRESQL)


def downgrade() -> None:
    _replace(SQLITE_UTC, POSTGRESQL_UTC)
