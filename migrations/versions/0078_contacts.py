"""Address books, the files that fill them, invitations, and what a yes was said to."""

import sqlalchemy as sa
from alembic import op

from contentflow.core.db import UTCDateTime

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

STATES = "'imported', 'invited', 'confirmed', 'refused', 'unsubscribed', 'bounced', 'expired'"
IMPORT_STATES = "'preview', 'queued', 'importing', 'done', 'stopped', 'failed'"
PROOF = (("text", sa.Text(), ""), ("origin", sa.String(64), ""), ("ip_hash", sa.String(64), ""),
         ("language", sa.String(2), "fr"))  # fmt: skip


def upgrade() -> None:
    now = UTCDateTime(timezone=True)
    for name, kind, default in PROOF:
        op.add_column("subscriptions", sa.Column(name, kind, nullable=False, server_default=default))
    op.create_table(
        "contacts",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("address", sa.String(254)),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("state_at", now, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("created_at", now, nullable=False),
        sa.Column("last_yes_at", now),
        sa.Column("last_click_at", now),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.Column("proof_text", sa.Text(), nullable=False),
        sa.Column("proof_at", now),
        sa.Column("proof_origin", sa.String(64), nullable=False),
        sa.Column("proof_ip_hash", sa.String(64), nullable=False),
        sa.CheckConstraint(f"state IN ({STATES})", name=op.f("ck_contacts_state")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_contacts_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contacts")),
        sa.UniqueConstraint("partner_id", "address_hash", name=op.f("uq_contacts_partner_id_address_hash")),
    )
    index("contacts", "address_hash")
    index("contacts", "partner_id", "created_at", "id")
    index("contacts", "partner_id", "state")
    index("contacts", "state", "state_at")
    op.create_table(
        "contact_imports",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("file_sha256", sa.String(64), nullable=False),
        sa.Column("mapping", sa.String(64), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("filename", sa.String(255), nullable=False),
        sa.Column("content", sa.LargeBinary()),
        sa.Column("total_rows", sa.Integer(), nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("created_at", now, nullable=False),
        sa.Column("finished_at", now),
        sa.Column("state", sa.String(255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", now),
        sa.Column("leased_until", now),
        sa.Column("lease", sa.String(255)),
        sa.Column("reason", sa.String(255)),
        sa.CheckConstraint(f"state IN ({IMPORT_STATES})", name=op.f("ck_contact_imports_state")),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_contact_imports_partner_id_partners")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_imports")),
        sa.UniqueConstraint(
            "partner_id",
            "file_sha256",
            "mapping",
            name=op.f("uq_contact_imports_partner_id_file_sha256_mapping"),
        ),
    )
    index("contact_imports", "state")
    index("contact_imports", "state", "next_attempt_at")
    index("contact_imports", "created_at")
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.String(22), nullable=False),
        sa.Column("line", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("address", sa.String(320)),
        sa.Column("address_hash", sa.String(64)),
        sa.Column("verdict", sa.String(24), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(
            ["import_id"],
            ["contact_imports.id"],
            name=op.f("fk_import_rows_import_id_contact_imports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("import_id", "line", name=op.f("pk_import_rows")),
    )
    index("import_rows", "import_id", "address_hash")
    index("import_rows", "address_hash")
    op.create_table(
        "invitations",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("partner_id", sa.String(22), nullable=False),
        sa.Column("contact_id", sa.String(22)),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("delivery_id", sa.String(22), nullable=False),
        sa.Column("token_hash", sa.String(64)),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("attestation", sa.Text(), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("due_at", now, nullable=False),
        sa.Column("created_at", now, nullable=False),
        sa.Column("answer", sa.String(8), nullable=False),
        sa.Column("answered_at", now),
        sa.ForeignKeyConstraint(
            ["partner_id"], ["partners.id"], name=op.f("fk_invitations_partner_id_partners")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"],
            ["contacts.id"],
            name=op.f("fk_invitations_contact_id_contacts"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_invitations_delivery_id_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitations")),
        sa.UniqueConstraint(
            "partner_id", "address_hash", name=op.f("uq_invitations_partner_id_address_hash")
        ),
        sa.UniqueConstraint("contact_id", name=op.f("uq_invitations_contact_id")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_invitations_delivery_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitations_token_hash")),
    )
    index("invitations", "address_hash", "due_at")
    index("invitations", "partner_id", "due_at")


def index(table: str, *columns: str) -> None:
    op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, list(columns))


def downgrade() -> None:
    for table in ("invitations", "import_rows", "contact_imports", "contacts"):
        op.drop_table(table)
    for name, _kind, _default in reversed(PROOF):
        op.drop_column("subscriptions", name)
