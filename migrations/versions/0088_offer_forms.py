"""An offer knows the form that made it: the same form twice makes one."""

import sqlalchemy as sa
from alembic import op

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("offers", sa.Column("form_hash", sa.String(64)))
    op.create_index(op.f("ix_offers_form_hash"), "offers", ["form_hash"], unique=True)


def downgrade() -> None:
    op.drop_index(op.f("ix_offers_form_hash"), "offers")
    op.drop_column("offers", "form_hash")
