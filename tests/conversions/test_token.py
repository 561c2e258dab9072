"""A network calls its address: query, form or JSON, its token in the path, and nowhere else."""

from __future__ import annotations

import io
import json
import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text
from werkzeug.test import TestResponse

from contentflow.conversions import networks
from contentflow.conversions.models import Conversion, Network, PostbackReport
from contentflow.conversions.presets import PRESETS
from contentflow.core import logs
from contentflow.core.audit import AuditEntry
from contentflow.core.db import Base, db, transaction
from contentflow.core.signature import HEADER, sign
from contentflow.ledger import services as ledger
from contentflow.links.click_ids import new_click_id
from contentflow.links.models import Link
from tests.house import HOST, browser

Call = Callable[..., TestResponse]


def address(name: str = "nova", preset: str = "generic", **lines: str) -> str:
    """Add a network and return its address, as ``network url`` prints it."""
    with transaction():
        network, _ = networks.add_network(name, "cli", preset)
        if lines:
            networks.change_mapping(
                network, {key.replace("__", "."): value for key, value in lines.items()}, "cli"
            )
        return networks.address_of(network)


@pytest.fixture
def path(app: Flask) -> str:
    return urlsplit(address()).path


def token_of(path: str) -> str:
    return path.rsplit("/", 1)[1]


def fields(**more: Any) -> dict[str, Any]:
    return {"transaction": "T1", "amount": "10.00", "currency": "EUR", "status": "approved", **more}


def conversions() -> list[Conversion]:
    db.session.rollback()
    return list(db.session.scalars(select(Conversion).order_by(Conversion.recorded_at)))


def reported() -> list[tuple[str, str]]:
    db.session.rollback()
    found = select(PostbackReport.verdict, PostbackReport.reason).order_by(PostbackReport.id)
    return [(verdict, reason) for verdict, reason in db.session.execute(found)]


def test_a_call_records_moves_corrects_and_replays(client: FlaskClient, alice, click, path: str):
    it = click()
    pending = client.get(path, query_string=fields(click_id=it, status="pending"))
    assert pending.json == {"id": conversions()[0].id, "state": "pending"}

    for more in (
        {"status": "approved"},
        {"amount": "20"},
        {"amount": "20"},
        {"amount": "20", "status": "rejected"},
    ):
        answer = client.get(path, query_string=fields(click_id=it, **more))
        assert answer.json["id"] == pending.json["id"]

    assert answer.json["state"] == "rejected"
    assert [verdict for verdict, _ in reported()] == ["new", "moved", "corrected", "replay", "moved"]
    assert ledger.balances(alice.id)["pending"] == 0


@pytest.mark.parametrize(
    "sent",
    [
        {"data": urlencode(fields()), "content_type": "application/x-www-form-urlencoded"},
        {"data": urlencode(fields()), "content_type": "text/plain"},
        {"data": fields()},
        {"data": {**fields(), "empty": (io.BytesIO(b""), "")}, "content_type": "multipart/form-data"},
        {"data": json.dumps(fields()), "content_type": "application/json"},
        {"data": json.dumps(fields(amount=10)), "content_type": "application/x-www-form-urlencoded"},
        {"data": "\ufeff" + json.dumps({**fields(), "amount": 10.00, "more": {"a": [1, {"b": None}]}})},
        {
            "query_string": {"transaction": "T1", "currency": "EUR"},
            "data": {"amount": "10,00", "status": "approved"},
        },
    ],
)
def test_a_report_comes_as_query_form_or_json(client: FlaskClient, path: str, sent: dict[str, Any]):
    answer = client.post(path, **sent)

    assert answer.status_code == 200, answer.text
    assert [(row.transaction, row.amount_cents) for row in conversions()] == [("T1", 1_000)]


