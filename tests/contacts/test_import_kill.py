"""The worker is killed within an import, again and again: each row of the file stands once."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from contentflow.contacts.judging import AT_ONCE
from contentflow.contacts.models import Contact, ContactImport, ImportRow
from contentflow.core.db import db
from tests.conftest import BASE_ENV
from tests.contacts.steps import rows_of, send_file
from tests.house import browser, log_in, post
from tests.mailing.standin_brevo import wait_until
from tests.mailing.test_mail_kill import Worker

pytestmark = pytest.mark.proof

ROWS, KILLS = 5_000, 2
PATIENCE_SECONDS = 30.0


@pytest.fixture
def environ(tmp_path: Path, database_url: str) -> dict[str, str]:
    return {**BASE_ENV, "DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "LEASE_SECONDS": "5"}


@pytest.fixture
def app(environ, make_app) -> Iterator[Flask]:
    app = make_app(**environ)
    with app.app_context():
        yield app


@pytest.fixture
def worker(environ, tmp_path) -> Iterator[Worker]:
    worker = Worker(environ, tmp_path)
    yield worker
    worker.end()


def state_of(page: str) -> tuple[str, int]:
    db.session.rollback()
    made = db.session.get_one(ContactImport, page.rpartition("/")[2])
    return made.state, made.done_rows


def test_each_row_of_a_file_stands_once_however_often_its_worker_dies(app, worker, alice) -> None:
    client = log_in(browser(app), alice.id)
    lines = [f"a{number}@example.org;Nom {number};lot" for number in range(ROWS - 2)]
    lines += ["A0@example.org;Doublon;lot", "illisible;;"]
    page = send_file(client, "adresse;nom;tags\n" + "\n".join(lines)).headers["Location"]
    post(client, f"{page}/start")
    was_within = 0

    for _number in range(KILLS):
        before = state_of(page)[1]
        worker.start()
        assert wait_until(lambda before=before: state_of(page)[1] > before, PATIENCE_SECONDS)
        wait_until(lambda: False, random.uniform(0, 0.05))
        worker.kill()
        assert wait_until(worker.is_dead)
        state, done = state_of(page)
        assert db.session.scalar(select(func.count()).select_from(ImportRow)) == done
        was_within += state == "importing" and 0 < done < ROWS

    assert was_within > 0, "no kill met the import: make the file longer"
    worker.start()
    assert wait_until(lambda: state_of(page)[0] == "done", PATIENCE_SECONDS)

    rows = rows_of(client, page)
    assert [line for line, _, _ in rows] == list(range(2, ROWS + 2))
    assert Counter(verdict for _, _, verdict in rows) == {
        "added": ROWS - 2, "duplicate_in_file": 1, "malformed": 1,
    }  # fmt: skip
    assert db.session.scalar(select(func.count()).select_from(Contact)) == ROWS - 2
    assert AT_ONCE < ROWS / 4
