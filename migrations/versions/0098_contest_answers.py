"""What the team answered to a contested invoice of what was sent already."""

import sqlalchemy as sa
from alembic import op

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None

CONTESTED = sa.text("contested_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("invoices", sa.Column("answered_at", sa.DateTime(timezone=True)))
    op.add_column("invoices", sa.Column("answer", sa.String(500), nullable=False, server_default=""))
    # Said in SQL: SQLite adds a check to a table only with its column.
    op.execute(
        "ALTER TABLE invoices ADD COLUMN answer_outcome VARCHAR(8) "
        "CONSTRAINT ck_invoices_answer_outcome CHECK (answer_outcome IN ('agreed', 'refused'))"
    )
    op.create_index(
        "ix_invoices_contested", "invoices", ["contested_at"],
        sqlite_where=CONTESTED, postgresql_where=CONTESTED,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_invoices_contested", "invoices")
    for name in ("answer_outcome", "answer", "answered_at"):
        op.drop_column("invoices", name)
