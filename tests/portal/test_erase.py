"""Erasure: the person goes from database, media, logs, spool and bells; sums and legal records stay."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from contentflow.core import clock
from contentflow.core.db import Base, db, is_sqlite, transaction
from contentflow.earnings import ledger
from contentflow.links import services as links
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from tests.house import browser, log_in, post, run_work

TRACES = ("alice@example.org", "Alice Martin", "Une heure gagn", "secret-source.example.com")


@pytest.fixture
def full_life(
    app: Flask, alice: Partner, bob: Partner, alices_post: Any, alice_client: FlaskClient
) -> list[str]:
    """Alice logs in by mail, shares, mails, is mailed by bob; return her tokens."""
    with transaction():
        secret = "https://secret-source.example.com/v.mp4"
        db.session.execute(text("UPDATE byop_submissions SET source_url = :url"), {"url": secret})
        alice_token = partners.open_session(alice.id)
        login = partners.make_login_link("alice@example.org")
        partners.ask_for_login("alice@example.org", "browser-token", "fr")
    post(alice_client, "/byop/log", {"sid": alices_post.id, "ch": "copy"})
    send = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n1"}
    post(alice_client, "/byop/email", send)
    bobs = log_in(browser(app), bob.id)
    sent = post(bobs, "/byop/submit", {"title": "Bob", "nonce": "b"})
    bobs_post = sent.headers["Location"].partition("id=")[2]
    post(
        bobs, "/byop/email", {"sid": bobs_post, "emails": "alice@example.org", "consent": "1", "nonce": "n2"}
    )
    with time_machine.travel(clock.now() + timedelta(seconds=60)):
        run_work(app)
    return [alice_token, login]


def everything(app: Flask) -> bytes:
    """All that is kept: each file below DATA_DIR, and on a server each row of each table."""
    db.session.rollback()
    folder = Path(app.config["CONTENTFLOW"].data_dir)
    files = b"\n".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    if is_sqlite():
        return files
    rows = [
        str(row[0])
        for table in Base.metadata.sorted_tables
        for row in db.session.execute(text(f'SELECT row_to_json(t)::text FROM "{table.name}" t'))
    ]
    db.session.rollback()
    return files + "\n".join(rows).encode()


def erase(client: FlaskClient, confirm: str = "ERASE"):
    return post(client, "/partner/erase", {"confirm": confirm})


def test_a_grep_for_the_person_finds_nothing(app: Flask, alice_client, full_life, caplog):
    caplog.set_level(logging.DEBUG)
    before = everything(app)
    assert b"alice@example.org" in before and b"Alice Martin" in before

    answer = erase(alice_client)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    after = everything(app)
    for trace in (*TRACES, *full_life):
        assert trace.encode() not in after, trace
    assert not any(trace in caplog.text for trace in (*TRACES, *full_life))


def test_sessions_end_links_stop_and_nobody_logs_in_again(app: Flask, alice_client, alices_post, full_life):
    other = log_in(browser(app), alices_post.partner_id)
    code = links.links_of(alices_post.id)["x"].code

    erase(alice_client)

    for client in (alice_client, other):
        assert client.get("/partner/portal").status_code == 303
    assert browser(app).get(f"/l/{code}").status_code == 410
    assert partners.find_partner_by_email("alice@example.org") is None


def test_sums_and_legal_records_stay(app: Flask, alice, alice_client, full_life, click, report):
    report("T1", amount_cents=9_600, click_id=click())

    erase(alice_client)

    db.session.rollback()
    assert ledger.balances(alice.id)["pending"] == 3_840
    assert ledger.check_ledger() is None
    assert db.session.scalar(text("SELECT count(*) FROM consent_proofs")) == 2
    assert db.session.scalar(text("SELECT count(*) FROM conversions")) == 1


@pytest.mark.parametrize("confirm", ["", "erase", "yes"])
def test_without_the_word_nothing_is_erased(app: Flask, alice_client, alices_post, confirm: str):
    assert erase(alice_client, confirm).status_code == 422
    assert alice_client.get("/partner/portal").status_code == 200
    assert b"alice@example.org" in everything(app)


def test_an_old_login_is_asked_to_log_in_again(app: Flask, alice_client, alice):
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        answer = erase(alice_client)

    assert answer.headers["Location"] == "/partner/login?next=/partner/portal"
    db.session.rollback()
    assert partners.get_partner(alice.id).email == "alice@example.org"
