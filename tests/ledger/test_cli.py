"""What operators type about holds, contracts and corrections."""

from __future__ import annotations

import json

import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, Contract


def test_a_hold_is_listed_and_let_go_and_a_commission_clawed_back(app: Flask, run, alice, click, postback):
    postback("T1", click_id=click(verdict="self"))

    (row,) = json.loads(run("hold", "list", "--json"))
    run("hold", "release", row["credit"])
    run("ledger", "clawback", row["credit"], "150", "--reason", "Commande annulée")
    run("ledger", "clawback", row["credit"], "251", "--reason", "Trop", ok=False)
    run("ledger", "clawback", row["credit"], "1", "--reason", " ", ok=False)

    assert row["reason"] == "self_click"
    assert ledger.balances(alice.id)["pending"] == 250
    acts = list(db.session.scalars(select(AuditEntry.act).order_by(AuditEntry.recorded_at)))
    assert acts[-2:] == ["hold.release.self_click", "ledger.clawback"]


def test_a_contract_is_recorded_for_a_known_partner_only(app: Flask, run, alice, click, postback):
    postback("T1", amount_cents=260_000, click_id=click())

    due = json.loads(run("contract", "due", "--json"))
    assert due == [{"email": "alice@example.org", "partner": alice.id, "advertiser": "Nova",
                    "cents": 104_000, "held": True}]  # fmt: skip
    run("contract", "record", "nobody@example.org", "Nova", "1", ok=False)
    run("contract", "record", "alice@example.org", "Nova", "2026-1", "--accepted-on", "2026-03-01")

    assert ledger.balances(alice.id)["held"] == 0
    assert json.loads(run("contract", "due", "--json")) == []


def test_a_contract_is_accepted_on_a_french_day_that_has_begun(app: Flask, run, alice, offer):
    record = ("contract", "record", "alice@example.org", "Nova", "2026-1", "--accepted-on")

    with time_machine.travel("2026-11-28T23:30:00+00:00", tick=False):  # half past midnight in Paris
        run(*record, "2026-11-30", ok=False)
        run(*record, "2026-11-29")

    assert db.session.scalars(select(Contract.accepted_at)).one().isoformat() == "2026-11-28T23:00:00+00:00"


def test_a_hold_names_the_partner_and_is_rejected_for_good(app: Flask, run, alice, click, postback):
    postback("T1", click_id=click(verdict="self"))
    (row,) = json.loads(run("hold", "list", "--json"))
    assert (row["partner"], row["partner_name"]) == (alice.id, "Alice Martin")
    assert "Alice Martin" in run("hold", "list") and "€4.00" in run("hold", "list")

    run("hold", "reject", row["credit"], "--reason", " ", ok=False)
    said = run("hold", "reject", row["credit"], "--reason", "Ton propre clic")

    assert said == "The credit is rejected: €4.00 is taken back."
    assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": 0, "paying": 0, "paid": 0}
    assert ledger.check_ledger() is None
    assert json.loads(run("hold", "list", "--json")) == []
    run("hold", "reject", row["credit"], "--reason", "again", ok=False)
    run("hold", "release", row["credit"], ok=False)
    run("hold", "reject", "nothing", "--reason", "x", ok=False)
    db.session.rollback()
    acts = set(db.session.scalars(select(AuditEntry.act)))
    assert {"hold.reject", "ledger.clawback"} <= acts


def test_what_is_not_held_cannot_be_rejected(app: Flask, run, alice, click, postback):
    postback("T1", click_id=click())
    commission = db.session.scalars(select(Commission.id)).one()

    run("hold", "reject", commission, "--reason", "x", ok=False)

    assert ledger.balances(alice.id)["pending"] == 400
