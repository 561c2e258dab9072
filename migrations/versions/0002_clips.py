"""clips: what becomes of a partner's video"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("partner_id", sa.String(length=22), nullable=False, server_default=""),
        sa.Column("step", sa.String(length=16), nullable=False, server_default=""),
        sa.Column("percent", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("wishes", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("facts", sa.JSON(), nullable=False, server_default="{}"),
        sa.Column("render_id", sa.String(length=22), nullable=True),
        sa.Column("approved_render_id", sa.String(length=22), nullable=True),
        sa.Column("original_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("started_at", contentflow.core.db.UTCDateTime(timezone=True), nullable=True),
    ):
        op.add_column("assets", column)
    op.create_index(op.f("ix_assets_partner_id"), "assets", ["partner_id"])
    owner = {"sqlite": "json_extract(metadata, '$.owner_partner_id')"}.get(
        op.get_bind().dialect.name, "metadata->>'owner_partner_id'"
    )
    op.execute(f"UPDATE assets SET partner_id = COALESCE({owner}, '')")


def downgrade() -> None:
    op.drop_index(op.f("ix_assets_partner_id"), "assets")
    names = "started_at original_at approved_render_id render_id facts wishes percent step partner_id"
    for name in names.split():
        op.drop_column("assets", name)
