"""Two variants of a post, and which of them each share carried."""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "variants",
        sa.Column("id", sa.String(22), nullable=False),
        sa.Column("submission_id", sa.String(22), nullable=False),
        sa.Column("name", sa.String(16), nullable=False),
        sa.Column("hook", sa.String(120), nullable=False),
        sa.Column("cover", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("clicks_before", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed', 'running', 'chosen', 'ended')", name=op.f("ck_variants_state")
        ),
        sa.CheckConstraint("cover BETWEEN 0 AND 2", name=op.f("ck_variants_cover")),
        sa.CheckConstraint("length(hook) <= 120", name=op.f("ck_variants_hook_length")),
        sa.ForeignKeyConstraint(
            ["submission_id"],
            ["byop_submissions.id"],
            name=op.f("fk_variants_submission_id_byop_submissions"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_variants")),
        sa.UniqueConstraint("submission_id", "name", name=op.f("uq_variants_submission_id_name")),
        sa.UniqueConstraint("submission_id", "nonce", name=op.f("uq_variants_submission_id_nonce")),
    )
    op.create_table(
        "channel_rates",
        sa.Column("channel", sa.String(16), nullable=False),
        sa.Column("presses", sa.Integer(), nullable=False),
        sa.Column("clicks", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("channel", name=op.f("pk_channel_rates")),
    )
    for table in ("contact_share_logs", "deliveries"):
        op.add_column(table, sa.Column("variant", sa.String(16), nullable=False, server_default=""))
        op.add_column(table, sa.Column("chance_bp", sa.Integer()))
    op.add_column("contact_share_logs", sa.Column("turn", sa.Integer()))
    op.create_index(
        "uq_contact_share_logs_turn", "contact_share_logs", ["submission_id", "turn"], unique=True
    )


def downgrade() -> None:
    op.drop_index("uq_contact_share_logs_turn", "contact_share_logs")
    op.drop_column("contact_share_logs", "turn")
    for table in ("deliveries", "contact_share_logs"):
        op.drop_column(table, "chance_bp")
        op.drop_column(table, "variant")
    op.drop_table("channel_rates")
    op.drop_table("variants")
