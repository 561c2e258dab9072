"""What each page asks of the database, in one place: a statement more is seen here before it is felt.

The numbers are for a partner with a post, at the second look; no list makes them grow. A page that comes to
need one more has its number raised here, and only here. Locks and
the database's clock are not counted: SQLite needs neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from contentflow.links import services as links
from tests.factories.posts import PostFactory
from tests.house import csrf

ANYBODY = {
    "/": 0,
    "/legal": 0,
    "/robots.txt": 0,
    "/healthz": 0,
    "/oauth/client-metadata.json": 1,
    "/partner/login": 0,
    "/unsubscribe/unknown": 1,
    "/preferences/unknown": 2,
    "/subscribe/unknown": 1,
    "/p/{code}": 4,
    "/l/{code}": 0,
}
PARTNERS = {
    "/legal": 1,
    "/partner/portal": 16,
    "/partner/earnings": 20,
    "/partner/earnings/clicks": 2,
    "/partner/earnings/clicks?by=link": 3,
    "/partner/earnings/clicks.csv": 3,
    "/partner/earnings/statement": 5,
    "/partner/export.json": 19,
    "/partner/erase": 2,
    "/partner/billing": 9,
    "/partner/payouts": 10,
    "/partner/offers": 2,
    "/partner/contacts": 7,
    "/partner/contacts/add": 2,
    "/partner/contacts/import": 2,
    "/partner/contacts/invite": 3,
    "/partner/contacts/invite/preview": 2,
    "/partner/sessions": 3,
    "/partner/offers/{offer}": 3,
    "/byop/new": 2,
    "/byop/preview": 2,
    "/byop/edit?id={id}": 3,
    "/byop/video?id={id}": 3,
    "/byop/kit?id={id}": 20,
    "/partner/accounts": 5,
    "/byop/publish?id={id}": 15,
    "/byop/publish/status?id={id}": 15,
    "/byop/qr?id={id}&ch=qr&format=svg": 3,
    "/byop/email?id={id}": 22,
    "/byop/email/preview?id={id}": 12,
    "/byop/mails?id={id}": 12,
    "/p/{code}": 5,
    "/l/{code}": 2,
}
# Made by other things than a look: a code, a mail, a finished video, a send.
NOT_LOOKED_AT = {
    "billing.freeze_page",
    "static", "health.readyz", "web.security_txt", "partners.code_page", "partners.login_link", "byop.clip",
    "byop.status", "sharekit.public_file", "sharekit.email_result", "sharekit.variant_table",
    "contacts.contact", "contacts.import_page", "contacts.verdicts_csv",
    "metrics.read", "offers.picture", "mailing.mailbox",
    "mailing.captured", "mailing.captured_html", "clip_mails.page", "postback.receive_by_get",
    "postback.receive_by_token", "publishing.hand", "accounts.callback", "payouts.invoice",
    "payouts.credit_note",
}  # fmt: skip
SUBMIT, LOG, EDIT, CHECK, SEND = 15, 9, 8, 25, 31
RECIPIENTS = (2, 50)


pytestmark = pytest.mark.usefixtures("unfolded")  # Clicks become rows in no request.


@contextmanager
def statements() -> Iterator[list[str]]:
    seen: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if not any(word in statement for word in ("BEGIN", "pg_advisory", "clock_timestamp")):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def asked_by(client: FlaskClient, path: str, submission: Any) -> list[str]:
    code = links.links_of(submission.id)["copy"].code
    url = path.format(id=submission.id, code=code, offer=submission.offer_id)
    client.get(url)
    with statements() as seen:
        response = client.get(url)
    assert response.status_code in {200, 302}, url
    return seen


def asked_by_form(client: FlaskClient, url: str, **fields: str) -> list[str]:
    token = csrf(client)
    with statements() as seen:
        response = client.post(url, data={"csrf_token": token, **fields})
    assert response.status_code in {200, 303}, response.get_data(as_text=True)
    return seen


@pytest.mark.parametrize(("path", "max_statements"), ANYBODY.items())
def test_a_page_for_anybody_asks_no_more_than_it_did(
    client, alices_post, path: str, max_statements: int
) -> None:
    seen = asked_by(client, path, alices_post)

    assert len(seen) <= max_statements, "\n".join(seen)


@pytest.mark.parametrize(("path", "max_statements"), PARTNERS.items())
def test_a_partners_page_asks_no_more_than_it_did_however_many_posts_there_are(
    alice_client, alice, alices_post, path: str, max_statements: int
) -> None:
    PostFactory.create_batch(4, partner_id=alice.id, title="Un autre post")

    seen = asked_by(alice_client, path, alices_post)

    assert len(seen) <= max_statements, "\n".join(seen)


@pytest.mark.parametrize(
    ("url", "fields", "max_statements"),
    [
        ("/byop/submit", {"title": "Trois idées", "nonce": "n"}, SUBMIT),
        ("/byop/log", {"ch": "copy"}, LOG),
        ("/byop/edit", {"title": "Autre titre"}, EDIT),
    ],
)
def test_a_form_asks_no_more_than_it_did(alice_client, alices_post, url, fields, max_statements: int) -> None:
    seen = asked_by_form(alice_client, url, sid=alices_post.id, **fields)

    assert len(seen) <= max_statements, "\n".join(seen)


@pytest.mark.parametrize(("url", "max_statements"), [("/byop/email/check", CHECK), ("/byop/email", SEND)])
@pytest.mark.parametrize("recipients", RECIPIENTS)
def test_a_share_asks_as_much_for_two_as_for_fifty(
    alice_client, alices_post, url: str, max_statements: int, recipients: int
) -> None:
    emails = "\n".join(f"reader{number}@example.org" for number in range(recipients))
    form = {"emails": emails, "consent": "y", "nonce": "n"}

    seen = asked_by_form(alice_client, url, sid=alices_post.id, **form)

    assert len(seen) <= max_statements, "\n".join(seen)


def test_every_page_has_its_number(app: Flask) -> None:
    adapter = app.url_map.bind("share.example.org")
    filled = (path.format(id="x", code="AbCdEf7", offer="x") for path in {**ANYBODY, **PARTNERS})
    numbered = {adapter.match(urlsplit(path).path)[0] for path in filled}
    pages = {rule.endpoint for rule in app.url_map.iter_rules() if "GET" in (rule.methods or ())}
    pages = {name for name in pages if not name.startswith("console.")}  # tests/console/test_speed.py

    assert pages - numbered - NOT_LOOKED_AT == set()
    assert NOT_LOOKED_AT & numbered == set()
