"""A report that is refused with 401 stands among the network's last ones, and cannot fill them."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.conversions import networks, reports
from contentflow.conversions.models import Network, PostbackReport
from contentflow.core import clock, signature
from contentflow.core.db import db, transaction
from tests.conversions.test_reports import days, reported
from tests.guards.test_queries import statements
from tests.house import browser, look_anew

BODY = json.dumps(
    {"transaction": "T-1", "type": "sale", "amount_cents": 1_000, "currency": "EUR", "note": "a secret word"}
).encode()


def send(app: Flask, header: str | None, address: str = "203.0.113.9", name: str = "awin") -> int:
    headers = {"Content-Type": "application/json"} | ({signature.HEADER: header} if header else {})
    environ = {"REMOTE_ADDR": address}
    answer = browser(app).post(f"/postback/{name}", data=BODY, headers=headers, environ_overrides=environ)
    return answer.status_code


def signed(secret: str, age: int = 0) -> str:
    return signature.sign(secret, int(clock.now().timestamp()) - age, "POST", "/postback/awin", BODY)


def noted() -> list[tuple[str, str]]:
    look_anew()
    found = select(PostbackReport.verdict, PostbackReport.reason).order_by(PostbackReport.id)
    return [(row[0], row[1]) for row in db.session.execute(found)]


ANOTHER = "signed with another secret, or over another method, path or body"


@pytest.mark.parametrize(
    ("age", "header", "reason"),
    [
        (0, None, "no signature"),
        (0, "a secret word", "the signature is not t=<unix seconds>,v1=<hex>"),
        (301, "", "signed 301 seconds ago"),
        (-400, "", "signed 400 seconds ahead"),
        (0, "", ANOTHER),
    ],
)
def test_the_list_says_why_and_nothing_of_what_was_sent(
    app: Flask, network: Network, age: int, header: str | None, reason: str
):
    with time_machine.travel(clock.now(), tick=False):
        sent = signed("another secret", age) if header == "" else header
        assert send(app, sent) == 401

    assert noted() == [("unsigned", reason)]
    (row,) = db.session.scalars(select(PostbackReport))
    assert (row.transaction, row.type, row.state, row.conversion_id) == ("", "", "", None)
    assert reports.list_last(network)[0]["verdict"] == "unsigned"


def test_a_wrong_token_stands_there_too(app: Flask, network: Network):
    assert browser(app).get("/postback/awin/a-wrong-token?transaction=T-1").status_code == 401

    assert noted() == [("unsigned", "the token is wrong")]


def test_who_sends_many_makes_one_row_a_minute(app: Flask, network: Network):
    with time_machine.travel(clock.now(), tick=False) as moment:
        for number in range(12):
            send(app, "x", f"203.0.113.{number}")
        assert len(noted()) == 1
        moment.shift(59)
        send(app, "x")
        assert len(noted()) == 1
        moment.shift(1)
        send(app, "x")

    assert len(noted()) == 2


def test_of_a_network_the_last_ten_are_kept_and_its_reports_stay(app: Flask, network: Network):
    other, _ = networks_with("other")
    reported(network, *days(3, 2))
    with time_machine.travel(clock.now(), tick=False) as moment:
        send(app, "x", name="other")
        for number in range(13):
            moment.shift(60)
            with transaction():
                reports.note_unsigned(network.id, str(number))

    assert [reason for verdict, reason in noted() if verdict == "unsigned"][1:] == [
        str(number) for number in range(3, 13)
    ]
    assert [verdict for verdict, _ in noted()].count("new") == 2
    assert reports.list_last(other)[0]["verdict"] == "unsigned"


def networks_with(name: str) -> tuple[Network, str]:
    with transaction():
        made = networks.add_network(name, "cli")
    return made


def test_an_unknown_network_notes_nothing_and_asks_the_same(app: Flask, network: Network):
    with statements() as known:
        assert send(app, "x") == 401
    with statements() as again:
        assert send(app, "x") == 401
    before = noted()
    with statements() as unknown:
        assert send(app, "x", name="nobody") == 401

    assert noted() == before and len(before) == 1
    assert len(unknown) == len(again) < len(known)


def test_a_client_over_its_limit_notes_nothing(make_app: Any, app: Flask, network: Network):
    strict = make_app(POSTBACK_REFUSED_PER_MINUTE="1")
    with strict.app_context(), time_machine.travel(clock.now(), tick=False) as moment:
        assert send(strict, "x") == 401
        moment.shift(30)
        assert send(strict, "x") == 429

    assert len(noted()) == 1


def test_nothing_is_concluded_from_them(app: Flask, network: Network):
    reported(network, *days(20, 19, 18, 17, 16))
    reported(network, *days(0.1, 0.2, 0.3, 0.4, 0.5, 0.6), verdict="unsigned")
    found = str(reports.check_networks())
    assert "awin" in found and "16" in found  # still silent

    reported(network, *days(0.05))
    assert reports.check_networks() is None  # and no share of refusals rises
    assert reports.silent_of([network]) == []


def test_a_right_report_goes_through_meanwhile(app: Flask, network: Network):
    send(app, "x")
    assert send(app, signed(networks.secret_of(network))) == 200

    assert [verdict for verdict, _ in noted()] == ["unsigned", "new"]
    with time_machine.travel(clock.now() + timedelta(days=400)):
        assert reports.delete_old() == 2
