"""Where mail cannot leave, nothing promises that it does, and nothing is used up."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.consent.models import FirstContact
from contentflow.core.db import db
from contentflow.mailing.models import Delivery
from contentflow.partners.models import LoginRequest
from contentflow.sharekit.quota import daily_email_count, left_today
from tests.house import browser, log_in, post, run_work

HTMX = {"HX-Request": "true"}


@pytest.fixture
def silent(make_app: Any) -> Flask:
    return make_app(MAIL_TRANSPORT="none")


@pytest.fixture
def at_home(make_app: Any) -> Flask:
    """Development: every mail ends in the local mailbox."""
    return make_app(ENV="development", SHARE_EMAIL_UNDO_SECONDS="0")


def fields(sid: str, emails: str, nonce: str = "n1") -> dict[str, str]:
    return {"sid": sid, "emails": emails, "consent": "1", "nonce": nonce}


def text_of(app: Flask, path: str, client: Any = None) -> str:
    return (client or browser(app)).get(path).get_data(as_text=True)


# No mail at all


def test_without_mail_the_kit_has_no_form_and_the_form_a_clear_answer(
    silent: Flask, alice: Any, alices_post: Any
):
    client = log_in(browser(silent), alice.id)

    kit = text_of(silent, f"/byop/kit?id={alices_post.id}", client)
    response = post(client, "/byop/email", fields(alices_post.id, "carla@example.org"))

    assert "/byop/email" not in kit and "Envoyer par e-mail" not in kit
    assert response.status_code == 400
    assert "n’envoie aucun e-mail" in response.get_data(as_text=True)
    assert db.session.scalars(select(Delivery)).all() == []


@pytest.mark.parametrize("path", ["/", "/partner/login"])
def test_without_mail_no_page_promises_one(silent: Flask, path: str):
    page = re.sub(r"<[^>]*>", "", text_of(silent, path))

    for promise in (
        "arrive par e-mail",
        "arrive dans ta boîte",
        "t’envoyons",
        "Recevoir mon lien",
        "un code",
    ):
        assert promise not in page
    assert "lien de connexion" in page


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_without_mail_the_login_says_who_gives_the_link(silent: Flask, alice: Any, headers: dict[str, str]):
    response = post(browser(silent), "/partner/login", {"email": "alice@example.org"}, headers=headers)
    page = response.get_data(as_text=True)

    assert response.status_code == 200
    assert "n’envoie aucun e-mail" in page and "envoyés" not in page
    assert 'name="code"' not in page and 'name="email"' not in page
    assert db.session.scalars(select(Delivery)).all() == db.session.scalars(select(LoginRequest)).all() == []


def test_without_mail_a_link_of_the_command_line_logs_in(silent: Flask, alice: Any):
    made = silent.test_cli_runner().invoke(args=["partner", "login-link", "alice@example.org"])
    client = browser(silent)

    response = post(client, made.stdout.strip().removeprefix("https://share.example.org"))

    assert response.headers["Location"] == "/partner/portal"


def test_without_mail_an_old_link_says_no_more_than_is_true(silent: Flask):
    page = text_of(silent, "/partner/login/unknown")

    assert "Recevoir un nouveau lien" not in page and "Se connecter autrement" in page


# The local mailbox


def sent_at_home(app: Flask, alice: Any, sid: str, emails: str, nonce: str = "n1") -> str:
    client = log_in(browser(app), alice.id)
    first = post(client, "/byop/email", fields(sid, emails, nonce), headers=HTMX).get_data(as_text=True)
    with app.app_context():
        run_work(app)
    found = re.search(r"/byop/email/result\?send=(\w+)", first)
    assert found is not None
    return client.get(found[0], headers=HTMX).get_data(as_text=True)


def test_what_is_captured_uses_nothing_up(at_home: Flask, alice: Any, alices_post: Any):
    sent_at_home(at_home, alice, alices_post.id, "carla@example.org, dan@example.org")

    with at_home.app_context():
        assert (left_today(alice.id), daily_email_count(alice.id)) == (200, 0)
        assert db.session.scalars(select(FirstContact)).all() == []
        assert {row.state for row in db.session.scalars(select(Delivery))} == {"captured"}


def test_what_was_captured_may_be_sent_for_real_later(
    at_home: Flask, app: Flask, alice: Any, alices_post: Any
):
    sent_at_home(at_home, alice, alices_post.id, "carla@example.org")
    client = log_in(browser(app), alice.id)

    page = post(client, "/byop/email", fields(alices_post.id, "carla@example.org", "n2"), headers=HTMX)

    assert 'data-verdict="queued"' in page.get_data(as_text=True)
    assert left_today(alice.id) == 199


def test_while_it_waits_a_captured_mail_holds_its_place(make_app: Any, alice: Any, alices_post: Any):
    app = make_app(ENV="development", SHARE_EMAIL_DAILY_LIMIT="2")
    client = log_in(browser(app), alice.id)
    post(client, "/byop/email", fields(alices_post.id, "carla@example.org, dan@example.org"))

    response = post(client, "/byop/email", fields(alices_post.id, "eve@example.org", "n2"))

    assert response.status_code == 429


def test_what_is_captured_does_not_count_for_the_account(
    make_app: Any, app: Flask, alice: Any, alices_post: Any
):
    home = make_app(ENV="development", SHARE_EMAIL_UNDO_SECONDS="0")
    sent_at_home(home, alice, alices_post.id, "carla@example.org, dan@example.org")
    small = make_app(EMAIL_ACCOUNT_DAILY_LIMIT="1", SHARE_EMAIL_UNDO_SECONDS="0")

    post(log_in(browser(small), alice.id), "/byop/email", fields(alices_post.id, "eve@example.org", "n2"))
    with small.app_context():
        run_work(small)

    db.session.rollback()
    states = {row.recipient: row.state for row in db.session.scalars(select(Delivery))}
    assert states["eve@example.org"] == "sent"


def test_no_page_calls_a_captured_mail_sent(at_home: Flask, alice: Any, alices_post: Any):
    page = sent_at_home(at_home, alice, alices_post.id, "carla@example.org")

    assert 'data-state="captured"' in page
    assert "#check" not in page and "traité" not in page
    assert "rien n’est parti" in page.lower()


def test_before_it_is_sent_the_form_says_that_nothing_will_leave(
    at_home: Flask, app: Flask, alice: Any, alices_post: Any
):
    local = text_of(at_home, f"/byop/email?id={alices_post.id}", log_in(browser(at_home), alice.id))
    real = text_of(app, f"/byop/email?id={alices_post.id}", log_in(browser(app), alice.id))

    assert "/dev/mailbox" in local and "rien ne partira" in local
    assert "/dev/mailbox" not in real
