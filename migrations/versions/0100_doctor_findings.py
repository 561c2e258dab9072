"""What the worker last found of the parts that no page looks at."""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doctor_findings",
        sa.Column("part", sa.String(32), primary_key=True),
        sa.Column("french", sa.Text()),
        sa.Column("english", sa.Text()),
        sa.Column("is_remark", sa.Boolean(), nullable=False),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("doctor_findings")
