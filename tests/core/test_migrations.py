"""What a new revision must leave as it was."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from contentflow import config, create_app
from contentflow.core.db import db, dispose
from contentflow.core.migrate import introduce_alembic
from contentflow.links.lookups import ip_lookup, visitor_lookup
from contentflow.links.sums import microseconds
from tests.conftest import BASE_ENV

DELIVERY = (
    "INSERT INTO deliveries (id, kind, recipient_hash, language, words, state, attempts, created_at) "
    "VALUES (:id, :kind, 'hash', 'fr', '{}', 'sent', 0, '2026-01-01')"
)
CLICK = (
    "INSERT INTO clicks (id, link_id, at, verdict, agent_class, visitor_hash, ip_hash) "
    "VALUES (?, 'a link', ?, 'valid', 'mobile', ?, ?)"
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


def test_clicks_of_the_last_hours_are_found_under_their_numbers_and_no_older_ones(tmp_path: Path):
    app = create_app(config.load({**BASE_ENV, "DATA_DIR": str(tmp_path)}))
    now = datetime.now(UTC).replace(microsecond=250_000)
    ages = {
        "newest": timedelta(seconds=70),
        "new": timedelta(minutes=59),
        "robot": timedelta(minutes=1),
        "old": timedelta(hours=3),
    }
    with app.app_context():
        introduce_alembic()
        upgrade(revision="0102")
        with sqlite3.connect(db.engine.url.database) as connection:  # It asks for no link.
            for name, age in ages.items():
                person = (None, None) if name == "robot" else (f"visitor of {name}", f"address of {name}")
                connection.execute(CLICK, (name, f"{now - age:%F %T.%f}", *person))

        upgrade(revision="0104")

        found = {
            row[0]: tuple(row[1:])
            for row in db.session.execute(text("SELECT id, visitor_lookup, ip_lookup FROM clicks"))
        }
        at_us = {name: microseconds(now - age) for name, age in ages.items()}
        assert found["newest"] == (
            visitor_lookup("a link", "visitor of newest", at_us["newest"]),
            ip_lookup("a link", "address of newest", at_us["newest"]),
        )
        assert found["new"][0] == visitor_lookup("a link", "visitor of new", at_us["new"])
        assert found["robot"] == found["old"] == (None, None)
        db.session.rollback()
        downgrade(revision="0103")
        upgrade(revision="0104")  # New numbers are there already.
        again = db.session.execute(text("SELECT ip_lookup FROM clicks WHERE id = 'newest'")).scalar()
        assert again == found["newest"][1]
        db.session.rollback()
        downgrade(revision="0102")
        assert db.session.execute(text("SELECT count(*) FROM clicks")).scalar() == 4
        db.session.rollback()
        dispose()
