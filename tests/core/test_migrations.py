"""What a new revision must leave as it was."""

from __future__ import annotations

from pathlib import Path

from flask_migrate import upgrade
from sqlalchemy import text

from contentflow import config, create_app
from contentflow.core.db import db, dispose
from contentflow.core.migrate import introduce_alembic
from tests.conftest import BASE_ENV

DELIVERY = (
    "INSERT INTO deliveries (id, kind, recipient_hash, language, words, state, attempts, created_at) "
    "VALUES (:id, :kind, 'hash', 'fr', '{}', 'sent', 0, '2026-01-01')"
)


def test_a_new_kind_of_mail_keeps_the_links_and_first_contacts_of_the_mails_before(tmp_path: Path):
    app = create_app(config.load({**BASE_ENV, "DATA_DIR": str(tmp_path)}))
    with app.app_context():
        introduce_alembic()
        upgrade(revision="0016")
        db.session.execute(text(DELIVERY), {"id": "before", "kind": "share"})
        db.session.execute(text("INSERT INTO mail_tokens VALUES ('token', 'before', 'unsubscribe')"))
        db.session.execute(text("INSERT INTO first_contacts VALUES ('hash', 'before')"))
        db.session.commit()

        upgrade(revision="0040")

        kept = [
            db.session.execute(text(f"SELECT count(*) FROM {table}")).scalar()
            for table in ("deliveries", "mail_tokens", "first_contacts")
        ]
        db.session.execute(text(DELIVERY), {"id": "after", "kind": "clip"})
        assert kept == [1, 1, 1]
        assert db.session.execute(text("PRAGMA integrity_check")).scalar() == "ok"
        db.session.rollback()
        dispose()
