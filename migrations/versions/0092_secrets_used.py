"""When the secrets of a network were last used, and since when two are good."""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None

COLUMNS = ("secret_rotated_at", "secret_used_at", "secret_before_used_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("networks", sa.Column(name, sa.DateTime(timezone=True)))
    # Nobody knows since when: the 30 days begin now.
    op.execute("UPDATE networks SET secret_rotated_at = CURRENT_TIMESTAMP WHERE secret_before IS NOT NULL")


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("networks", name)
