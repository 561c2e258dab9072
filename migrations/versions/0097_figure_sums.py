"""Sums of days and months for the console's numbers, and triggers that note the hours in which rows change.

All that is there is noted as changed: the worker sums it up from the newest code's own count.
"""

import sqlalchemy as sa
from alembic import op

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None

CLICKS = ("prefetch", "preview_bot", "bot", "self", "fraud", "duplicate", "valid")
AMOUNTS = (
    *("presses", "conversions", "earned_cents", "paid_cents", "mails"),
    *(f"clicks_{verdict}" for verdict in CLICKS),
)
# Of each table: its time, when a row of it counts, and the columns that the figures read.
WATCHED = {
    "contact_share_logs": ("created_at", "true", "partner_id, submission_id, channel, variant, created_at"),
    "click_link_days": ("day", "true", "link_id, day, verdict, clicks"),
    "conversions": (
        "recorded_at",
        "{0}.type <> 'refund'",
        "type, recorded_at, partner_id, submission_id, channel, link_id",
    ),
    "credits": (
        "day",
        "true",
        "cents, taken_cents, day, offer_id, partner_id, channel, conversion_id",
    ),
    "deliveries": (
        "created_at",
        "{0}.kind = 'share' AND {0}.state IN ('sent', 'captured')",
        "kind, state, created_at, partner_id, submission_id, variant",
    ),
}
IS_PAID = "EXISTS (SELECT 1 FROM ledger_entries WHERE posting_id = NEW.id AND account = 'paid')"
FILL = """INSERT INTO figure_changes (hour)
SELECT {created} FROM contact_share_logs UNION SELECT {day} FROM click_link_days
UNION SELECT {recorded} FROM conversions UNION SELECT {day} FROM credits
UNION SELECT {created} FROM deliveries WHERE kind = 'share'
UNION SELECT {at} FROM ledger_postings JOIN ledger_entries ON posting_id = ledger_postings.id
WHERE account = 'paid'"""


def upgrade() -> None:
    op.create_table(
        "figure_sums",
        sa.Column("cut", sa.String(8), nullable=False),
        sa.Column("span", sa.String(5), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("key", sa.String(22), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in AMOUNTS),
        sa.PrimaryKeyConstraint("cut", "span", "day", "key", name=op.f("pk_figure_sums")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "figure_changes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("hour", sa.String(13), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_figure_changes")),
    )
    op.create_index(op.f("ix_figure_changes_hour"), "figure_changes", ["hour"])
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)
    op.execute(fill(is_sqlite))


def fill(is_sqlite: bool) -> str:
    hour = _sqlite_hour if is_sqlite else _postgresql_hour
    names = {"created": "created_at", "recorded": "recorded_at", "at": "at", "day": "day"}
    return FILL.format(**{name: hour(column) for name, column in names.items()})


def _sqlite_hour(column: str) -> str:
    """A day is noted by an hour that is of the same day in France."""
    return f"{column} || ' 12'" if column.endswith("day") else f"substr({column}, 1, 13)"


def _postgresql_hour(column: str) -> str:
    if column.endswith("day"):
        return f"{column} || ' 12'"
    return f"to_char({column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24')"


def _sqlite_note(row: str, column: str) -> str:
    """One writer at a time: a note that is there is not being worked off, so one is enough."""
    hour = _sqlite_hour(f"{row}.{column}")
    return (
        f"INSERT INTO figure_changes (hour) SELECT {hour} "
        f"WHERE NOT EXISTS (SELECT 1 FROM figure_changes WHERE hour = {hour})"
    )


def _sqlite() -> list[str]:
    made = []
    for table, (column, counts, watched) in WATCHED.items():
        new, old = counts.format("NEW"), counts.format("OLD")
        notes = {row: _sqlite_note(row, column) for row in ("NEW", "OLD")}
        made += [
            f"CREATE TRIGGER {table}_figures_insert AFTER INSERT ON {table} WHEN {new} "
            f"BEGIN {notes['NEW']}; END",
            f"CREATE TRIGGER {table}_figures_update AFTER UPDATE OF {watched} ON {table} "
            f"WHEN ({new}) OR ({old}) BEGIN {notes['OLD']}; {notes['NEW']}; END",
            f"CREATE TRIGGER {table}_figures_delete AFTER DELETE ON {table} WHEN {old} "
            f"BEGIN {notes['OLD']}; END",
        ]
    of_sale = "SELECT DISTINCT day || ' 12' FROM credits WHERE conversion_id = NEW.id"
    return [
        *made,
        "CREATE TRIGGER conversions_figures_link AFTER UPDATE OF link_id ON conversions "
        f"BEGIN INSERT INTO figure_changes (hour) {of_sale}; END",
        f"CREATE TRIGGER ledger_postings_figures_insert AFTER INSERT ON ledger_postings WHEN {IS_PAID} "
        f"BEGIN {_sqlite_note('NEW', 'at')}; END",
        "CREATE TRIGGER ledger_postings_figures_delete AFTER DELETE ON ledger_postings "
        f"BEGIN {_sqlite_note('OLD', 'at')}; END",
    ]


