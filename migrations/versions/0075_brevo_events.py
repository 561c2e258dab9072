"""What Brevo reports of mails."""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)


def job_columns():
    return [
        sa.Column("state", sa.String(255), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", TIME),
        sa.Column("leased_until", TIME),
        sa.Column("lease", sa.String(255)),
        sa.Column("reason", sa.String(255)),
    ]


def upgrade() -> None:
    op.create_table(
        "brevo_lists",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        *job_columns(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brevo_lists")),
    )
    op.create_table(
        "brevo_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(255), nullable=False),
        sa.Column("event", sa.String(32), nullable=False),
        sa.Column("address_hash", sa.String(64), nullable=False),
        sa.Column("ts_event", TIME, nullable=False),
        sa.Column("delivery_id", sa.String(22)),
        sa.Column("source", sa.String(16), nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.Column("apply_at", TIME),
        sa.Column("received_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["deliveries.id"], name=op.f("fk_brevo_events_delivery_id_deliveries")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brevo_events")),
        sa.UniqueConstraint(
            "message_id",
            "event",
            "address_hash",
            "ts_event",
            name=op.f("uq_brevo_events_message_id_event_address_hash_ts_event"),
        ),
    )
    is_open = sa.text("apply_at IS NOT NULL")
    op.create_index(
        "ix_brevo_events_apply_at",
        "brevo_events",
        ["apply_at"],
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "brevo_days",
        sa.Column("id", sa.String(10), nullable=False),
        *job_columns(),
        sa.Column("received", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.Integer(), nullable=False),
        sa.Column("read_at", TIME),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brevo_days")),
    )
    for table, columns in INDEXES:
        op.create_index(op.f(f"ix_{table}_{'_'.join(columns)}"), table, columns)
    op.add_column("deliveries", sa.Column("outcome", sa.String(16)))


INDEXES = [
    ("brevo_lists", ["received_at"]),
    ("brevo_lists", ["state"]),
    ("brevo_lists", ["state", "next_attempt_at"]),
    ("brevo_events", ["delivery_id"]),
    ("brevo_events", ["received_at"]),
    ("brevo_days", ["state"]),
    ("brevo_days", ["state", "next_attempt_at"]),
    ("deliveries", ["message_id"]),
]


def downgrade() -> None:
    op.drop_index(op.f("ix_deliveries_message_id"), "deliveries")
    op.drop_column("deliveries", "outcome")
    for table in ("brevo_days", "brevo_events", "brevo_lists"):
        op.drop_table(table)
