"""What networks really send: capitals, a byte-order mark, chunks, blanks, other figures, old encodings."""

from __future__ import annotations

import http.client
import io
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.conversions import networks
from contentflow.conversions.amounts import WrongAmount, read_query
from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.signature import HEADER, sign
from contentflow.ledger import services as ledger
from tests.house import browser
from tests.live import serving

PATH = "/postback/awin"
SALE = {"transaction": "T1", "type": "sale", "amount_cents": 10_000, "currency": "EUR"}


@pytest.fixture
def secret(network: Network) -> str:
    return networks.secret_of(network)


def signed(secret: str, body: bytes, method: str = "POST", path: str | bytes = PATH) -> str:
    return sign(secret, int(clock.now().timestamp()), method, path, body)


@pytest.fixture
def send(client: FlaskClient, secret: str) -> Any:
    def post(fields: dict[str, Any] | bytes, **more: Any):
        body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        more.setdefault("content_type", "application/json")
        return client.post(PATH, data=body, headers={HEADER: signed(secret, body)}, **more)

    return post


def transactions() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Conversion.transaction)))


def test_a_signature_in_capitals_is_the_same(client: FlaskClient, secret: str):
    body = json.dumps(SALE).encode()
    at, _, digits = signed(secret, body).partition(",v1=")

    answer = client.post(PATH, data=body, headers={HEADER: f"{at},v1={digits.upper()}"})

    assert answer.status_code == 200


def test_a_byte_order_mark_is_no_part_of_the_report(send, alice, click):
    answer = send(b"\xef\xbb\xbf" + json.dumps({**SALE, "click_id": click()}).encode())

    assert answer.status_code == 200
    assert ledger.balances(alice.id)["pending"] == 4_000


@pytest.mark.parametrize("form", ["{} ", " {}", "{}\n", "\t{}\r\n", "\u00a0{}"])
def test_blanks_around_a_click_id_do_not_lose_the_sale(send, alice, click, form: str):
    own = click()
    answer = send({**SALE, "click_id": form.format(own)})

    assert answer.status_code == 200
    assert ledger.balances(alice.id)["pending"] == 4_000
    assert send({**SALE, "click_id": own}).json == answer.json


@pytest.mark.parametrize(
    "other",
    [
        {"order_total": 129.9},
        {"rate": 1e-7, "cart": {"lines": [{"price": 9.99}, {"price": -3}]}},
        {"order_id": 123456789012345678901234567890},
        {"is_new": True, "coupon": None},
    ],
)
def test_fields_of_their_own_may_hold_any_figure(send, other: dict[str, Any]):
    assert send({**SALE, **other}).status_code == 200


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"amount_cents": 100.0}, "amount_cents"),
        ({"amount_cents": 1e3}, "amount_cents"),
        ({"amount_cents": 10**30}, "amount_cents"),
        ({"amount_cents": "96.00"}, "amount_cents"),
        ({"transaction": 12.5}, "transaction"),
        ({"click_id": 1.5}, "click_id"),
        ({"type": 1.5}, "type"),
        ({"currency": 9.78}, "currency"),
        ({"at": 1.5}, "at is"),
        ({"refund_of": 1.5, "type": "refund"}, "refund_of"),
        ({"transaction": "Caf\ufffd"}, "transaction"),
    ],
)
def test_ours_that_hold_another_figure_are_named(send, fields: dict[str, Any], named: str):
    answer = send({**SALE, **fields})

    assert answer.status_code == 422
    assert named in answer.json["error"]
    assert transactions() == []


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"transaction": "T1", \xe9}', "not UTF-8 at byte 22"),
        (json.dumps(SALE).encode("utf-16"), "not UTF-8"),
        (b'{"a": NaN}', "NaN is no number"),
        (b"{'a': 1}", "not JSON"),
        (b"a=1", "not JSON"),
        (b"", "not JSON"),
        (b'["T1"]', "not a JSON object"),
        (b"[" * 15_000, "not JSON"),
        (b'{"a": 1, "a": 1}', "a stands twice"),
    ],
)
def test_a_body_that_cannot_be_read_is_told_what_is_wrong(send, body: bytes, told: str):
    answer = send(body)

    assert answer.status_code == 422
    assert told in answer.json["error"]


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
def test_a_body_in_chunks_is_read_whatever_it_is_called(send, content_type: str):
    body = json.dumps(SALE).encode()
    chunked = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

    answer = send(body, content_type=content_type, environ_overrides=chunked)

    assert answer.status_code == 200, answer.data


@pytest.mark.parametrize("is_chunked", [True, False])
def test_a_long_body_is_refused_in_words_of_a_machine(send, is_chunked: bool):
    body = json.dumps({**SALE, "more": "x" * 17_000}).encode()
    chunked = {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}

    answer = send(body, environ_overrides=chunked if is_chunked else {})

    assert (answer.status_code, answer.json["error"]) == (413, "A report is at most 16 kB.")


def get(client: FlaskClient, secret: str, query: bytes):
    header = signed(secret, b"", "GET", PATH.encode() + b"?" + query)
    environ = {"QUERY_STRING": query.decode("latin-1")}
    return client.get(PATH, headers={HEADER: header}, environ_overrides=environ)


QUERY = b"type=sale&amount_cents=500&currency=EUR&transaction="


@pytest.mark.parametrize("names", [(b"caf%E9", b"caf%E8"), (b"caf\xe9", b"caf\xe8"), (b"%FF", b"%FE")])
def test_bytes_that_are_no_utf8_never_make_two_sales_one(make_app, network, secret: str, names):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))

    answers = [get(client, secret, QUERY + name) for name in names]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert "not UTF-8" in answers[0].json["error"]
    assert transactions() == []


def test_letters_beyond_ascii_are_kept_apart_encoded_and_raw(make_app, network, secret: str):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))

    raw, encoded, other = ("é".encode(), b"%C3%A9", "Ã©".encode())

    ids = [get(client, secret, QUERY + name).json["id"] for name in (raw, encoded, other)]
    assert ids[0] == ids[1] != ids[2]
    assert transactions() == ["Ã©", "é"]


def test_a_replacement_character_in_a_query_is_refused(make_app, network, secret: str):
    client = browser(make_app(NETWORK_AWIN_ALLOW_GET="true"))

    assert get(client, secret, QUERY + b"caf%EF%BF%BD").status_code == 422


def test_too_many_fields_and_blanks_in_a_query():
    assert read_query(b"a=1+2&b=%2B&c=") == {"a": "1 2", "b": "+", "c": ""}
    with pytest.raises(WrongAmount, match="more than 100 fields"):
        read_query(b"&".join(b"a%d=1" % number for number in range(101)))


@pytest.mark.proof
def test_on_the_wire_chunks_with_a_form_content_type_are_recorded(tmp_path: Path):
    with serving(tmp_path) as live:
        secret = live.run("network", "add", "awin")["secret"]
        body = json.dumps(SALE).encode()
        for content_type in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=10)
            headers = {HEADER: signed(secret, body), "Content-Type": content_type}
            connection.request(
                "POST", PATH, iter([body[:9], body[9:]]), {**headers, "Transfer-Encoding": "chunked"},
                encode_chunked=True,
            )  # fmt: skip
            answer = connection.getresponse()
            assert answer.status == 200, answer.read()
            connection.close()
