"""Sessions: rows on the server that end by themselves, at logout, and with the partner."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask, g, render_template_string
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError

from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.partners import services, sessions, tasks
from contentflow.partners.errors import AccountClosed
from contentflow.partners.models import Partner, PartnerSession
from contentflow.web.access import partner_required, public
from tests.house import HOST, browser, log_in, post
from tests.partners.login_steps import ask, is_logged_in, press, rows, stored


def copy_of(client, app: Flask):
    """Another browser with the same cookie."""
    copy = browser(app)
    cookie = client.get_cookie("__Host-session", "share.example.org")
    copy.set_cookie("__Host-session", cookie.value, domain="share.example.org", secure=True)
    return copy


def last_use() -> datetime:
    return stored(PartnerSession.last_used_at)[0]


def test_a_copied_cookie_is_worth_nothing_after_logout(app, alice_client):
    thief = copy_of(alice_client, app)
    assert is_logged_in(thief)

    response = post(alice_client, "/partner/logout")

    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert not is_logged_in(alice_client)
    assert not is_logged_in(thief)


def test_logout_ends_this_session_only(app, alice, alice_client):
    phone = log_in(browser(app), alice.id)

    post(alice_client, "/partner/logout")

    assert is_logged_in(phone)


def test_logout_without_csrf_changes_nothing(alice_client):
    assert alice_client.post("/partner/logout").status_code == 400
    assert is_logged_in(alice_client)


def test_logout_when_nobody_is_logged_in_goes_home(client):
    assert post(client, "/partner/logout").headers["Location"] == "/"


def test_a_login_changes_the_sessions_id_and_ends_the_one_before(app, alice_client, alice, mails):
    thief = copy_of(alice_client, app)
    ask(browser(app), "alice@example.org")

    press(alice_client, mails()[0].path)

    assert is_logged_in(alice_client)
    assert not is_logged_in(thief)


def test_nothing_planted_in_a_cookie_survives_the_login_but_the_language(app, client, alice, mails):
    with client.session_transaction(**HOST) as session:
        session.update({"lang": "en", "planted": "x", "_user_id": "planted-token", "csrf_token": "a" * 40})
    ask(browser(app), "alice@example.org")

    press(client, mails()[0].path)

    with client.session_transaction(**HOST) as session:
        assert session["lang"] == "en" and "planted" not in session and "login" not in session
        assert session["_user_id"] != "planted-token" and session.get("csrf_token") != "a" * 40
        assert session.permanent


def test_the_cookie_is_bound_to_the_host_and_unseen_by_scripts(client, alice, mails):
    ask(client, "alice@example.org")

    cookie = press(client, mails()[0].path).headers["Set-Cookie"]

    assert cookie.startswith("__Host-session=")
    assert all(word in cookie for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Expires="))
    assert "Domain" not in cookie


def test_only_the_hash_of_a_session_is_kept(app, alice):
    with transaction():
        token = services.open_session(alice.id)

    assert stored(PartnerSession.token_hash) != [token]


def test_a_session_ends_after_14_days_without_use(alice_client):
    with time_machine.travel(clock.now() + timedelta(days=13, hours=23)):
        assert is_logged_in(alice_client)
    with time_machine.travel(clock.now() + timedelta(days=27)):
        assert is_logged_in(alice_client)
    with time_machine.travel(clock.now() + timedelta(days=42)):
        assert not is_logged_in(alice_client)


def test_a_session_ends_after_90_days_of_use(alice_client):
    start = clock.now()
    for days in range(10, 90, 10):
        with time_machine.travel(start + timedelta(days=days)):
            assert is_logged_in(alice_client)

    with time_machine.travel(start + timedelta(days=90, seconds=1)):
        assert not is_logged_in(alice_client)


def test_the_last_use_is_written_at_most_every_10_minutes(alice_client):
    begun = last_use()
    with time_machine.travel(clock.now() + timedelta(minutes=9)):
        is_logged_in(alice_client)
    unchanged = last_use()
    with time_machine.travel(clock.now() + timedelta(minutes=11)):
        is_logged_in(alice_client)

    assert unchanged == begun
    assert last_use() - begun >= timedelta(minutes=11)


def test_a_locked_database_neither_stops_nor_delays_a_page(app, alice_client, tmp_path: Path):
    if not is_sqlite():
        _check_a_locked_row(alice_client)
        return
    writer = sqlite3.connect(tmp_path / "contentflow.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    start = clock.now()
    try:
        with time_machine.travel(clock.now() + timedelta(minutes=20)):
            assert is_logged_in(alice_client)
    finally:
        writer.rollback()
        writer.close()
    assert clock.now() - start < timedelta(seconds=3)


def _check_a_locked_row(client) -> None:
    with db.engine.connect() as writer:
        writer.execute(select(PartnerSession).with_for_update())
        with time_machine.travel(clock.now() + timedelta(minutes=20)):
            assert is_logged_in(client)


def test_a_closed_account_is_out_at_the_next_request(alice, alice_client):
    with transaction():
        db.session.get(Partner, alice.id).is_active = False

    assert not is_logged_in(alice_client)
    with pytest.raises(AccountClosed), transaction():
        services.open_session(alice.id)
    assert rows()["partner_sessions"] == 1


def test_a_cookie_of_no_session_is_a_logged_out_one(client):
    with client.session_transaction(**HOST) as session:
        session["_user_id"] = "x" * 43

    assert not is_logged_in(client)


def test_a_header_or_a_remember_cookie_logs_nobody_in(client, alice):
    client.set_cookie("remember_token", f"{alice.id}|{'0' * 128}")

    response = client.get("/", headers={"Authorization": alice.id})

    assert response.status_code == 200


# Guarded pages


@pytest.fixture
def guarded(make_app):
    app = make_app()

    @app.get("/guarded")
    @partner_required
    def page() -> str:
        return f"{sessions.current_partner().name} {sessions.is_fresh()}"

    @app.get("/unguarded")
    @public
    def other() -> str:
        return "words"

    with app.app_context():
        yield app


def test_who_is_not_logged_in_is_led_to_the_login_and_back(guarded):
    response = browser(guarded).get("/guarded?id=1")

    assert (response.status_code, response.headers["Location"]) == (
        303,
        "/partner/login?next=/guarded?id%3D1",
    )


def test_htmx_is_told_to_go_to_the_login(guarded):
    response = browser(guarded).get("/guarded", headers={"HX-Request": "true"})

    assert response.status_code == 401
    assert response.headers["HX-Redirect"].startswith("/partner/login?next=")


def test_a_login_is_fresh_for_15_minutes(guarded, alice):
    client = log_in(browser(guarded), alice.id)

    assert client.get("/guarded").get_data(as_text=True) == "Alice Martin True"
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert client.get("/guarded").get_data(as_text=True) == "Alice Martin False"


def test_a_page_that_does_not_ask_who_is_there_asks_the_database_nothing(guarded, alice):
    client, statements = log_in(browser(guarded), alice.id), []
    with guarded.app_context():
        listener = lambda *args: statements.append(args[2])  # noqa: E731
        event.listen(db.engine, "before_cursor_execute", listener)

    client.get("/unguarded")
    asked_nothing = list(statements)
    client.get("/guarded")

    assert asked_nothing == []
    assert len([statement for statement in statements if statement.startswith("SELECT")]) == 1


def test_current_partner_in_a_view_for_anybody_is_a_mistake_that_is_said(app):
    with app.test_request_context("/", **HOST), pytest.raises(RuntimeError):
        sessions.current_partner()


# While the database is away


def break_database(monkeypatch) -> None:
    def refuse(token: str) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(services, "find_session", refuse)


def test_pages_render_as_for_nobody_while_the_database_is_away(app, alice_client, monkeypatch):
    break_database(monkeypatch)

    assert alice_client.get("/no-such-page").status_code == 404
    assert alice_client.get("/legal").status_code == 200


def test_a_guarded_page_is_503_while_the_database_is_away(guarded, alice, monkeypatch):
    client = log_in(browser(guarded), alice.id)
    break_database(monkeypatch)

    assert client.get("/guarded").status_code == 503


def test_the_template_asks_for_nobody_where_the_database_is_known_to_be_away(app, alice_client, monkeypatch):
    with app.test_request_context("/", **HOST):
        g.is_without_database = True
        monkeypatch.setattr(services, "find_session", None)

        assert render_template_string("{{ partner is none }}") == "True"


# What is forgotten


def test_the_worker_forgets_requests_after_a_day_and_sessions_after_90(app, client, alice):
    ask(client, "alice@example.org")
    log_in(browser(app), alice.id)
    with transaction():
        revoked = services.open_session(alice.id)
        services.revoke_session(revoked)

    with time_machine.travel(clock.now() + timedelta(hours=2)):
        tasks.erase_expired()
    after_hours = rows()
    with time_machine.travel(clock.now() + timedelta(days=89)):
        tasks.erase_expired()
    after_days = rows()
    with time_machine.travel(clock.now() + timedelta(days=91)):
        tasks.erase_expired()

    assert (after_hours["login_requests"], after_hours["partner_sessions"]) == (1, 2)
    assert (after_days["login_requests"], after_days["login_tokens"]) == (0, 0)
    assert after_days["partner_sessions"] == 2
    assert rows()["partner_sessions"] == 0
