from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError

from contentflow.core import audit, clock, heartbeat
from contentflow.core.audit import AuditEntry
from contentflow.core.db import after_commit, asking, db, in_transaction, is_sqlite, transaction


def entries() -> int:
    return db.session.query(AuditEntry).count()


def test_a_transaction_commits_once_what_was_asked(app: Flask):
    with transaction():
        audit.note("cli", "test", "x")

    assert entries() == 1
    assert not in_transaction()


def test_an_error_inside_leaves_nothing(app: Flask):
    with pytest.raises(ZeroDivisionError), transaction():
        audit.note("cli", "test", "x")
        db.session.flush()
        raise ZeroDivisionError

    assert entries() == 0
    assert not in_transaction()


def test_a_transaction_inside_another_is_a_mistake(app: Flask):
    with pytest.raises(RuntimeError, match="inside a transaction"), transaction(), transaction():
        pass


def test_what_waits_for_the_commit_runs_after_it(app: Flask):
    seen: list[int] = []

    with transaction():
        audit.note("cli", "test", "x")
        after_commit(lambda: seen.append(entries()))
        assert seen == []

    assert seen == [1]


def test_what_waits_for_the_commit_is_forgotten_on_an_error(app: Flask):
    seen: list[int] = []

    with pytest.raises(ZeroDivisionError), transaction():
        after_commit(lambda: seen.append(1))
        raise ZeroDivisionError

    assert seen == []


def test_a_time_without_a_zone_is_refused(app: Flask):
    with pytest.raises(Exception, match="without a zone"), transaction():
        db.session.add(heartbeat.Heartbeat(name="x", seen_at=datetime(2026, 1, 1)))
        db.session.flush()


def test_times_come_back_as_aware_utc(app: Flask):
    at = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))

    with transaction():
        db.session.add(heartbeat.Heartbeat(name="x", seen_at=at))
    db.session.expire_all()

    found = db.session.get_one(heartbeat.Heartbeat, "x").seen_at
    assert found == at
    assert found.tzinfo == UTC
    assert clock.iso(found) == "2026-07-01T10:00:00Z"


def test_writers_that_read_first_wait_for_each_other(app: Flask):
    """On SQLite a deferred transaction would fail here at once with “database is locked”."""
    with transaction():
        db.session.add(heartbeat.Heartbeat(name="x", seen_at=clock.now()))
    failures: list[BaseException] = []

    def write() -> None:
        try:
            with app.app_context():
                for _ in range(5):
                    db.session.get(heartbeat.Heartbeat, "x")
                    with transaction():
                        entries()
                        audit.note("cli", "test", "x")
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=write) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert entries() == 30


def test_sqlite_is_durable_and_checks_its_keys(app: Flask):
    if not is_sqlite():
        return
    pragmas = {
        name: db.session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "synchronous")
    }

    assert pragmas == {"journal_mode": "wal", "synchronous": 2}
    assert db.session.execute(text("PRAGMA foreign_keys")).scalar() == 1


def test_an_error_of_the_database_names_no_value(app: Flask):
    with pytest.raises(DBAPIError) as error:
        db.session.execute(text("SELECT :value FROM nowhere"), {"value": "alice@example.org"})

    assert "alice" not in str(error.value)


COUNT = "SELECT count(*) FROM audit_entries WHERE act = :act"


def test_each_answer_to_a_question_asked_again_is_of_what_is_committed(app: Flask):
    with asking(COUNT) as ask:
        assert ask(act="test")[0] == 0
        with transaction():
            audit.note("cli", "test", "x")
            db.session.flush()
            assert ask(act="test")[0] == 0

        assert (ask(act="test")[0], ask(act="other")[0]) == (1, 0)


def test_a_question_that_fails_says_so_and_the_next_is_asked_anew(app: Flask):
    with asking("SELECT 1 FROM audit_entries WHERE 1 = :number / 0 AND :number = no_such_column") as ask:
        for _ in range(2):
            with pytest.raises(OperationalError):
                ask(number=1)

    with transaction():
        audit.note("cli", "test", "x")
    assert entries() == 1


def test_a_connection_that_was_asked_begins_transactions_again_afterwards(app: Flask):
    with asking("SELECT 1") as ask:
        ask()
    db.session.remove()

    with pytest.raises(ZeroDivisionError), transaction():
        audit.note("cli", "test", "x")
        db.session.flush()
        raise ZeroDivisionError

    assert entries() == 0
