"""What operators type."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.earnings import ledger
from contentflow.earnings.models import Credit, Network
from tests.house import browser


@pytest.fixture
def run(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("LANGUAGE", "en")

    def run(*words: str, ok: bool = True) -> str:
        result = app.test_cli_runner().invoke(args=list(words))
        db.session.rollback()
        assert (result.exit_code == 0) == ok, result.output
        return result.output.strip()

    return run


def test_a_network_shows_its_secret_once_and_keeps_it_sealed(app: Flask, run):
    secret = run("network", "add", "awin")

    assert len(secret) == 43
    sealed = db.session.scalars(select(Network.secret)).one()
    assert secret.encode() not in sealed
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


def test_an_unattributed_conversion_is_listed_and_attached(app: Flask, run, alice, click, report):
    report("T1")

    (row,) = json.loads(run("conversion", "unattributed", "--json"))
    run("conversion", "attach", row["id"], click())

    assert json.loads(run("conversion", "unattributed", "--json")) == []
    assert ledger.balances(alice.id)["pending"] == 400
    run("conversion", "attach", row["id"], click(), ok=False)
    run("conversion", "attach", "nobody", click(), ok=False)


def test_a_hold_is_listed_and_let_go_and_a_credit_clawed_back(app: Flask, run, alice, click, report):
    report("T1", click_id=click(verdict="self"))

    (row,) = json.loads(run("hold", "list", "--json"))
    run("hold", "release", row["credit"])
    run("ledger", "clawback", row["credit"], "150", "--reason", "Commande annulée")
    run("ledger", "clawback", row["credit"], "251", "--reason", "Trop", ok=False)
    run("ledger", "clawback", row["credit"], "1", "--reason", " ", ok=False)

    assert row["reason"] == "self_click"
    assert ledger.balances(alice.id)["pending"] == 250
    acts = list(db.session.scalars(select(AuditEntry.act).order_by(AuditEntry.at)))
    assert acts[-2:] == ["hold.release.self_click", "ledger.clawback"]


def test_a_contract_is_recorded_for_a_known_partner_only(app: Flask, run, alice, click, report):
    report("T1", amount_cents=260_000, click_id=click())

    due = json.loads(run("contract", "due", "--json"))
    assert due == [{"email": "alice@example.org", "partner": alice.id, "advertiser": "Nova",
                    "cents": 104_000, "held": True}]  # fmt: skip
    run("contract", "record", "nobody@example.org", "Nova", "1", ok=False)
    run("contract", "record", "alice@example.org", "Nova", "2026-1", "--accepted-on", "2026-03-01")

    assert ledger.balances(alice.id)["held"] == 0
    assert json.loads(run("contract", "due", "--json")) == []


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


def test_a_hold_names_the_partner_and_is_rejected_for_good(app: Flask, run, alice, click, report):
    report("T1", click_id=click(verdict="self"))
    (row,) = json.loads(run("hold", "list", "--json"))
    assert (row["partner"], row["partner_name"]) == (alice.id, "Alice Martin")
    assert "Alice Martin" in run("hold", "list") and "€4.00" in run("hold", "list")

    run("hold", "reject", row["credit"], "--reason", " ", ok=False)
    said = run("hold", "reject", row["credit"], "--reason", "Ton propre clic")

    assert said == "The credit is rejected: €4.00 is taken back."
    assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": 0, "paid": 0}
    assert ledger.check_ledger() is None
    assert json.loads(run("hold", "list", "--json")) == []
    run("hold", "reject", row["credit"], "--reason", "again", ok=False)
    run("hold", "release", row["credit"], ok=False)
    run("hold", "reject", "nothing", "--reason", "x", ok=False)
    db.session.rollback()
    acts = set(db.session.scalars(select(AuditEntry.act)))
    assert {"hold.reject", "ledger.clawback"} <= acts


def test_what_is_not_held_cannot_be_rejected(app: Flask, run, alice, click, report):
    report("T1", click_id=click())
    credit = db.session.scalars(select(Credit.id)).one()

    run("hold", "reject", credit, "--reason", "x", ok=False)

    assert ledger.balances(alice.id)["pending"] == 400
