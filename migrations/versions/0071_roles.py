"""Roles, second factors, and an audit that says why, and what it was before and after."""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
ROLED = sa.text("role IS NOT NULL")
APPEND_ONLY = "the audit is append-only, and kept for ten years"
YOUNG_SQLITE = "OLD.at > datetime('now', '-10 years')"


def _added() -> list[sa.Column]:
    return [
        sa.Column("role", sa.String(16), nullable=False, server_default=""),
        sa.Column("reason", sa.String(500), nullable=False, server_default=""),
        sa.Column("before", sa.JSON(none_as_null=True)),
        sa.Column("after", sa.JSON(none_as_null=True)),
        sa.Column("seen_as", sa.String(22)),
        sa.Column("request_id", sa.String(22), nullable=False, server_default=""),
    ]


KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation')"
MORE_KINDS = "kind IN ('login', 'confirmation', 'share', 'clip', 'invitation', 'notice')"
IN_SESSION = ("second_factor_at", "seeing_id", "seeing_until", "kept_form")


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    _change_check("deliveries", "kind", KINDS, MORE_KINDS)
    roles = "role IN ('owner', 'operator', 'accountant', 'reader')"
    _add_column(is_sqlite, "partners", "role", "VARCHAR(16)", f"CONSTRAINT ck_partners_role CHECK ({roles})")
    if not is_sqlite:
        op.create_check_constraint(op.f("ck_partners_role"), "partners", roles)
    op.execute("UPDATE partners SET role = 'operator' WHERE is_operator")
    op.execute(
        "UPDATE partners SET role = 'owner' WHERE id = (SELECT id FROM partners "
        "WHERE is_operator ORDER BY created_at, id LIMIT 1)"
    )
    op.create_index("ix_partners_role", "partners", ["role"], sqlite_where=ROLED, postgresql_where=ROLED)
    op.create_index(op.f("ix_partners_created_at"), "partners", ["created_at"])
    op.add_column("partner_sessions", sa.Column("second_factor_at", TIME))
    seen = "fk_partner_sessions_seeing_id_partners"
    reference = f"CONSTRAINT {seen} REFERENCES partners (id)"
    _add_column(is_sqlite, "partner_sessions", "seeing_id", "VARCHAR(22)", reference)
    if not is_sqlite:
        op.create_foreign_key(op.f(seen), "partner_sessions", "partners", ["seeing_id"], ["id"])
    op.add_column("partner_sessions", sa.Column("seeing_until", TIME))
    op.add_column("partner_sessions", sa.Column("kept_form", sa.LargeBinary()))
    _create_factors()
    for column in _added():
        op.add_column("audit_entries", column)
    for name in ("actor", "act", "subject"):
        op.create_index(op.f(f"ix_audit_entries_{name}_at"), "audit_entries", [name, "at"])
    for statement in _sqlite() if is_sqlite else _postgresql():
        op.execute(statement)


def _add_column(is_sqlite: bool, table: str, name: str, kind: str, constraint: str) -> None:
    # SQLite takes a constraint with its new column, and none later without a new table.
    rest = f" {constraint}" if is_sqlite else ""
    op.execute(f"ALTER TABLE {table} ADD COLUMN {name} {kind}{rest}")


def _change_check(table: str, name: str, old: str, new: str) -> None:
    if op.get_bind().dialect.name != "sqlite":
        op.drop_constraint(op.f(f"ck_{table}_{name}"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_{name}"), table, new)
        return
    # A new table under the old name would take the rows that point to this one along (ON DELETE CASCADE);
    # a check is only words: see https://sqlite.org/lang_altertable.html#otheralter.
    connection = op.get_bind()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    connection.exec_driver_sql(
        "UPDATE sqlite_master SET sql = replace(sql, ?, ?) WHERE type = 'table' AND name = ?",
        (old, new, table),
    )
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def _create_factors() -> None:
    def of_partner(table: str) -> sa.ForeignKeyConstraint:
        return sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f(f"fk_{table}_partner_id_partners")
        )

    op.create_table(
        "second_factors",
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.Column("confirmed_at", TIME),
        sa.Column("wrong_tries", sa.Integer(), nullable=False),
        sa.Column("locked_until", TIME),
        sa.Column("created_at", TIME, nullable=False),
        of_partner("second_factors"),
        sa.PrimaryKeyConstraint("partner_id", name=op.f("pk_second_factors")),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("used_at", TIME),
        of_partner("recovery_codes"),
        sa.PrimaryKeyConstraint("code_hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_partner_id"), "recovery_codes", ["partner_id"])
    op.create_table(
        "passkeys",
        sa.Column("credential_id", sa.String(1400), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("last_used_at", TIME),
        of_partner("passkeys"),
        sa.PrimaryKeyConstraint("credential_id", name=op.f("pk_passkeys")),
    )
    op.create_index(op.f("ix_passkeys_partner_id"), "passkeys", ["partner_id"])
    op.create_table(
        "saved_views",
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        of_partner("saved_views"),
        sa.PrimaryKeyConstraint("partner_id", "name", name=op.f("pk_saved_views")),
    )


def _sqlite() -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{APPEND_ONLY}'); END"
    return [
        f"CREATE TRIGGER audit_entries_no_change BEFORE UPDATE ON audit_entries {refuse}",
        f"CREATE TRIGGER audit_entries_no_delete BEFORE DELETE ON audit_entries WHEN {YOUNG_SQLITE} {refuse}",
        # INSERT OR REPLACE deletes the row it meets without a word to the trigger above.
        "CREATE TRIGGER audit_entries_no_replace BEFORE INSERT ON audit_entries "
        f"WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id) {refuse}",
    ]


def _postgresql() -> list[str]:
    refuse = f"RAISE EXCEPTION '{APPEND_ONLY}' USING ERRCODE = 'integrity_constraint_violation';"
    return [
        "CREATE OR REPLACE FUNCTION audit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF TG_OP = 'DELETE' THEN IF OLD.at <= now() - interval '10 years' THEN RETURN OLD; "
        f"END IF; END IF; {refuse} END $$",
        "CREATE TRIGGER audit_entries_no_change BEFORE UPDATE OR DELETE ON audit_entries "
        "FOR EACH ROW EXECUTE FUNCTION audit_refuse_change()",
        "CREATE TRIGGER audit_entries_no_truncate BEFORE TRUNCATE ON audit_entries "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse_change()",
    ]


def downgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.execute("DELETE FROM deliveries WHERE kind = 'notice'")
    _change_check("deliveries", "kind", MORE_KINDS, KINDS)
    on = "" if is_sqlite else " ON audit_entries"
    names = ("no_change", "no_delete", "no_replace") if is_sqlite else ("no_change", "no_truncate")
    for name in names:
        op.execute(f"DROP TRIGGER audit_entries_{name}{on}")
    if not is_sqlite:
        op.execute("DROP FUNCTION audit_refuse_change()")
    for name in ("actor", "act", "subject"):
        op.drop_index(op.f(f"ix_audit_entries_{name}_at"), "audit_entries")
    for column in reversed(_added()):
        op.drop_column("audit_entries", column.name)
    for table in ("saved_views", "passkeys", "recovery_codes", "second_factors"):
        op.drop_table(table)
    for name in IN_SESSION:  # What one refers to goes with it.
        op.drop_column("partner_sessions", name)
    op.drop_index(op.f("ix_partners_created_at"), "partners")
    op.drop_index("ix_partners_role", "partners")
    if not is_sqlite:
        op.drop_constraint(op.f("ck_partners_role"), "partners", type_="check")
    op.drop_column("partners", "role")
