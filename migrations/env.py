"""Alembic's environment: the application's engine and metadata, in batch mode on every database."""

from alembic import context
from sqlalchemy import text

from contentflow.core.db import Base, db

UPGRADE_LOCK = 0x636F6E74  # any fixed number: two servers that start together migrate one after the other


def run() -> None:
    with db.engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_as_batch=True,
            compare_type=True,
            # On PostgreSQL one transaction holds all, and with it the lock: a lock of the session would stay
            # behind on a connection that a pooler has given to somebody else by then.
            transaction_per_migration=connection.dialect.name == "sqlite",
            user_module_prefix="contentflow.core.db.",
        )
        with context.begin_transaction():
            if connection.dialect.name != "sqlite":
                # It may take as long as it needs, and wait for another start's.
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SET LOCAL statement_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": UPGRADE_LOCK})
                # Of two that wait for each other PostgreSQL ends one after a second: it is never a request.
                connection.execute(text("SET LOCAL lock_timeout = '500ms'"))
            context.run_migrations()


if context.is_offline_mode():
    raise SystemExit("Migrations need the database: there is no offline mode.")
run()
