"""The ledger: append-only, whole, holding, available, reversed."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from contentflow.conversions import services as conversions
from contentflow.conversions import unattributed
from contentflow.conversions.errors import ConflictingReplay, InvalidPayload, RefundFollows
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.ledger import commissions, holds
from contentflow.ledger import services as ledger
from contentflow.ledger.double_entry import Account, Leg
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction


def ledger_sum() -> int:
    return int(db.session.scalar(select(func.sum(LedgerEntry.amount_cents))) or 0)


def kinds() -> list[str]:
    return list(
        db.session.scalars(
            select(LedgerTransaction.kind).order_by(LedgerTransaction.posted_at, LedgerTransaction.id)
        )
    )


def test_a_sale_is_shared_between_partner_and_programme(app: Flask, alice, click, postback):
    sale = postback("T1", amount_cents=9_600, click_id=click())

    legs = {entry.account: entry.amount_cents for entry in db.session.scalars(select(LedgerEntry))}
    assert legs == {"network": -9_600, "programme": 5_760, "pending": 3_840}
    assert (sale.partner_id, sale.channel, sale.earned_cents) == (alice.id, "whatsapp", 3_840)
    assert ledger.balances(alice.id) == {"pending": 3_840, "held": 0, "available": 0, "paying": 0, "paid": 0}


def test_a_replay_is_the_same_conversion_and_books_nothing(app: Flask, click, postback):
    first = postback("T1", click_id=(it := click()))

    again = postback("T1", click_id=it)

    assert again.id == first.id
    assert kinds() == ["sale"]


@pytest.mark.parametrize("other", [{"amount_cents": 1_001}, {"currency": "USD"}, {"click_id": ""}])
def test_the_same_transaction_with_other_content_is_refused(app: Flask, click, postback, other):
    postback("T1", click_id=(it := click()))

    with pytest.raises(ConflictingReplay):
        postback("T1", **{"click_id": it, **other})

    assert kinds() == ["sale"]


def test_what_is_earned_becomes_available_after_the_holding_days(app: Flask, alice, click, postback):
    postback("T1", click_id=click())

    with time_machine.travel(clock.now() + timedelta(days=29, hours=23)):
        ledger.mature_due()
        assert ledger.balances(alice.id)["pending"] == 400
    with time_machine.travel(clock.now() + timedelta(days=30, seconds=1)):
        ledger.mature_due()
        ledger.mature_due()

    assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": 400, "paying": 0, "paid": 0}
    assert kinds() == ["sale", "release"]


def test_partial_refunds_take_their_part_and_the_last_one_the_rest(app: Flask, alice, click, postback):
    postback("T1", amount_cents=999, click_id=click())

    for number in range(3):
        postback(f"R{number}", "refund", 333, refund_of="T1")

    assert ledger.balances(alice.id)["pending"] == 0
    assert ledger_sum() == 0
    with pytest.raises(InvalidPayload):
        postback("R4", "refund", 1, refund_of="T1")


def test_a_refund_of_available_money_is_a_named_clawback(app: Flask, alice, click, postback):
    postback("T1", click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=31)):
        ledger.mature_due()
        postback("T1", "refund", 500)

        assert ledger.balances(alice.id)["available"] == 200
        assert kinds()[-1] == "clawback"


def test_only_a_clawback_brings_an_available_balance_below_zero(app: Flask, alice, click, postback):
    postback("T1", click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=31)):
        ledger.mature_due()
        with transaction():
            legs = [Leg(Account.AVAILABLE, -400), Leg(Account.PAID, 400)]
            commissions.post("paid:1", "payout", legs, alice.id)

        postback("T1", "refund", 1_000)

        assert ledger.balances(alice.id) == {
            "pending": 0,
            "held": 0,
            "available": -400,
            "paying": 0,
            "paid": 400,
        }
        assert kinds()[-1] == "clawback"


def test_a_refund_that_comes_before_its_sale_waits_for_it(app: Flask, alice, click, postback):
    refund = postback("T1", "refund", 400)
    assert refund.refunds_id is None

    sale = postback("T1", amount_cents=1_000, click_id=click())

    found = db.session.get_one(type(refund), refund.id)
    assert (found.refunds_id, found.earned_cents) == (sale.id, 160)
    assert ledger.balances(alice.id)["pending"] == 240


def test_a_conversion_of_an_unknown_click_is_kept_and_can_be_attributed(app: Flask, alice, click, postback):
    sale = postback("T1", amount_cents=1_000, click_id="nobody-knows")
    postback("T1", "refund", 500)
    assert [row.id for row in unattributed.list_unattributed() if row.type == "sale"] == [sale.id]
    assert sale.partner_id is None

    origin = click("telegram")
    with transaction():
        conversions.attribute(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 200
    assert unattributed.list_unattributed() == []
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_a_post_keeps_the_terms_it_was_accepted_with(app: Flask, alice, offer, click, postback):
    with transaction():
        db.session.execute(text("UPDATE offers SET revshare_bp = 100"))

    assert postback("T1", click_id=click()).earned_cents == 400


def test_a_currency_keeps_the_rate_it_met(app: Flask, alice, click, postback):
    from contentflow.conversions import networks

    with pytest.raises(InvalidPayload):
        postback("T1", click_id=click(), currency="USD")
    with transaction():
        networks.set_rate("USD", "0.90", "cli")
    sale = postback("T1", click_id=click(), currency="USD")
    with transaction():
        networks.set_rate("USD", "0.50", "cli")
    refund = postback("T1", "refund", currency="USD")

    assert (sale.euro_cents, refund.euro_cents, refund.rate_micros) == (900, 900, 900_000)
    assert ledger.balances(alice.id)["pending"] == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entries SET amount_cents = 1",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_postings SET kind = 'sale'",
        "DELETE FROM ledger_postings",
    ],
)
def test_the_database_refuses_to_change_the_ledger(app: Flask, click, postback, statement: str):
    postback("T1", click_id=click())

    with pytest.raises(DBAPIError, match="append-only"), transaction():
        db.session.execute(text(statement))


def test_the_database_refuses_a_transaction_that_does_not_sum_to_zero(app: Flask):
    with pytest.raises(DBAPIError, match="sum to zero"), transaction():
        commissions.post("wrong", "sale", [Leg(Account.PROGRAMME, 1)], None)

    assert kinds() == []


def test_the_database_refuses_a_leg_after_its_transaction_and_one_without(app: Flask, click, postback):
    postback("T1", click_id=click())
    posted = db.session.scalar(select(LedgerTransaction.id))

    with pytest.raises(DBAPIError, match="complete"), transaction():
        db.session.add(LedgerEntry(transaction_id=posted, account="programme", amount_cents=5))
        db.session.flush()
    with pytest.raises(DBAPIError), transaction():
        db.session.add(LedgerEntry(transaction_id="none", account="programme", amount_cents=5))


def test_a_random_month_keeps_ledger_commissions_and_sums_in_step(app: Flask, alice, click, postback):
    chance, sales = random.Random(5), []
    clicks = [click("x"), click("copy", "self"), ""]
    for step in range(60):
        if chance.random() < 0.6 or not sales:
            sales.append(
                postback(f"S{step}", amount_cents=chance.randint(1, 40_000), click_id=chance.choice(clicks))
            )
        else:
            sale = chance.choice(sales)
            try:
                postback(f"R{step}", "refund", chance.randint(1, 20_000), refund_of=sale.transaction)
            except InvalidPayload:
                continue
    with transaction():
        for hold, commission in holds.list_holds():
            if hold.reason != "contract":
                holds.release(commission, hold.reason, "cli")

    assert (ledger_sum(), ledger.check_ledger()) == (0, None)
    earned = sum(
        row.earned_cents * (-1 if row.type == "refund" else 1)
        for row in db.session.scalars(select(Conversion))
    )
    assert sum(ledger.balances(alice.id).values()) == earned
    left = db.session.scalar(select(func.sum(Commission.cents - Commission.reversed_cents)))
    assert left == earned


def test_a_refund_is_not_attributed_by_itself(app: Flask, click, postback):
    refund = postback("R1", "refund", 400)
    origin = click()

    with pytest.raises(RefundFollows), transaction():
        conversions.attribute(refund.id, origin, "cli")


def test_a_replay_after_the_sale_was_attributed_answers_the_same(app: Flask, click, postback):
    sale = postback("T1", click_id="nobody-knows")
    origin = click()
    with transaction():
        conversions.attribute(sale.id, origin, "cli")

    assert postback("T1", click_id="nobody-knows").id == sale.id


def test_a_refund_that_was_larger_than_its_late_sale_does_not_keep_it_from_being_attributed(
    app: Flask, alice, click, postback
):
    postback("T1", "refund", 1_500)
    sale = postback("T1", amount_cents=1_000)
    origin = click()

    with transaction():
        conversions.attribute(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 0
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_a_sale_that_was_refunded_in_parts_before_it_came_and_too_much_is_gone_once(
    app: Flask, alice, click, postback
):
    postback("R1", "refund", 700, refund_of="T1")
    postback("R2", "refund", 700, refund_of="T1")
    sale = postback("T1", amount_cents=1_000)
    origin = click()

    with transaction():
        conversions.attribute(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 0
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_the_same_refund_of_another_sale_is_refused(app: Flask, click, postback):
    postback("T1", click_id=click())
    postback("T2", click_id=click())
    postback("R1", "refund", 400, refund_of="T1")

    with pytest.raises(ConflictingReplay):
        postback("R1", "refund", 400, refund_of="T2")


def test_the_ledger_is_not_replaced_either(app: Flask, click, postback):
    postback("T1", click_id=click())
    before = db.session.execute(text("SELECT * FROM ledger_entries")).all()
    db.session.rollback()
    statements = (
        (
            "INSERT OR REPLACE INTO ledger_entries (id, posting_id, account, amount_cents) "
            "SELECT id, 'another', 'programme', 1 FROM ledger_entries",
            "INSERT OR REPLACE INTO ledger_postings (id, key, kind, note, at) "
            "SELECT id, key, 'gift', '', at FROM ledger_postings",
        )
        if is_sqlite()
        else ("TRUNCATE ledger_entries", "TRUNCATE ledger_postings CASCADE")
    )
    for statement in statements:
        with pytest.raises(DBAPIError, match="append-only"), transaction():
            db.session.execute(text(statement))

    assert db.session.execute(text("SELECT * FROM ledger_entries")).all() == before
