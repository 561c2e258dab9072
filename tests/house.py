"""What tests do again and again: open a browser, log in, post a form, let the worker work."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, has_app_context, session
from flask.sessions import SecureCookieSessionInterface
from flask.testing import FlaskClient
from flask_wtf.csrf import generate_csrf
from werkzeug.test import TestResponse

from contentflow.core.broker import broker
from contentflow.core.db import db, dispose, transaction
from contentflow.core.maintenance import maintenance
from contentflow.core.queues import THREADS
from contentflow.links.clicks import intake
from contentflow.links.folding import fold
from contentflow.mailing.messages import Message
from contentflow.mailing.transports import SendOutcome
from contentflow.mailing.transports.mailbox import Mailbox
from contentflow.partners import services as partners

# A mail service that no test reaches: its mails arrive in ``captured_mails``, where tests read them.
POST_OFFICE = "smtp://post-office.example.org"
# A programme that pays its partners.
PAYS = {
    "PAYOUTS_ENABLED": "true",
    "PROGRAMME_NAME": "Boutique Lumière",
    "PROGRAMME_SIREN": "732829320",
    "PROGRAMME_ADDRESS": "1 rue de la Paix, 75002 Paris",
    "PROGRAMME_IBAN": "FR7630006000011234567890189",
}
HOST = {"base_url": "https://share.example.org"}


class PostOffice(Mailbox):
    """Takes every mail as a real service would, and keeps it to be read."""

    name = "smtp"

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        super().send(message, to, delivery_id)
        return SendOutcome("sent")


def browser(app: Flask) -> FlaskClient:
    """A new browser that speaks French; every request goes to the public host."""

    class Browser(FlaskClient):
        def open(self, *args: Any, **kwargs: Any) -> TestResponse:
            kwargs.setdefault("base_url", HOST["base_url"])
            # Each request has a context of its own, as under a server.
            with app.app_context():
                response = super().open(*args, **kwargs)
                response.get_data()
                response.close()
                fold()  # As a thread of the product does; ``unfolded`` leaves it to the test.
            look_anew()
            return response

    app.test_client_class = Browser
    return app.test_client()


def shut(app: Flask) -> None:
    """Close what an application opened: nothing is left to the test that collects garbage next."""
    intake(app).journal.close()
    intake(app).links._quick.close()
    for huey, _ in broker(app)._opened.values():
        huey.storage.close()
    with app.app_context():
        dispose()


def look_anew() -> None:
    """Let the test's own session see what was committed meanwhile, and hold up nobody."""
    if has_app_context():
        db.session.rollback()


def log_in(client: FlaskClient, partner_id: str) -> FlaskClient:
    with client.application.app_context(), transaction():
        token = partners.open_session(partner_id)
    with client.session_transaction(**HOST) as session:
        session["_user_id"] = token
        session["_fresh"] = True
    return client


def csrf(client: FlaskClient) -> str:
    """A token that fits the client's session, as every page with a form holds one."""
    app = client.application
    with client.session_transaction(**HOST) as kept, app.app_context(), app.test_request_context(**HOST):
        session.update(kept)
        token = generate_csrf()
        kept["csrf_token"] = session["csrf_token"]
    look_anew()
    return str(token)


def post(client: FlaskClient, url: str, data: dict[str, Any] | None = None, **kwargs: Any) -> TestResponse:
    return client.post(url, data={"csrf_token": csrf(client), **(data or {})}, **kwargs)


def run_work(app: Flask) -> None:
    """Do what the worker would: every sweep, and every task that is enqueued, until all is quiet."""
    for _ in range(50):
        for sweep in maintenance().sweeps.values():
            sweep()
        tasks = [(queue, broker().queue(queue).dequeue()) for queue in THREADS]
        if not any(task for _, task in tasks):
            return
        for queue, task in tasks:
            while task is not None:
                broker().queue(queue).execute(task)
                task = broker().queue(queue).dequeue()


def cookie_and_token(app: Flask, partner_id: str) -> tuple[str, str]:
    """Return the session cookie of a partner's browser and a CSRF token that fits it, for real servers."""
    with transaction():
        session_token = partners.open_session(partner_id)
    with app.test_request_context():
        session["_user_id"], session["_fresh"] = session_token, True
        token = generate_csrf()
        signer = SecureCookieSessionInterface().get_signing_serializer(app)
        assert signer is not None
        return str(signer.dumps(dict(session))), token


@contextmanager
def working_at_most(seconds: float) -> Iterator[None]:
    """Assert how long this thread works inside; the collector rests: its work is what other tests left."""
    gc.disable()
    began = time.thread_time()
    try:
        yield
        worked = time.thread_time() - began
    finally:
        gc.enable()
    assert worked < seconds
