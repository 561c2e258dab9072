"""Cents per valid click: closed days, once, within the budget."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from contentflow.conversions import click_commissions
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import holds
from contentflow.ledger import services as ledger


@pytest.fixture
def paid_post(app: Flask, alices_post: Any) -> Any:
    with transaction():
        db.session.execute(text("UPDATE byop_submissions SET click_cents = 15"))
    return alices_post


def pay(days: int = 1) -> None:
    with time_machine.travel(clock.now() + timedelta(days=days)):
        click_commissions.pay_closed_days()


def test_the_valid_clicks_of_a_closed_day_are_paid_once(app: Flask, alice, paid_post, click):
    for verdict in ("valid", "valid", "bot", "duplicate"):
        click("x", verdict)

    click_commissions.pay_closed_days()
    assert ledger.balances(alice.id)["pending"] == 0
    pay()
    pay()

    assert ledger.balances(alice.id)["pending"] == 30
    assert ledger.check_ledger() is None


def test_a_click_that_comes_late_out_of_a_journal_is_paid_too(app: Flask, alice, paid_post, click):
    click("x")
    pay()

    click("x")
    pay(2)

    assert ledger.balances(alice.id)["pending"] == 30


def test_a_click_that_was_paid_and_is_reclassified_is_not_taken_back_silently(
    app: Flask, alice, paid_post, click
):
    click("x")
    pay()

    with transaction():
        db.session.execute(text("UPDATE clicks SET verdict = 'bot'"))
    pay(2)

    assert ledger.balances(alice.id)["pending"] == 15


def test_the_budget_of_a_day_pays_whole_clicks(app: Flask, alice, paid_post, click):
    with transaction():
        db.session.execute(text("UPDATE offers SET daily_budget_cents = 50"))
    for channel in ("x", "x", "copy", "copy", "qr"):
        click(channel)

    pay()
    pay(2)

    assert ledger.balances(alice.id)["pending"] == 45


def test_clicks_out_of_one_block_are_held(app: Flask, alice, paid_post, click):
    for _ in range(20):
        click("x", block_hash="b" * 64)

    pay()

    assert ledger.balances(alice.id) == {"pending": 0, "held": 300, "available": 0, "paying": 0, "paid": 0}
    assert [hold.reason for hold, _ in holds.list_holds()] == ["network_block"]


def test_a_day_with_more_fraud_than_people_is_held(app: Flask, alice, paid_post, click):
    for verdict in ("valid", "fraud", "fraud"):
        click("x", verdict)

    pay()

    assert ledger.balances(alice.id)["held"] == 15