def test_json_may_stand_in_a_form_field_and_hold_things(client: FlaskClient):
    path = urlsplit(address("awin", "awin", click_id="clickRefs.0.value")).path
    sent = {"transactionId": 7, "commission": 0.67, "transactionCurrency": "EUR"}
    body = {**sent, "clickRefs": [{"value": "x"}], "commissionGroups": [{"id": 1}]}

    answer = client.post(path, data={"AwinTransactionPush": json.dumps(body)})

    assert answer.json["state"] == "pending"
    assert [(row.transaction, row.amount_cents, row.click_id) for row in conversions()] == [("7", 67, "x")]


def test_head_writes_nothing(client: FlaskClient, path: str):
    answer = client.head(path, query_string=fields())

    assert (answer.status_code, answer.data) == (200, b"")
    assert (conversions(), reported()) == ([], [])


def test_a_wrong_token_and_an_unknown_network_are_refused_in_the_same_words(client: FlaskClient, path: str):
    other = urlsplit(address("other")).path
    wrong = [
        f"/postback/nova/{token_of(other)}",  # another network's
        f"/postback/nobody/{token_of(path)}",
        f"{path}x",
        path[:-1],
        f"/postback/nova/{quote('é')}",
        "/postback/nova/-",
        f"/postback/nova/{token_of(path)}/more",
        f"/postback/NoVa/{token_of(path).upper()}",
        "/postback/nova/" + "x" * 5_000,
    ]

    answers = {(answer.status_code, answer.data) for answer in (client.get(one) for one in wrong)}

    assert len(answers) == 1
    assert next(iter(answers))[0] == 401
    assert (conversions(), reported()) == ([], [("unsigned", "the token is wrong")])


def test_the_name_of_a_network_is_of_any_case_and_a_slash_at_the_end_is_none(client: FlaskClient, path: str):
    assert client.get(path.replace("nova", "NOVA"), query_string=fields()).status_code == 200


def test_two_tokens_are_good_while_one_is_rotated(client: FlaskClient, path: str):
    paths = [path]
    for _ in range(2):
        with transaction():
            network = networks.get_network("nova")
            networks.rotate_token(network, "cli")
            paths.append(urlsplit(networks.address_of(network)).path)

    statuses = [client.get(one, query_string=fields()).status_code for one in paths]

    assert statuses == [401, 200, 200]


def test_two_secrets_are_good_while_one_is_rotated(client: FlaskClient, app: Flask):
    with transaction():
        _, first = networks.add_network("signs", "cli")
    with transaction():
        second = networks.rotate_secret(networks.get_network("signs"), "cli")
    body = json.dumps({"transaction": "T1", "type": "lead"})
    from contentflow.core import clock

    now = int(clock.now().timestamp())
    statuses = [
        client.post(
            "/postback/signs",
            data=body,
            headers={HEADER: sign(secret, now, "POST", "/postback/signs", body.encode())},
        ).status_code
        for secret in (first, second, "another")
    ]

    assert statuses == [200, 200, 401]


def test_a_retired_network_is_gone_for_any_token_and_the_signed_form(client: FlaskClient, path: str):
    with transaction():
        networks.retire(networks.get_network("nova"), "cli")

    assert client.get(path, query_string=fields()).status_code == 404
    assert client.get("/postback/nova/wrong").status_code == 404
    assert client.post("/postback/nova", data="{}").status_code == 404
    assert conversions() == []


