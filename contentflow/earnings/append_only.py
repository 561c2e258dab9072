"""The triggers that keep the ledger append-only and whole, on both databases.

Legs come first and their posting last. A posting is refused unless its legs sum to zero, a leg that
comes after its posting is refused, and so is every change or deletion of either. The legs' foreign
key is checked at the commit, so no leg stays without its posting.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, event

from contentflow.earnings.models import LedgerEntry

TABLES: Final = ("ledger_entries", "ledger_postings")
APPEND_ONLY: Final = "the ledger is append-only"
UNBALANCED: Final = "the legs of a posting sum to zero"
SEALED: Final = "the posting is complete"

_SQLITE_CHANGE = (
    "CREATE TRIGGER {table}_no_{act} BEFORE {act} ON {table} BEGIN SELECT RAISE(ABORT, '"
    + APPEND_ONLY
    + "'); END"
)
_SQLITE = (
    "CREATE TRIGGER ledger_postings_balanced BEFORE INSERT ON ledger_postings "
    "WHEN (SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries WHERE posting_id = NEW.id) <> 0 "
    f"BEGIN SELECT RAISE(ABORT, '{UNBALANCED}'); END",
    "CREATE TRIGGER ledger_entries_sealed BEFORE INSERT ON ledger_entries "
    "WHEN EXISTS (SELECT 1 FROM ledger_postings WHERE id = NEW.posting_id) "
    f"BEGIN SELECT RAISE(ABORT, '{SEALED}'); END",
)
_POSTGRESQL = (
    "CREATE FUNCTION ledger_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
    "CREATE FUNCTION ledger_check_balance() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF (SELECT COALESCE(SUM(amount_cents), 0) FROM ledger_entries WHERE posting_id = NEW.id) <> 0 THEN "
    f"RAISE EXCEPTION '{UNBALANCED}' USING ERRCODE = 'integrity_constraint_violation'; "
    "END IF; RETURN NEW; END $$",
    "CREATE FUNCTION ledger_check_seal() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF EXISTS (SELECT 1 FROM ledger_postings WHERE id = NEW.posting_id) THEN "
    f"RAISE EXCEPTION '{SEALED}' USING ERRCODE = 'integrity_constraint_violation'; "
    "END IF; RETURN NEW; END $$",
    "CREATE TRIGGER ledger_postings_balanced BEFORE INSERT ON ledger_postings "
    "FOR EACH ROW EXECUTE FUNCTION ledger_check_balance()",
    "CREATE TRIGGER ledger_entries_sealed BEFORE INSERT ON ledger_entries "
    "FOR EACH ROW EXECUTE FUNCTION ledger_check_seal()",
)


def statements(dialect: str) -> list[str]:
    if dialect == "sqlite":
        changes = [
            _SQLITE_CHANGE.format(table=table, act=act) for table in TABLES for act in ("UPDATE", "DELETE")
        ]
        return [*changes, *_SQLITE]
    changes = [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION ledger_refuse_change()"
        for table in TABLES
    ]
    return [*_POSTGRESQL, *changes]


def _create(target: object, connection: Connection, **_: object) -> None:
    for statement in statements(connection.dialect.name):
        connection.exec_driver_sql(statement)


event.listen(LedgerEntry.__table__, "after_create", _create)
