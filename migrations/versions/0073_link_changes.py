"""Each change of a link leaves a row, so that a process that knows many links asks once for all of them."""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

NOTED = "INSERT INTO link_changes (id) VALUES (NULL);"  # Its triggers take no DEFAULT VALUES.
SQLITE = (
    "CREATE TRIGGER links_changed AFTER UPDATE OF code, asset_id, channel, destination, disabled_at ON links "
    f"BEGIN {NOTED} END",
    f"CREATE TRIGGER links_deleted AFTER DELETE ON links BEGIN {NOTED} END",
)
POSTGRESQL = (
    "CREATE FUNCTION links_changed() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN INSERT INTO link_changes DEFAULT VALUES; RETURN NULL; END $$",
    "CREATE TRIGGER links_changed AFTER UPDATE OR DELETE ON links "
    "FOR EACH STATEMENT EXECUTE FUNCTION links_changed()",
)


def upgrade() -> None:
    op.create_table(
        "link_changes",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
        ),
        sqlite_autoincrement=True,
    )
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER links_changed")
        op.execute("DROP TRIGGER links_deleted")
    else:
        op.execute("DROP TRIGGER links_changed ON links")
        op.execute("DROP FUNCTION links_changed")
    op.drop_table("link_changes")
