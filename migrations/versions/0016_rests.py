"""rests: since when the sender rests, to tell a clock that was set"""

import sqlalchemy as sa
from alembic import op

import contentflow.core.db

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column = sa.Column("since", contentflow.core.db.UTCDateTime(timezone=True), nullable=True)
    op.add_column("mail_pauses", column)


def downgrade() -> None:
    op.drop_column("mail_pauses", "since")
