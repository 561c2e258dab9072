"""Mails of the local mailbox use nothing up: neither the post's one mail nor the first contact."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

INDEX = "uq_deliveries_submission_id"
CAPTURED = "SELECT id FROM deliveries WHERE state = 'captured'"


def upgrade() -> None:
    _count_all_but("'failed', 'cancelled', 'captured'")
    op.execute(f"DELETE FROM first_contacts WHERE delivery_id IN ({CAPTURED})")


def downgrade() -> None:
    # The same post may stand captured more than once by now: only the last one counts again.
    op.execute(
        "UPDATE deliveries SET state = 'cancelled' WHERE state = 'captured' AND EXISTS (SELECT 1 FROM"
        " deliveries AS later WHERE later.submission_id = deliveries.submission_id"
        " AND later.recipient_hash = deliveries.recipient_hash AND later.id <> deliveries.id"
        " AND later.state NOT IN ('failed', 'cancelled') AND (later.created_at, later.id)"
        " > (deliveries.created_at, deliveries.id))"
    )
    _count_all_but("'failed', 'cancelled'")


def _count_all_but(states: str) -> None:
    op.drop_index(INDEX, "deliveries")
    which = sa.text(f"state NOT IN ({states})")
    columns = ["submission_id", "recipient_hash"]
    op.create_index(INDEX, "deliveries", columns, unique=True, sqlite_where=which, postgresql_where=which)
