"""What operators type."""

from __future__ import annotations

import json
import shlex

from flask import Flask
from sqlalchemy import select

from contentflow.conversions.models import Network
from contentflow.core.db import db
from contentflow.ledger import services as ledger
from tests.house import browser


def test_a_network_shows_its_secret_once_and_keeps_it_sealed(app: Flask, run):
    secret = run("network", "add", "awin")

    assert len(secret) == 43
    encrypted = db.session.scalars(select(Network.secret)).one()
    assert secret.encode() not in encrypted
    assert "exists already" in run("network", "add", "awin", ok=False)
    run("network", "add", "Not a name", ok=False)
    run("network", "add", "Awin", ok=False)
    run("network", "add", "awin-fr")


def test_the_printed_call_can_be_sent_as_it_is(app: Flask, run, alice, click):
    click()
    run("network", "add", "awin")

    words = shlex.split(run("network", "curl", "awin"))

    headers = dict(words[i + 1].split(": ", 1) for i, word in enumerate(words) if word == "-H")
    path = next(word for word in words if "/postback/" in word).removeprefix("https://share.example.org")
    answer = browser(app).post(path, data=words[words.index("--data-binary") + 1], headers=headers)
    assert answer.status_code == 200
    assert ledger.balances(alice.id)["pending"] == 400


def test_an_unattributed_conversion_is_listed_and_attributed(app: Flask, run, alice, click, postback):
    postback("T1")

    (row,) = json.loads(run("conversion", "unattributed", "--json"))
    run("conversion", "attach", row["id"], click())

    assert json.loads(run("conversion", "unattributed", "--json")) == []
    assert ledger.balances(alice.id)["pending"] == 400
    run("conversion", "attach", row["id"], click(), ok=False)
    run("conversion", "attach", "nobody", click(), ok=False)


def test_a_rate_is_set(app: Flask, run):
    assert json.loads(run("rate", "set", "USD", "0.92", "--json")) == {"currency": "USD"}
    assert run("rate", "set", "usd", "0.93") == "One USD is worth €0.93 for the conversions to come."
    for wrong in (("USD", "x"), ("EUR", "1"), ("ZZZ", "1")):
        run("rate", "set", *wrong, ok=False)


def test_a_call_without_any_click_says_that_it_will_be_nobodys(app: Flask, run):
    run("network", "add", "awin")

    result = app.test_cli_runner().invoke(args=["network", "curl", "awin"])

    assert "conversion attach" in result.stderr
    assert result.stdout.startswith("curl ")


def test_a_refund_call_can_name_its_sale(app: Flask, run):
    run("network", "add", "awin")

    words = shlex.split(run("network", "curl", "awin", "--type", "refund", "--refund-of", "T1"))

    body = json.loads(words[-1])
    assert (body["type"], body["refund_of"], "click_id" in body) == ("refund", "T1", False)


def test_networks_and_rates_are_listed_without_secrets(app: Flask, run):
    assert run("network", "list") == run("rate", "list") == "There is nothing to show."
    secret = run("network", "add", "awin")
    run("rate", "set", "USD", "0.92")

    networks, rates = json.loads(run("network", "list", "--json")), json.loads(run("rate", "list", "--json"))

    assert [(one["name"], one["may_get"]) for one in networks] == [("awin", False)]
    assert [(one["currency"], one["rate"]) for one in rates] == [("USD", "0.92")]
    shown = run("network", "list")
    assert "signed GET allowed" in shown.splitlines()[0] and " no " in shown
    assert secret not in shown
