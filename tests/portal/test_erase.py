"""Erasure: the person goes from database, media, logs, spool and queues; sums and legal records stay."""

from __future__ import annotations

import html
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
from contentflow.ledger import services as ledger
from contentflow.links import services as links
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from tests.house import browser, log_in, post, run_work

BASE = "https://share.example.org"
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
        partners.request_login("alice@example.org", "browser-token", "fr")
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


def test_sums_and_legal_records_stay(app: Flask, alice, alice_client, full_life, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())

    erase(alice_client)

    db.session.rollback()
    assert ledger.balances(alice.id)["pending"] == 3_840
    assert ledger.check_ledger() is None
    assert db.session.scalar(text("SELECT count(*) FROM consent_proofs")) == 2
    assert db.session.scalar(text("SELECT count(*) FROM conversions")) == 1


@pytest.mark.parametrize("confirm", ["ERASE", "erase", "Effacer", " EFFACER "])
def test_the_word_of_either_language_will_do_in_any_case(app: Flask, alice_client, confirm: str):
    answer = erase(alice_client, confirm)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert partners.find_partner_by_email("alice@example.org") is None


@pytest.mark.parametrize("confirm", ["", "yes", "ERASE!", "effacerr", "supprimer"])
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


def page(client, language: str = "fr") -> str:
    answer = client.get("/partner/erase", headers={"Accept-Language": language})
    assert answer.status_code == 200
    return html.unescape(answer.get_data(as_text=True)).replace("\xa0", " ").replace("\u202f", " ")


@pytest.mark.parametrize(("language", "word"), [("fr", "EFFACER"), ("en", "ERASE")])
def test_the_page_asks_for_a_word_of_the_readers_language(alice_client, language: str, word: str):
    shown = page(alice_client, language)

    assert f"{word} " in shown
    assert ("EFFACER" in shown, "ERASE" in shown) == (word == "EFFACER", word == "ERASE")
    assert "btn-danger" in shown


def test_what_is_owed_is_said_first_and_given_up_by_name(app: Flask, alice, alice_client, click, postback):
    postback("T1", amount_cents=9_600, click_id=click())

    shown = page(alice_client)

    assert shown.index("38,40 €") < shown.index('<form class="stack"')
    assert "demande d’abord ton versement" in shown
    assert "Écris EFFACER pour renoncer à 38,40 € et tout effacer" in shown
    assert "Renoncer à 38,40 € et supprimer mon compte" in shown
    assert erase(alice_client).status_code == 303
    given_up = db.session.scalars(text("SELECT subject FROM audit_entries WHERE act = 'partner.give_up'"))
    assert given_up.all() == ["3840 cents"]
    db.session.rollback()


def test_where_nothing_is_owed_no_sum_is_named(alice_client):
    shown = page(alice_client)

    assert "€" not in shown and "Écris EFFACER pour tout effacer" in shown


def test_a_debt_to_the_programme_is_nothing_owed(app: Flask, alice, monkeypatch):
    from contentflow.portal import services

    held = {"available": -500, "pending": 0, "held": 0, "paid": 0}
    monkeypatch.setattr(services.ledger, "balances", lambda partner_id: held)

    assert services.owed_to(alice.id).total == 0


def test_a_wrong_word_leaves_the_page_with_a_sentence_at_its_field(alice_client):
    answer = erase(alice_client, "oui")

    shown = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert 'value="oui"' in shown and 'id="confirm-error"' in shown


@pytest.mark.parametrize(
    ("language", "sentence"), [("fr", "Ton compte est supprimé"), ("en", "Your account")]
)
def test_the_page_after_it_says_that_the_account_is_gone(alice_client, language: str, sentence: str):
    speaks = {"Accept-Language": language}
    post(alice_client, "/partner/erase", {"confirm": "ERASE"}, headers=speaks)

    first, second = (
        html.unescape(alice_client.get("/", headers=speaks).get_data(as_text=True)) for _ in range(2)
    )

    assert sentence in first and sentence not in second


def test_the_page_and_the_act_ask_for_a_login_of_the_last_minutes(app: Flask, alice_client, alice):
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        seen = alice_client.get("/partner/erase")
        tried = post(
            alice_client, "/partner/erase", {"confirm": "ERASE"}, headers={"Referer": f"{BASE}/partner/erase"}
        )

    assert seen.headers["Location"] == "/partner/login?next=/partner/erase"
    assert tried.headers["Location"] == "/partner/login?next=/partner/erase"
    db.session.rollback()
    assert partners.get_partner(alice.id).email == "alice@example.org"
