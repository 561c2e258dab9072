"""Networks report by a token and a mapping; conversions are pending, approved or rejected.

What is there already is approved. What an operator took back by name is told apart from what a network
took back: its later words give only the latter again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None

CLAWED = """
    UPDATE credits SET clawed_cents = COALESCE((
        SELECT -SUM(ledger_entries.amount_cents)
        FROM ledger_entries JOIN ledger_postings ON ledger_postings.id = ledger_entries.posting_id
        WHERE ledger_entries.credit_id = credits.id
            AND ledger_postings.kind = 'clawback' AND ledger_postings.key LIKE 'clawback:%'
    ), 0)
    WHERE taken_cents > 0
"""


def upgrade() -> None:
    for column in (
        sa.Column("secret_before", sa.LargeBinary()),
        sa.Column("token", sa.LargeBinary()),
        sa.Column("token_before", sa.LargeBinary()),
        sa.Column("preset", sa.String(16), nullable=False, server_default="generic"),
        sa.Column("mapping", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("retired_at", sa.DateTime(timezone=True)),
    ):
        op.add_column("networks", column)
    op.execute(
        "ALTER TABLE conversions ADD COLUMN state VARCHAR(10) DEFAULT 'approved' NOT NULL "
        "CONSTRAINT ck_conversions_state CHECK (state IN ('pending', 'approved', 'rejected'))"
    )
    op.add_column("conversions", sa.Column("state_at", sa.DateTime(timezone=True)))
    op.add_column("conversions", sa.Column("changed_at", sa.DateTime(timezone=True)))
    op.add_column("credits", sa.Column("clawed_cents", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(sa.text(CLAWED))
    op.create_table(
        "postback_reports",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("network_id", sa.String(22), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("transaction", sa.String(128), nullable=False),
        sa.Column("type", sa.String(8), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("conversion_id", sa.String(22)),
        sa.ForeignKeyConstraint(
            ["network_id"], ["networks.id"], name=op.f("fk_postback_reports_network_id_networks")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_postback_reports")),
    )
    op.create_index("ix_postback_reports_network_id_at", "postback_reports", ["network_id", "at"])
    op.create_index("ix_postback_reports_at", "postback_reports", ["at"])


def downgrade() -> None:
    op.drop_table("postback_reports")
    op.drop_column("credits", "clawed_cents")
    for column in ("changed_at", "state_at", "state"):  # Its check, a part of the column, goes with it.
        op.drop_column("conversions", column)
    for column in ("retired_at", "mapping", "preset", "token_before", "token", "secret_before"):
        op.drop_column("networks", column)
