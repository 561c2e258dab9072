"""What is older than ten years may leave the ledger, once its sums are carried forward; nothing else may.

A row of ``ledger_folds`` names a posting that goes in this very transaction. The database takes one only
for a posting that is older than ten years by its own clock, and deletes postings and legs that are named,
no other. Every change of either is refused as before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

APPEND_ONLY = "the ledger is append-only"
TOO_YOUNG = "the ledger is kept for ten years"
LEDGER = {"ledger_entries": "posting_id", "ledger_postings": "id"}
NAMED = "EXISTS (SELECT 1 FROM ledger_folds WHERE posting_id = OLD.{column})"
YOUNG = "NOT EXISTS (SELECT 1 FROM ledger_postings WHERE id = NEW.posting_id AND at < {ago})"


def _sqlite() -> list[str]:
    young = YOUNG.format(ago="strftime('%Y-%m-%d %H:%M:%f', 'now', '-10 years')")
    deletions = [
        f"CREATE TRIGGER {table}_no_DELETE BEFORE DELETE ON {table} WHEN NOT {NAMED.format(column=column)} "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
        for table, column in LEDGER.items()
    ]
    return [
        *(f"DROP TRIGGER {table}_no_DELETE" for table in LEDGER),
        *deletions,
        f"CREATE TRIGGER ledger_folds_old BEFORE INSERT ON ledger_folds WHEN {young} "
        f"BEGIN SELECT RAISE(ABORT, '{TOO_YOUNG}'); END",
        "CREATE TRIGGER ledger_folds_no_update BEFORE UPDATE ON ledger_folds "
        f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END",
    ]


def _function(name: str, condition: str, reason: str, row: str) -> str:
    return (
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF {condition} "
        f"THEN RAISE EXCEPTION '{reason}' USING ERRCODE = 'integrity_constraint_violation'; END IF; "
        f"RETURN {row}; END $$"
    )


def _postgresql() -> list[str]:
    young = YOUNG.format(ago="now() - interval '10 years'")
    statements = [_function("ledger_check_age", young, TOO_YOUNG, "NEW")]
    for table, column in LEDGER.items():
        statements += [
            _function(f"{table}_check_fold", f"NOT {NAMED.format(column=column)}", APPEND_ONLY, "OLD"),
            f"DROP TRIGGER {table}_no_change ON {table}",
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()",
            f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} "
            f"FOR EACH ROW EXECUTE FUNCTION {table}_check_fold()",
        ]
    return [
        *statements,
        "CREATE TRIGGER ledger_folds_old BEFORE INSERT ON ledger_folds "
        "FOR EACH ROW EXECUTE FUNCTION ledger_check_age()",
        "CREATE TRIGGER ledger_folds_no_update BEFORE UPDATE ON ledger_folds "
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()",
    ]


def upgrade() -> None:
    op.create_table(
        "ledger_folds",
        sa.Column("posting_id", sa.String(length=22), nullable=False),
        sa.PrimaryKeyConstraint("posting_id", name=op.f("pk_ledger_folds")),
    )
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for table in LEDGER:
            op.execute(f"DROP TRIGGER {table}_no_DELETE")
            op.execute(
                f"CREATE TRIGGER {table}_no_DELETE BEFORE DELETE ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
            )
    else:
        for table in LEDGER:
            op.execute(f"DROP TRIGGER {table}_no_delete ON {table}")
            op.execute(f"DROP TRIGGER {table}_no_change ON {table}")
            op.execute(
                f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
                "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()"
            )
            op.execute(f"DROP FUNCTION {table}_check_fold()")
    op.drop_table("ledger_folds")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION ledger_check_age()")