def _postgresql() -> list[str]:
    made = []
    for table, (column, counts, watched) in WATCHED.items():
        if table == "click_link_days":
            continue
        new, old = counts.format("NEW"), counts.format("OLD")
        made += [
            _function(f"{table}_figures", _noting(column)),
            f"CREATE TRIGGER {table}_figures_insert AFTER INSERT ON {table} "
            f"FOR EACH ROW WHEN ({new}) EXECUTE FUNCTION {table}_figures()",
            f"CREATE TRIGGER {table}_figures_update AFTER UPDATE OF {watched} ON {table} "
            f"FOR EACH ROW WHEN (({new}) OR ({old})) EXECUTE FUNCTION {table}_figures()",
            f"CREATE TRIGGER {table}_figures_delete AFTER DELETE ON {table} "
            f"FOR EACH ROW WHEN ({old}) EXECUTE FUNCTION {table}_figures()",
        ]
    of_sale = "SELECT DISTINCT day || ' 12' FROM credits WHERE conversion_id = NEW.id"
    paid = f"IF TG_OP = 'INSERT' THEN IF NOT {IS_PAID} THEN RETURN NULL; END IF; END IF; {_noting('at')}"
    made += [
        _function("conversions_figures_link", f"INSERT INTO figure_changes (hour) {of_sale};"),
        "CREATE TRIGGER conversions_figures_link AFTER UPDATE OF link_id ON conversions "
        "FOR EACH ROW EXECUTE FUNCTION conversions_figures_link()",
        _function("ledger_postings_figures", paid),
        "CREATE TRIGGER ledger_postings_figures_change AFTER INSERT OR DELETE ON ledger_postings "
        "FOR EACH ROW EXECUTE FUNCTION ledger_postings_figures()",
        # Thousands of rows come by one statement here: one note a day of it.
        _function(
            "click_link_days_figures",
            "INSERT INTO figure_changes (hour) SELECT DISTINCT day || ' 12' FROM touched;",
        ),
    ]
    return made + [
        f"CREATE TRIGGER click_link_days_figures_{event.lower()} AFTER {event} ON click_link_days "
        f"REFERENCING {version} TABLE AS touched FOR EACH STATEMENT "
        "EXECUTE FUNCTION click_link_days_figures()"
        # A row of these keeps its day.
        for event, version in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ]


def _noting(column: str) -> str:
    new, old = _postgresql_hour(f"NEW.{column}"), _postgresql_hour(f"OLD.{column}")
    note = "INSERT INTO figure_changes (hour) VALUES ({0});"
    return (
        f"IF TG_OP <> 'INSERT' THEN {note.format(old)} END IF; "
        f"IF TG_OP = 'INSERT' THEN {note.format(new)} "
        f"ELSIF TG_OP = 'UPDATE' THEN IF NEW.{column} <> OLD.{column} THEN {note.format(new)} END IF; END IF;"
    )


def _function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    names = [(f"{table}_figures_{act}", table) for table in WATCHED for act in ("insert", "update", "delete")]
    names.append(("conversions_figures_link", "conversions"))
    acts = ("insert", "delete") if is_sqlite else ("change",)
    names += [(f"ledger_postings_figures_{act}", "ledger_postings") for act in acts]
    for name, table in names:
        op.execute(f"DROP TRIGGER {name}" + ("" if is_sqlite else f" ON {table}"))
    if not is_sqlite:
        for name in (
            *(f"{table}_figures" for table in (*WATCHED, "ledger_postings")),
            "conversions_figures_link",
        ):
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_table("figure_changes")
    op.drop_table("figure_sums")
