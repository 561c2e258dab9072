"""What a partner earned with an advertiser in a year is a row of its own, which triggers keep in step.

A French year begins at 23:00 UTC: in winter France is one hour ahead.
"""

import sqlalchemy as sa
from alembic import op

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None

KEY = ("partner_id", "advertiser", "year")
WATCHED = "cents, taken_cents, matures_at, at, partner_id, advertiser"
SQLITE_YEAR = "CAST(strftime('%Y', {0}at, '+1 hour') AS INTEGER)"
POSTGRESQL_YEAR = "CAST(extract(year FROM {0}at AT TIME ZONE 'Europe/Paris') AS integer)"
COUNTS = "{0}matures_at < '9999-01-01'"
ADD = (
    "INSERT INTO earned_years (partner_id, advertiser, year, cents) "
    "VALUES (NEW.partner_id, NEW.advertiser, {year}, NEW.cents - NEW.taken_cents) "
    "ON CONFLICT (partner_id, advertiser, year) DO UPDATE SET cents = earned_years.cents + excluded.cents"
)
OF_OLD = "partner_id = OLD.partner_id AND advertiser = OLD.advertiser AND year = {year}"
TAKE = f"UPDATE earned_years SET cents = cents - (OLD.cents - OLD.taken_cents) WHERE {OF_OLD}"
CLEAR = f"DELETE FROM earned_years WHERE {OF_OLD} AND cents = 0"
FILL = (
    "INSERT INTO earned_years (partner_id, advertiser, year, cents) "
    "SELECT partner_id, advertiser, {year}, sum(cents - taken_cents) FROM credits WHERE {counts} "
    "GROUP BY partner_id, advertiser, {year}"
)


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "earned_years",
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("advertiser", sa.String(120), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("cents", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_earned_years_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint(*KEY, name=op.f("pk_earned_years")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_earned_years_year_cents"), "earned_years", ["year", "cents"])
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)
    year = SQLITE_YEAR if is_sqlite else POSTGRESQL_YEAR
    op.execute(FILL.format(year=year.format(""), counts=COUNTS.format("")))


def _sqlite() -> list[str]:
    new, old = SQLITE_YEAR.format("NEW."), SQLITE_YEAR.format("OLD.")
    counts, counted = COUNTS.format("NEW."), COUNTS.format("OLD.")
    add, take, clear = ADD.format(year=new), TAKE.format(year=old), CLEAR.format(year=old)
    return [
        f"CREATE TRIGGER credits_year_insert AFTER INSERT ON credits WHEN {counts} BEGIN {add}; END",
        f"CREATE TRIGGER credits_year_take AFTER UPDATE OF {WATCHED} ON credits WHEN {counted} "
        f"BEGIN {take}; END",
        f"CREATE TRIGGER credits_year_add AFTER UPDATE OF {WATCHED} ON credits WHEN {counts} "
        f"BEGIN {add}; END",
        f"CREATE TRIGGER credits_year_delete AFTER DELETE ON credits WHEN {counted} "
        f"BEGIN {take}; {clear}; END",
    ]


def _postgresql() -> list[str]:
    new, old = POSTGRESQL_YEAR.format("NEW."), POSTGRESQL_YEAR.format("OLD.")
    counts, counted = COUNTS.format("NEW."), COUNTS.format("OLD.")
    add, take, clear = ADD.format(year=new), TAKE.format(year=old), CLEAR.format(year=old)
    return [
        f"""CREATE FUNCTION credits_year() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
IF TG_OP <> 'INSERT' THEN
  IF {counted} THEN {take}; END IF;
END IF;
IF TG_OP <> 'DELETE' THEN
  IF {counts} THEN {add}; END IF;
ELSIF {counted} THEN
  {clear};
END IF;
RETURN NULL; END $$""",
        "CREATE TRIGGER credits_year_change AFTER INSERT OR DELETE ON credits "
        "FOR EACH ROW EXECUTE FUNCTION credits_year()",
        f"CREATE TRIGGER credits_year_update AFTER UPDATE OF {WATCHED} ON credits "
        "FOR EACH ROW EXECUTE FUNCTION credits_year()",
    ]


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name in ("insert", "take", "add", "delete"):
            op.execute(f"DROP TRIGGER credits_year_{name}")
    else:
        op.execute("DROP TRIGGER credits_year_change ON credits")
        op.execute("DROP TRIGGER credits_year_update ON credits")
        op.execute("DROP FUNCTION credits_year()")
    op.drop_index(op.f("ix_earned_years_year_cents"), "earned_years")
    op.drop_table("earned_years")
