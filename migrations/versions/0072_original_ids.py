"""What the video of an asset is called in a bucket."""

import sqlalchemy as sa
from alembic import op

revision = "0072"
down_revision = "0071"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("assets", sa.Column("original_id", sa.String(22), nullable=True))
    op.create_index("ix_assets_original_id", "assets", ["original_id"])


def downgrade() -> None:
    op.drop_index("ix_assets_original_id", "assets")
    op.drop_column("assets", "original_id")
