"""The ledger: append-only, whole, holding, available, taken back."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from contentflow.core import clock
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.earnings import conversions, holds, ledger, services
from contentflow.earnings.models import Conversion, Credit, LedgerEntry, Posting
from contentflow.earnings.postings import Account, Leg
from contentflow.earnings.refusals import OtherAmount, RefundFollows, WrongReport


def ledger_sum() -> int:
    return int(db.session.scalar(select(func.sum(LedgerEntry.amount_cents))) or 0)


def kinds() -> list[str]:
    return list(db.session.scalars(select(Posting.kind).order_by(Posting.at, Posting.id)))


def test_a_sale_is_shared_between_partner_and_programme(app: Flask, alice, click, report):
    sale = report("T1", amount_cents=9_600, click_id=click())

    legs = {entry.account: entry.amount_cents for entry in db.session.scalars(select(LedgerEntry))}
    assert legs == {"network": -9_600, "programme": 5_760, "pending": 3_840}
    assert (sale.partner_id, sale.channel, sale.earned_cents) == (alice.id, "whatsapp", 3_840)
    assert ledger.balances(alice.id) == {"pending": 3_840, "held": 0, "available": 0, "paid": 0}


def test_a_replay_is_the_same_conversion_and_books_nothing(app: Flask, click, report):
    first = report("T1", click_id=(it := click()))

    again = report("T1", click_id=it)

    assert again.id == first.id
    assert kinds() == ["sale"]


@pytest.mark.parametrize("other", [{"amount_cents": 1_001}, {"currency": "USD"}, {"click_id": ""}])
def test_the_same_transaction_with_other_content_is_refused(app: Flask, click, report, other):
    report("T1", click_id=(it := click()))

    with pytest.raises(OtherAmount):
        report("T1", **{"click_id": it, **other})

    assert kinds() == ["sale"]


def test_what_is_earned_becomes_available_after_the_holding_days(app: Flask, alice, click, report):
    report("T1", click_id=click())

    with time_machine.travel(clock.now() + timedelta(days=29, hours=23)):
        services.mature_due()
        assert ledger.balances(alice.id)["pending"] == 400
    with time_machine.travel(clock.now() + timedelta(days=30, seconds=1)):
        services.mature_due()
        services.mature_due()

    assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": 400, "paid": 0}
    assert kinds() == ["sale", "release"]


def test_partial_refunds_take_their_part_and_the_last_one_the_rest(app: Flask, alice, click, report):
    report("T1", amount_cents=999, click_id=click())

    for number in range(3):
        report(f"R{number}", "refund", 333, refund_of="T1")

    assert ledger.balances(alice.id)["pending"] == 0
    assert ledger_sum() == 0
    with pytest.raises(WrongReport):
        report("R4", "refund", 1, refund_of="T1")


def test_a_refund_of_available_money_is_a_named_clawback(app: Flask, alice, click, report):
    report("T1", click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=31)):
        services.mature_due()
        report("T1", "refund", 500)

        assert ledger.balances(alice.id)["available"] == 200
        assert kinds()[-1] == "clawback"


def test_only_a_clawback_brings_an_available_balance_below_zero(app: Flask, alice, click, report):
    report("T1", click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=31)):
        services.mature_due()
        with transaction():
            ledger.post("paid:1", "payout", [Leg(Account.AVAILABLE, -400), Leg(Account.PAID, 400)], alice.id)

        report("T1", "refund", 1_000)

        assert ledger.balances(alice.id) == {"pending": 0, "held": 0, "available": -400, "paid": 400}
        assert kinds()[-1] == "clawback"


def test_a_refund_that_comes_before_its_sale_waits_for_it(app: Flask, alice, click, report):
    refund = report("T1", "refund", 400)
    assert refund.refunds_id is None

    sale = report("T1", amount_cents=1_000, click_id=click())

    db.session.refresh(refund)
    assert (refund.refunds_id, refund.earned_cents) == (sale.id, 160)
    assert ledger.balances(alice.id)["pending"] == 240


def test_a_conversion_of_an_unknown_click_is_kept_and_can_be_attached(app: Flask, alice, click, report):
    sale = report("T1", amount_cents=1_000, click_id="nobody-knows")
    report("T1", "refund", 500)
    assert [row.id for row in conversions.list_unattributed() if row.type == "sale"] == [sale.id]
    assert sale.partner_id is None

    origin = click("telegram")
    with transaction():
        conversions.attach(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 200
    assert conversions.list_unattributed() == []
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_a_post_keeps_the_terms_it_was_accepted_with(app: Flask, alice, offer, click, report):
    with transaction():
        db.session.execute(text("UPDATE offers SET revshare_bp = 100"))

    assert report("T1", click_id=click()).earned_cents == 400


def test_a_currency_keeps_the_rate_it_met(app: Flask, alice, click, report):
    from contentflow.earnings import networks

    with pytest.raises(WrongReport):
        report("T1", click_id=click(), currency="USD")
    with transaction():
        networks.set_rate("USD", "0.90", "cli")
    sale = report("T1", click_id=click(), currency="USD")
    with transaction():
        networks.set_rate("USD", "0.50", "cli")
    refund = report("T1", "refund", currency="USD")

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
def test_the_database_refuses_to_change_the_ledger(app: Flask, click, report, statement: str):
    report("T1", click_id=click())

    with pytest.raises(DBAPIError, match="append-only"), transaction():
        db.session.execute(text(statement))


def test_the_database_refuses_a_posting_that_does_not_sum_to_zero(app: Flask):
    with pytest.raises(DBAPIError, match="sum to zero"), transaction():
        ledger.post("wrong", "sale", [Leg(Account.PROGRAMME, 1)], None)

    assert kinds() == []


def test_the_database_refuses_a_leg_after_its_posting_and_one_without(app: Flask, click, report):
    report("T1", click_id=click())
    posting = db.session.scalar(select(Posting.id))

    with pytest.raises(DBAPIError, match="complete"), transaction():
        db.session.add(LedgerEntry(posting_id=posting, account="programme", amount_cents=5))
        db.session.flush()
    with pytest.raises(DBAPIError), transaction():
        db.session.add(LedgerEntry(posting_id="none", account="programme", amount_cents=5))


def test_a_random_month_keeps_ledger_credits_and_sums_in_step(app: Flask, alice, click, report):
    chance, sales = random.Random(5), []
    clicks = [click("x"), click("copy", "self"), ""]
    for step in range(60):
        if chance.random() < 0.6 or not sales:
            sales.append(
                report(f"S{step}", amount_cents=chance.randint(1, 40_000), click_id=chance.choice(clicks))
            )
        else:
            sale = chance.choice(sales)
            try:
                report(f"R{step}", "refund", chance.randint(1, 20_000), refund_of=sale.transaction)
            except WrongReport:
                continue
    with transaction():
        for hold, credit in holds.list_holds():
            if hold.reason != "contract":
                holds.release(credit, hold.reason, "cli")

    assert (ledger_sum(), ledger.check_ledger()) == (0, None)
    earned = sum(
        row.earned_cents * (-1 if row.type == "refund" else 1)
        for row in db.session.scalars(select(Conversion))
    )
    assert sum(ledger.balances(alice.id).values()) == earned
    left = db.session.scalar(select(func.sum(Credit.cents - Credit.taken_cents)))
    assert left == earned


def test_a_refund_is_not_attached_by_itself(app: Flask, click, report):
    refund = report("R1", "refund", 400)
    origin = click()

    with pytest.raises(RefundFollows), transaction():
        conversions.attach(refund.id, origin, "cli")


def test_a_replay_after_the_sale_was_attached_answers_the_same(app: Flask, click, report):
    sale = report("T1", click_id="nobody-knows")
    origin = click()
    with transaction():
        conversions.attach(sale.id, origin, "cli")

    assert report("T1", click_id="nobody-knows").id == sale.id


def test_a_refund_that_was_larger_than_its_late_sale_does_not_keep_it_from_being_attached(
    app: Flask, alice, click, report
):
    report("T1", "refund", 1_500)
    sale = report("T1", amount_cents=1_000)
    origin = click()

    with transaction():
        conversions.attach(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 0
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_a_sale_that_was_refunded_in_parts_before_it_came_and_too_much_is_gone_once(
    app: Flask, alice, click, report
):
    report("R1", "refund", 700, refund_of="T1")
    report("R2", "refund", 700, refund_of="T1")
    sale = report("T1", amount_cents=1_000)
    origin = click()

    with transaction():
        conversions.attach(sale.id, origin, "cli")

    assert ledger.balances(alice.id)["pending"] == 0
    assert (ledger_sum(), ledger.check_ledger()) == (0, None)


def test_the_same_refund_of_another_sale_is_refused(app: Flask, click, report):
    report("T1", click_id=click())
    report("T2", click_id=click())
    report("R1", "refund", 400, refund_of="T1")

    with pytest.raises(OtherAmount):
        report("R1", "refund", 400, refund_of="T2")


def test_the_ledger_is_not_replaced_either(app: Flask, click, report):
    report("T1", click_id=click())
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
