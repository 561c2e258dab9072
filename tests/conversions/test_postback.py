"""What networks post: signed, once, whole; and what the doors refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contentflow.conversions import networks
from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.signature import HEADER, sign
from contentflow.ledger import services as ledger
from contentflow.ledger.models import LedgerTransaction
from tests.house import HOST, browser
from tests.links.visitors import click_id, clicks, link_of, visit

PATH = "/postback/awin"


@pytest.fixture
def secret(network: Network) -> str:
    return networks.secret_of(network)


Send = Callable[..., TestResponse]


@pytest.fixture
def send(app: Flask, client: FlaskClient, secret: str) -> Send:
    def post(
        body: bytes | dict[str, Any], header: str | None = None, path: str = PATH, **more: Any
    ) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        now = int(clock.now().timestamp())
        headers = {HEADER: sign(secret, now, "POST", path, raw) if header is None else header}
        return client.post(path, data=raw, headers=headers, content_type="application/json", **more)

    return post


def sale(click_id: str = "", **more: Any) -> dict[str, Any]:
    fields = {
        "transaction": "T1",
        "type": "sale",
        "click_id": click_id,
        "amount_cents": 9600,
        "currency": "EUR",
    }
    return {**fields, "at": clock.iso(clock.now()), **more}


def conversions() -> int:
    db.session.rollback()
    return int(db.session.scalar(select(func.count(Conversion.id))) or 0)


def test_a_signed_sale_is_recorded_and_its_replay_answers_the_same(send: Send, alice, click):
    body = sale(click())

    first, again = send(body), send({**body, "at": None})

    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json == again.json
    assert conversions() == 1
    assert ledger.balances(alice.id)["pending"] == 3_840


def test_another_amount_is_a_conflict(send: Send, click):
    body = sale(click())
    send(body)

    answer = send({**body, "amount_cents": 9601})

    assert answer.status_code == 409
    assert conversions() == 1


@pytest.mark.parametrize("header", ["", "t=1,v1=00", "t=1800000000,v1=" + "0" * 64])
def test_without_a_right_signature_nothing_is_recorded(send: Send, header: str):
    answer = send(sale(), header)

    assert answer.status_code == 401
    assert answer.mimetype == "application/problem+json"
    assert conversions() == 0


def test_an_unknown_network_is_refused_in_the_same_words(send: Send):
    known, unknown = send(sale(), ""), send(sale(), path="/postback/nobody")

    assert (unknown.status_code, unknown.data) == (401, known.data)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"transaction": "T1", "type": "sale", "amount_cents": NaN, "currency": "EUR"}',
        b'{"transaction": "T1", "type": "sale", "amount_cents": Infinity, "currency": "EUR"}',
        b'{"transaction": "T1", "type": "sale", "amount_cents": 1e3, "currency": "EUR"}',
        b'{"transaction": "T1", "type": "sale", "amount_cents": 10.5, "currency": "EUR"}',
        sale(amount_cents=-1),
        sale(amount_cents=True),
        sale(amount_cents="ten"),
        sale(amount_cents=None),
        sale(currency="ZZZ"),
        sale(currency="USD"),
        sale(currency=None),
        sale(type="gift"),
        sale(transaction=""),
        sale(transaction="a\u0000b"),
        sale(transaction="x" * 129),
        sale(transaction=5),
        sale(click_id="x" * 65),
        sale(at="yesterday"),
        sale(at="2026-11-24T08:00:00"),
        sale(at="2999-01-01T00:00:00Z"),
        sale(at=1e300),
    ],
)
def test_what_cannot_be_read_is_refused_and_nothing_is_recorded(send: Send, body):
    answer = send(body)

    assert answer.status_code == 422
    assert answer.json and answer.json["error"]
    assert conversions() == 0


def test_a_refund_takes_back_its_part(send: Send, alice, click):
    send(sale(click()))

    answer = send({"transaction": "T1", "type": "refund", "amount_cents": 4800, "currency": "EUR"})

    assert answer.status_code == 200
    assert ledger.balances(alice.id)["pending"] == 1_920


def test_a_refund_of_more_than_the_sale_is_refused(send: Send, click):
    send(sale(click()))

    answer = send({"transaction": "T1", "type": "refund", "amount_cents": 9601, "currency": "EUR"})

    assert answer.status_code == 422
    assert conversions() == 1


def test_a_lead_without_a_price_earns_the_fixed_commission(send: Send, alice, alices_post, click):
    with transaction():
        db.session.get(type(alices_post), alices_post.id).fixed_cents = 250

    send({"transaction": "L1", "type": "lead", "click_id": click()})

    assert ledger.balances(alice.id)["pending"] == 250
    db.session.rollback()
    send({"transaction": "L1", "type": "refund", "amount_cents": 0, "currency": "EUR"})
    assert ledger.balances(alice.id)["pending"] == 0


def test_an_unknown_click_is_kept_without_a_partner(send: Send):
    assert send(sale("nobody-knows")).status_code == 200

    db.session.rollback()
    assert db.session.scalars(select(Conversion.partner_id)).all() == [None]


def test_too_many_unsigned_posts_meet_a_limit_and_signed_ones_do_not(make_app, network, secret, click):
    app = make_app(POSTBACK_REFUSED_PER_MINUTE="2")
    client = browser(app)

    answers = [client.post(PATH, data=b"{}") for _ in range(3)]
    raw = json.dumps(sale(click())).encode()
    header = sign(secret, int(clock.now().timestamp()), "POST", PATH, raw)

    assert [answer.status_code for answer in answers] == [401, 401, 429]
    assert int(answers[2].headers["Retry-After"]) > 0
    assert client.post(PATH, data=raw, headers={HEADER: header}).status_code == 200


def signed_get(secret: str, path: str = PATH) -> str:
    query = "transaction=G1&type=sale&amount_cents=500&currency=EUR"
    header = sign(secret, int(clock.now().timestamp()), "GET", f"{path}?{query}", b"")
    return f"{path}?{query}&signature={header}"


def test_a_get_writes_nothing_unless_a_setting_allows_it(client: FlaskClient, secret: str):
    assert client.get(signed_get(secret)).status_code == 401
    assert conversions() == 0


def test_a_signed_get_records_where_it_is_allowed(make_app, network, secret: str):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))
    url = signed_get(secret)

    assert client.get(url.replace("amount_cents=500", "amount_cents=501")).status_code == 401
    assert client.head(url).status_code == 401
    assert client.get(url).status_code == 200
    assert conversions() == 1


def test_the_setting_of_a_name_with_a_hyphen_has_an_underscore(make_app, app: Flask):
    with transaction():
        _, secret = networks.add_network("awin-fr", "cli")
    client = browser(make_app(NETWORK_AWIN_FR_ALLOW_GET="true"))

    assert client.get(signed_get(secret, "/postback/awin-fr")).status_code == 200


def test_fifty_equal_posts_at_once_are_one_conversion(app: Flask, secret: str, click):
    raw = json.dumps(sale(click())).encode()
    header = sign(secret, int(clock.now().timestamp()), "POST", PATH, raw)
    db.session.rollback()

    def post(_: int) -> tuple[int, bytes]:
        with app.test_client() as client:
            answer = client.post(
                PATH, data=raw, headers={HEADER: header}, base_url="https://share.example.org"
            )
            return answer.status_code, answer.data

    with ThreadPoolExecutor(10) as threads:
        answers = set(threads.map(post, range(50)))

    assert {status for status, _ in answers} == {200}
    assert len(answers) == 1
    assert conversions() == 1
    assert db.session.scalar(select(func.count(LedgerTransaction.id))) == 1


@pytest.mark.parametrize("more", ["&signature=&click_id={click}", "&signature=x&transaction=G2"])
def test_nothing_unsigned_can_be_added_to_a_signed_get(make_app, network, secret: str, click, more: str):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))
    url, _, header = signed_get(secret).partition("&signature=")

    answer = client.get(url + more.format(click=click()), headers={HEADER: header})

    assert (answer.status_code, conversions()) == (401, 0)
    assert client.get(url, headers={HEADER: header}).status_code == 200


def test_a_field_that_stands_twice_in_a_signed_get_is_refused(make_app, network, secret: str):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))
    query = "transaction=G1&type=sale&amount_cents=500&amount_cents=900&currency=EUR"
    header = sign(secret, int(clock.now().timestamp()), "GET", f"{PATH}?{query}", b"")

    assert client.get(f"{PATH}?{query}&signature={header}").status_code == 422


@pytest.mark.parametrize("type", ["sale", "refund"])
def test_of_many_that_differ_and_come_at_once_one_is_recorded(app: Flask, secret: str, type: str):
    def post(number: int) -> int:
        raw = json.dumps(sale(type=type, amount_cents=100 + number, refund_of=f"S{number}")).encode()
        header = sign(secret, int(clock.now().timestamp()), "POST", PATH, raw)
        with app.test_client() as client:
            return client.post(PATH, data=raw, headers={HEADER: header}, **HOST).status_code

    with ThreadPoolExecutor(10) as threads:
        answers = sorted(threads.map(post, range(30)))

    assert answers == [200] + [409] * 29
    assert conversions() == 1


def test_a_sale_that_comes_before_its_click_is_a_row_is_the_partners(
    unfolded: None, app: Flask, send: Send, alice, alices_post
):
    clicked = click_id(visit(app, f"/l/{link_of(alices_post).code}"))

    answer = send(sale(clicked))

    assert answer.status_code == 200
    assert db.session.scalars(select(Conversion.partner_id)).one() == alice.id
    assert [click.id for click in clicks()] == [clicked]


def test_a_sale_whose_click_was_made_up_is_nobodys(send: Send, alices_post):
    send(sale(link_of(alices_post).code + "0" * 15))

    assert db.session.scalars(select(Conversion.unattributed)).one() == "unknown_click"