def test_a_flood_of_wrong_tokens_stops_itself_and_no_real_report(app: Flask, client: FlaskClient, path: str):
    statuses = [client.get("/postback/nova/wrong").status_code for _ in range(70)]
    real = client.get(path, query_string=fields())

    assert statuses == [401] * 60 + [429] * 10
    assert real.status_code == 200
    assert int(client.get("/postback/nova/wrong").headers["Retry-After"]) <= 60


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("transaction=T1&amount={payout}&currency=EUR", "amount was not filled in: {payout}"),
        ("transaction=T1&amount=1&currency=EUR&click_id=%7Bsubid%7D", "click_id was not filled in: {subid}"),
        ("transaction=T1&amount=!!!commission!!!&currency=EUR", "amount was not filled in: !!!commission!!!"),
        ("transaction=T1&amount=1&currency=EUR&click_id=%23s1%23", "click_id was not filled in: #s1#"),
        ("transaction=T1&amount=1&amount=2&currency=EUR", "amount stands twice"),
        ("transaction=T1&other=1&other=1&amount=1&currency=EUR", "other stands twice"),
        ("transaction=T1&amount=1e3&currency=EUR", "amount: an amount is a number such as 12.34"),
        (
            "transaction=T1&amount=1&currency=USD",
            "no rate is set for USD: the programme's operator can set one",
        ),
        ("transaction=T%001&amount=1&currency=EUR", "transaction is a text of 1 to 128 printable characters"),
        ("transaction=%ED%A0%80&amount=1&currency=EUR", "the query is not UTF-8"),
        ("transaction=%FF&amount=1&currency=EUR", "the query is not UTF-8"),
        ("&".join(f"a{number}=1" for number in range(200)), "the query has more than 100 fields"),
    ],
)
def test_what_cannot_be_kept_is_named_counted_and_no_sale(
    client: FlaskClient, path: str, query: str, reason: str
):
    answer = client.get(f"{path}?{query}")

    assert (answer.status_code, answer.json["error"]) == (422, reason)
    assert (conversions(), reported()) == ([], [("refused", reason)])


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("[" * 1_000 + "]" * 1_000, 422),
        ('{"a":' * 1_000 + "1" + "}" * 1_000, 422),
        ('{"transaction": "\\ud800", "amount": 1, "currency": "EUR"}', 422),
        ('{"transaction": "T\\u0000", "amount": 1, "currency": "EUR"}', 422),
        ('{"transaction": "T1", "transaction": "T2", "amount": 1, "currency": "EUR"}', 422),
        ('{"transaction": "T1", "amount": NaN, "currency": "EUR"}', 422),
        ('{"transaction": "T1", "amount": 1e3, "currency": "EUR"}', 422),
        (b"PK\x03\x04\x14\x00" + bytes(range(256)), 422),
        ("x" * (10 * 1024 * 1024), 413),
    ],
)
def test_bad_bodies_are_refused(client: FlaskClient, path: str, body: str | bytes, status: int):
    answer = client.post(path, data=body, content_type="application/json")

    assert answer.status_code == status
    assert answer.json["detail"]
    assert conversions() == []


def test_a_query_of_20_kilobytes_is_refused(client: FlaskClient, path: str):
    assert client.get(path, query_string={"a": "x" * 20_000}).status_code == 413


def test_two_fields_of_address_and_body_may_not_be_the_same(client: FlaskClient, path: str):
    answer = client.post(path, query_string={"amount": "1"}, data=fields())

    assert answer.json["error"] == "amount stands in the address and in the body"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH"])
def test_other_methods_do_not_exist(client: FlaskClient, path: str, method: str):
    assert client.open(path, method=method, query_string=fields()).status_code == 405


