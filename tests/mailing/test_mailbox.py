from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core.db import db
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.messages import Message
from contentflow.mailing.models import CapturedMail
from tests.house import browser, run_work
from tests.mailing.letters import queue

MakeApp = Callable[..., Flask]
HTML = '<p>Bonjour <a href="https://share.example.org/partner/login/x?a=1&amp;b=2">Entrer</a></p>'


def captured_mail(app: Flask) -> str:
    register_composer(app, "login", lambda _: Message("Ton lien", "Bonjour", HTML))
    queue("reader@example.org")
    run_work(app)
    return db.session.execute(select(CapturedMail.id)).scalar_one()


def open_mailbox(app: Flask) -> FlaskClient:
    return browser(app)


def test_the_mailbox_lists_mails_and_shows_one_with_its_links(make_app: MakeApp) -> None:
    app = make_app(ENV="development")
    with app.app_context():
        client, mail_id = open_mailbox(app), captured_mail(app)

        listed = client.get("/dev/mailbox").get_data(as_text=True)
        shown = client.get(f"/dev/mailbox/{mail_id}").get_data(as_text=True)

    assert "Ton lien" in listed and "reader@example.org" in listed
    assert 'href="https://share.example.org/partner/login/x?a=1&amp;b=2"' in shown
    assert "<iframe" in shown and " sandbox " in shown


def test_a_mail_in_its_frame_can_run_and_load_nothing(make_app: MakeApp) -> None:
    app = make_app(ENV="development")
    with app.app_context():
        client, mail_id = open_mailbox(app), captured_mail(app)

        response = client.get(f"/dev/mailbox/{mail_id}/mail")

    assert response.get_data(as_text=True) == HTML
    assert response.headers["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'self'"
    )


def test_the_mailbox_is_missing_in_production_and_beside_a_mail_service(make_app: MakeApp) -> None:
    closed = [
        make_app(),
        make_app(ENV="development", SMTP_URL="smtp://127.0.0.1:2525"),
        make_app(ENV="development", BREVO_API_KEY="key"),
    ]

    for app in closed:
        with app.app_context():
            mail_id = captured_mail(app) if app is closed[0] else "x"
            client = open_mailbox(app)
            for path in ("/dev/mailbox", f"/dev/mailbox/{mail_id}", f"/dev/mailbox/{mail_id}/mail"):
                assert client.get(path).status_code == 404
