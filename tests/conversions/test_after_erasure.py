"""After an erasure a sale is kept by the programme and credits nobody."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select

from contentflow.conversions import services as conversions
from contentflow.conversions import unattributed
from contentflow.conversions.errors import AccountErased
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, LedgerEntry
from contentflow.links.models import Click
from contentflow.partners import services as partners


def erase(partner_id: str) -> None:
    with transaction():
        partners.erase_partner(partner_id)


def commissions() -> int:
    return int(db.session.scalar(select(func.count(Commission.id))) or 0)


def account(name: str) -> int:
    total = select(func.sum(LedgerEntry.amount_cents)).where(LedgerEntry.account == name)
    return int(db.session.scalar(total) or 0)


def test_a_sale_after_an_erasure_is_the_programmes_and_says_why(app: Flask, alice, click, postback):
    own = click()
    erase(alice.id)

    sale = postback("T1", amount_cents=1_000, click_id=own)

    assert (sale.partner_id, sale.earned_cents, commissions()) == (None, 0, 0)
    assert account("programme") == 1_000
    assert [unattributed.why_unattributed(row) for row in unattributed.list_unattributed()] == [
        "account_erased"
    ]
    with time_machine.travel(clock.now() + timedelta(days=40)):
        ledger.mature_due()
    assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": 0, "paying": 0, "paid": 0}


def test_the_reason_outlives_the_raw_click(app: Flask, alice, click, postback):
    own = click()
    erase(alice.id)
    postback("T1", click_id=own)

    with transaction():
        db.session.delete(db.session.get_one(Click, own))

    assert unattributed.why_unattributed(unattributed.list_unattributed()[0]) == "account_erased"


def test_a_replay_and_a_refund_of_it_credit_nobody_too(app: Flask, alice, click, postback):
    own = click()
    erase(alice.id)
    sale = postback("T1", click_id=own)

    again, refund = postback("T1", click_id=own), postback("T1", "refund", 1_000)

    assert again.id == sale.id
    assert (refund.partner_id, commissions(), account("programme")) == (None, 0, 0)
    assert ledger.check_ledger() is None


def test_what_was_earned_before_can_still_be_refunded(app: Flask, alice, click, postback):
    postback("T1", click_id=click())
    erase(alice.id)

    postback("T1", "refund", 1_000)

    assert ledger.balances(alice.id)["pending"] == 0
    assert ledger.check_ledger() is None


def test_nothing_is_attributed_to_an_erased_account(app: Flask, alice, click, postback):
    own, sale = click(), postback("T1")
    erase(alice.id)

    with pytest.raises(AccountErased), transaction():
        conversions.attribute(sale.id, own, "cli")

    assert commissions() == 0


def test_each_other_reason_is_named(app: Flask, alice, click, postback):
    sale = postback("T1")
    postback("T2", click_id="nobody")
    postback("T3", "refund", 100)
    postback("T1", "refund", 100)

    rows = unattributed.list_unattributed()
    told = {row.transaction + row.type: unattributed.why_unattributed(row) for row in rows}
    assert told == {
        "T1sale": "no_click",
        "T2sale": "unknown_click",
        "T3refund": "waits_for_sale",
        "T1refund": "follows_sale",
    }

    own = click()
    with transaction():
        attributed = conversions.attribute(sale.id, own, "cli")
        assert (attributed.partner_id, attributed.unattributed) == (alice.id, "")


def test_a_sale_that_comes_during_the_erasure_is_before_or_after_it(app: Flask, alice, click, postback):
    """The sale found the click's partner; then the erasure takes the lock first."""
    own = click()
    found, go_on = threading.Event(), threading.Event()
    find = conversions.find_origin

    def slow(click_id: str):
        origin = find(click_id)
        found.set()
        go_on.wait(5)
        return origin

    outcome: list[str | None] = []

    def sell() -> None:
        with app.app_context():
            outcome.append(postback("T1", click_id=own).partner_id)

    def forget() -> None:
        with app.app_context():
            erase(alice.id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversions, "find_origin", slow)
        seller, eraser = threading.Thread(target=sell), threading.Thread(target=forget)
        seller.start()
        assert found.wait(5)
        eraser.start()
        eraser.join(0.5)  # On SQLite it waits for the one writer.
        was_first = not eraser.is_alive()
        go_on.set()
        seller.join(20)
        eraser.join(20)

    db.session.rollback()
    assert outcome == [None if was_first else alice.id]
    assert commissions() == (0 if was_first else 1)
