"""The links of our mails work with what a mail program took for a part of them."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from contentflow.consent.models import Subscription, Suppression
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_token, token_in
from contentflow.mailing.models import CapturedMail
from contentflow.partners import services as partners
from tests.house import browser, csrf, run_work
from tests.mailing.letters import let_leave, share

TAILS = [
    ".",
    ")",
    ">",
    ">.",
    "»",
    ",",
    "*",
    '"',
    " ",
    "\u00a0",
    "\u200b",
    "\r\n",
    "/",
    "&utm_source=x",
    "%20",
    "=",
]


def mailed(app: Flask, alice: object, alices_post: object, kind: str) -> str:
    share(alice.id, alices_post.id, "reader@example.org")  # type: ignore[attr-defined]
    let_leave()
    run_work(app)
    html = db.session.execute(select(CapturedMail.html)).scalar_one()
    return str(html).split(f"https://share.example.org/{kind}/")[1].split('"')[0]


@pytest.mark.parametrize("tail", TAILS)
def test_a_reader_is_let_go_whatever_is_glued_to_the_link(app: Flask, alice, alices_post, tail: str) -> None:
    token = mailed(app, alice, alices_post, "unsubscribe")

    assert browser(app).post(f"/unsubscribe/{token}{quote(tail)}").status_code == 200

    assert len(db.session.scalars(select(Suppression)).all()) == 1


def test_a_reader_says_yes_whatever_is_glued_to_the_link(app: Flask, alice, alices_post) -> None:
    token = mailed(app, alice, alices_post, "subscribe")

    assert browser(app).post(f"/subscribe/{token}).").status_code == 200

    assert len(db.session.scalars(select(Subscription)).all()) == 1


@pytest.mark.parametrize("tail", TAILS)
def test_a_partner_gets_in_whatever_is_glued_to_the_link(
    client: FlaskClient, alice, alices_token: str, tail: str
) -> None:
    path = f"/partner/login/{alices_token}{quote(tail)}"

    page = client.get(path)
    entered = client.post(path, data={"csrf_token": csrf(client)})

    assert (page.status_code, entered.status_code) == (200, 303)
    assert page.headers["Referrer-Policy"] == "no-referrer"


@pytest.fixture
def alices_token(app: Flask, alice) -> str:
    with transaction():
        return partners.make_login_link(alice.email)


@given(st.text(max_size=60))
def test_what_is_glued_to_a_token_never_makes_another(tail: str) -> None:
    token = new_token()

    assert token_in(token + tail) in {token, token + tail}
    assert token_in(token + "x" + tail) == token + "x" + tail