def test_the_token_is_in_no_log_error_page_header_metric_audit_or_table(
    app: Flask, client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
):
    token, written = token_of(path), io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logs.JsonLines())
    logging.getLogger().addHandler(handler)
    monkeypatch.setattr(logging.getLogger(), "level", logging.DEBUG)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("broken")

    answers = [
        client.get(path, query_string=fields()),
        client.get(path, query_string=fields(amount="{payout}")),
        client.put(path, headers={"Referer": f"https://share.example.org{path}"}),
        client.get(f"{path}/x"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr("contentflow.conversions.services.record", broken)
        answers.append(client.get(path, query_string=fields(transaction="T2")))
    answers.append(client.get("/metrics", headers={"Authorization": "Bearer x"}))
    with transaction():
        networks.rotate_token(networks.get_network("nova"), "cli")
    logging.getLogger().removeHandler(handler)

    assert answers[4].status_code == 500
    assert "RuntimeError" in written.getvalue()
    assert token not in written.getvalue()
    for answer in answers:
        assert token not in answer.text
        assert token not in str(answer.headers)
    assert [answer.headers["Referrer-Policy"] for answer in answers[:2]] == ["no-referrer"] * 2
    assert db.session.scalar(select(func.count(AuditEntry.id))) is not None
    for table in Base.metadata.sorted_tables:
        assert token not in str(db.session.execute(text(f'SELECT * FROM "{table.name}"')).all())


def test_views_and_instrumentations_see_a_path_without_the_token(app: Flask, path: str):
    seen: dict[str, Any] = {}
    inner = app.wsgi_app

    def instrumented(environ: dict[str, Any], start_response: Any) -> Any:
        seen.update(environ)
        return inner(environ, start_response)

    app.wsgi_app = instrumented  # type: ignore[method-assign]
    uri = {"RAW_URI": f"{path}?a=1", "REQUEST_URI": f"{path}?a=1"}
    browser(app).get(f"{path}?a=1", environ_overrides=uri)

    assert (seen["PATH_INFO"], seen["RAW_URI"], seen["REQUEST_URI"]) == (
        "/postback/nova/-",
        "/postback/nova/-?a=1",
        "/postback/nova/-?a=1",
    )
    holders = {key for key, value in seen.items() if token_of(path) in str(value)}
    assert holders - {"werkzeug.request"} == {"contentflow.token"}  # The test's own client keeps the former.


@pytest.fixture
def real_click(click: Callable[..., str], alices_post: Any) -> Callable[[], str]:
    """Write a click whose id names its link, as those of visits do."""
    codes = select(Link.code).where(Link.submission_id == alices_post.id, Link.channel == "whatsapp")
    code = db.session.scalars(codes).one()
    return lambda: click(id=new_click_id(code, b"key"))


@pytest.mark.parametrize(
    "mangled",
    [
        lambda it: it + " ",
        lambda it: it + "%20",
        lambda it: it + "%2520",
        lambda it: "".join(f"%25{ord(letter):02X}" for letter in it),
        lambda it: it.lower(),
        lambda it: it.upper(),
        lambda it: it[:20],
        lambda it: it[:12].lower(),
    ],
)
def test_a_mangled_click_id_counts_where_it_means_one_click(
    client: FlaskClient, alice, real_click, path: str, mangled: Callable[[str], str]
):
    client.get(path, query_string=fields(click_id=mangled(real_click())))

    assert [row.partner_id for row in conversions()] == [alice.id]


def test_an_id_that_may_mean_two_clicks_is_kept_and_names_both(
    client: FlaskClient, run, real_click, path: str
):
    both = sorted((real_click(), real_click()))

    client.get(path, query_string=fields(click_id=both[0][:7]))

    assert [row.unattributed for row in conversions()] == ["unknown_click"]
    (told,) = json.loads(run("conversion", "unattributed", "--json"))
    assert told["candidates"] == both


@pytest.mark.parametrize("click_id", ["", "nobody", "x" * 22, "%", "é" * 7, "a%00b"[:1]])
def test_an_id_that_means_no_click_is_kept(client: FlaskClient, click, path: str, click_id: str):
    click()

    assert client.get(path, query_string=fields(click_id=click_id)).status_code == 200
    assert [row.partner_id for row in conversions()] == [None]


SAMPLES = {
    "transaction": "4711-A",
    "amount": "12.50",
    "currency": "EUR",
    "at": "2026-11-20 10:00:00",
    "changed_at": "2026-11-21 10:00:00",
    "type": "sale",
    "refund_of": "",
}


def filled(preset: str, it: str, status: str) -> dict[str, str]:
    """Return the fields of a preset's address as the network would fill them in."""
    lines, words = PRESETS[preset].mapping, {**SAMPLES, "click_id": it, "status": status}
    if preset == "kwanko":
        words["at"] = "1795168800"
    return {lines[key]: value for key, value in words.items() if key in lines and value}


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_each_preset_reads_what_its_network_sends(
    client: FlaskClient, alice, click, preset: str, method: str
):
    url = address("net", preset)
    lines = PRESETS[preset].mapping
    assert urlsplit(url).query == "" or dict(parse_qsl(urlsplit(url).query)).keys() <= set(lines.values())
    reports = "status" in lines

    states = []
    for state in ("pending", "approved", "rejected"):
        word = lines.get(state, state).split(",")[0].upper()
        sent = filled(preset, click(), word)
        if not reports:
            sent.pop("status", None)
        body = {lines["json_field"]: json.dumps(sent)} if "json_field" in lines and method == "post" else sent
        arguments = {"query_string": sent} if method == "get" else {"data": body}
        answer = getattr(client, method)(urlsplit(url).path, **arguments)
        assert answer.status_code == 200, answer.text
        states.append(answer.json["state"])

    waits = "pending" if lines.get("approval") == "report" else "approved"
    assert states == (["pending", "approved", "rejected"] if reports else [waits] * 3)
    (row,) = conversions()
    assert (row.transaction, row.amount_cents, row.partner_id) == ("4711-A", 1_250, alice.id)


@pytest.mark.parametrize("preset", [name for name in sorted(PRESETS) if PRESETS[name].macros])
def test_an_address_called_before_its_macros_are_filled_in_is_refused(client: FlaskClient, preset: str):
    parts = urlsplit(address("net", preset))

    answer = client.get(f"{parts.path}?{parts.query}")

    assert answer.status_code == 422
    assert "was not filled in" in answer.json["error"]


def test_fifty_mixed_reports_at_once_are_one_sale_of_the_last_words(app: Flask, alice, click, path: str):
    it = click()

    def call(number: int) -> int:
        client = app.test_client()
        state = ("pending", "approved", "rejected")[number % 3]
        sent = fields(
            click_id=it, amount=f"{10 + number % 5}", status=state, changed_at=f"{1795168800 + number}"
        )
        return client.get(path, query_string=sent, base_url=HOST["base_url"]).status_code

    with ThreadPoolExecutor(10) as threads:
        statuses = list(threads.map(call, range(50)))

    assert set(statuses) == {200}
    (row,) = conversions()
    assert (row.state, row.amount_cents) == ("approved", 1_400)
    assert ledger.balances(alice.id)["pending"] == 560
    assert ledger.check_ledger() is None
    assert len(reported()) == 50


def test_the_commands_show_no_secret_but_where_asked(app: Flask, run):
    added = json.loads(run("network", "add", "Tune-1", "--preset", "tune", "--json"))
    assert run("network", "add", "plain") != ""
    url = run("network", "url", "tune-1")
    token = token_of(urlsplit(url).path)
    assert added["url"] == url
    assert re.fullmatch(r"https://share\.example\.org/postback/tune-1/[\w-]{43}\?.*payout=\{payout\}.*", url)

    run("network", "map", "tune-1", "click_id=aff_sub2", "zone=")
    shown = json.loads(run("network", "show", "tune-1", "--json"))
    assert (shown["mapping"]["click_id"], "zone" in shown["mapping"]) == ("aff_sub2", False)
    for words in (["show", "tune-1"], ["list"], ["map", "tune-1"], ["last", "tune-1"]):
        told = run("network", *words)
        assert token not in told
        assert added["secret"] not in told
    assert run("network", "rotate", "tune-1") != url
    assert run("network", "rotate", "tune-1", "--secret") != added["secret"]
    run("network", "map", "tune-1", "amount_form=cents", ok=False)
    run("network", "retire", "tune-1")
    assert json.loads(run("network", "show", "tune-1", "--json"))["retired_at"]


def test_last_tells_each_report_and_its_verdict(app: Flask, client: FlaskClient, run, path: str):
    client.get(path, query_string=fields())
    client.get(path, query_string=fields(amount="{payout}"))

    told = json.loads(run("network", "last", "nova", "--json"))

    assert [(row["verdict"], row["reason"]) for row in told] == [
        ("refused", "amount was not filled in: {payout}"),
        ("new", "no_click"),
    ]
    assert set(told[0]) == {"at", "verdict", "reason", "transaction", "type", "state", "conversion_id"}


def test_a_network_from_before_the_tokens_gets_one_by_rotating(app: Flask, run):
    with transaction():
        db.session.add(Network(name="old", secret=networks.encrypt("secret")))

    run("network", "url", "old", ok=False)

    assert "/postback/old/" in run("network", "rotate", "old")
