"""Texts and who accepted them; who a partner is on invoices, and the account that is theirs."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
OPEN = sa.text("ended_at IS NULL")
TEXTS, ACCEPTANCES = "a published text is never changed", "acceptances are append-only"


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "legal_texts",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("version", sa.String(16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("published_at", TIME, nullable=False),
        sa.CheckConstraint("kind IN ('mandate')", name=op.f("ck_legal_texts_kind")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_texts")),
        sa.UniqueConstraint("kind", "version", name=op.f("uq_legal_texts_kind_version")),
    )
    op.create_index(op.f("ix_legal_texts_kind_published_at"), "legal_texts", ["kind", "published_at"])
    op.create_table(
        "acceptances",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("text_id", sa.String(22), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("accepted_at", TIME, nullable=False),
        sa.Column("origin", sa.String(40), nullable=False),
        sa.Column("is_with_code", sa.Boolean(), nullable=False),
        _of_partner("acceptances"),
        sa.ForeignKeyConstraint(
            ["text_id"], ["legal_texts.id"], name=op.f("fk_acceptances_text_id_legal_texts")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptances")),
        sa.UniqueConstraint("partner_id", "text_id", name=op.f("uq_acceptances_partner_id_text_id")),
    )
    op.create_index(op.f("ix_acceptances_text_id"), "acceptances", ["text_id"])
    _create_payees()
    for table, sentence in (("legal_texts", TEXTS), ("acceptances", ACCEPTANCES)):
        for statement in _sqlite(table, sentence) if is_sqlite else _postgresql(table, sentence):
            op.execute(statement)


def _of_partner(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["partner_id"], ["partners.id"], name=op.f(f"fk_{table}_partner_id_partners")
    )


def _create_payees() -> None:
    op.create_table(
        "billing_profiles",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("kind", sa.String(16)),
        sa.Column("legal_name", sa.String(200)),
        sa.Column("siret", sa.String(14)),
        sa.Column("street", sa.String(200)),
        sa.Column("postcode", sa.String(5)),
        sa.Column("city", sa.String(100)),
        sa.Column("vat", sa.String(16)),
        sa.Column("vat_number", sa.String(16)),
        sa.Column("checked_at", TIME),
        sa.Column("frozen_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint(
            "kind IN ('company', 'sole_trader', 'association')", name=op.f("ck_billing_profiles_kind")
        ),
        sa.CheckConstraint("vat IN ('franchise', 'vat')", name=op.f("ck_billing_profiles_vat")),
        sa.CheckConstraint(
            "(vat = 'vat') = (vat_number IS NOT NULL)", name=op.f("ck_billing_profiles_vat_number")
        ),
        sa.CheckConstraint(
            "checked_at IS NULL OR (kind IS NOT NULL AND legal_name IS NOT NULL AND siret IS NOT NULL "
            "AND street IS NOT NULL AND postcode IS NOT NULL AND city IS NOT NULL AND vat IS NOT NULL)",
            name=op.f("ck_billing_profiles_whole"),
        ),
        _of_partner("billing_profiles"),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_billing_profiles")),
        sa.UniqueConstraint("partner_id", name=op.f("uq_billing_profiles_partner_id")),
    )
    op.create_index(op.f("ix_billing_profiles_siret"), "billing_profiles", ["siret"])
    op.create_table(
        "bank_accounts",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("iban", sa.LargeBinary()),
        sa.Column("iban_hash", sa.String(64), nullable=False),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("bic", sa.String(11), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("usable_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        _of_partner("bank_accounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_accounts")),
    )
    op.create_index(op.f("ix_bank_accounts_partner_id"), "bank_accounts", ["partner_id"])
    op.create_index(op.f("ix_bank_accounts_iban_hash"), "bank_accounts", ["iban_hash"])
    op.create_table(
        "bank_requests",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("iban", sa.LargeBinary()),
        sa.Column("last_four", sa.String(4), nullable=False),
        sa.Column("holder", sa.String(200), nullable=False),
        sa.Column("code_hash", sa.String(64)),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("expires_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("created_at", TIME, nullable=False),
        sa.CheckConstraint("tries BETWEEN 0 AND 5", name=op.f("ck_bank_requests_tries")),
        _of_partner("bank_requests"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_requests")),
    )
    op.create_index(op.f("ix_bank_requests_partner_id"), "bank_requests", ["partner_id"])
    op.create_index(op.f("ix_bank_requests_expires_at"), "bank_requests", ["expires_at"])
    for table in ("bank_accounts", "bank_requests"):
        op.create_index(
            f"uq_{table}_open", table, ["partner_id"], unique=True, sqlite_where=OPEN, postgresql_where=OPEN
        )
    op.create_table(
        "freeze_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        _of_partner("freeze_tokens"),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_freeze_tokens")),
    )
    op.create_index(op.f("ix_freeze_tokens_partner_id"), "freeze_tokens", ["partner_id"])
    op.create_index(op.f("ix_freeze_tokens_created_at"), "freeze_tokens", ["created_at"])


def _sqlite(table: str, sentence: str) -> list[str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{sentence}'); END"
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE ON {table} {refuse}",
        f"CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {refuse}",
        # INSERT OR REPLACE deletes the row it meets without a word to the trigger above.
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id) {refuse}",
    ]


def _postgresql(table: str, sentence: str) -> list[str]:
    return [
        f"CREATE OR REPLACE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{sentence}' USING ERRCODE = 'integrity_constraint_violation'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_refuse()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()",
    ]


def downgrade() -> None:
    for table in ("freeze_tokens", "bank_requests", "bank_accounts", "billing_profiles"):
        op.drop_table(table)
    for table in ("acceptances", "legal_texts"):
        op.drop_table(table)  # Its triggers go with it.
        if op.get_bind().dialect.name != "sqlite":
            op.execute(f"DROP FUNCTION {table}_refuse()")
