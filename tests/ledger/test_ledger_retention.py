"""After ten years the ledger keeps its sums alone, and nobody's money changes by a cent."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from contentflow.conversions import retention as conversion_retention
from contentflow.conversions import services as conversions
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import commissions, holds, retention
from contentflow.ledger import services as ledger
from contentflow.ledger.double_entry import Account, Leg
from contentflow.ledger.models import (
    Commission,
    Hold,
    LedgerEntry,
    LedgerFold,
    LedgerTransaction,
    TransactionKind,
)
from contentflow.portal import statements

BIG = 260_000  # at 40 %: 1,040 €, of which 40.01 € wait for a contract


def day(year: int, month: int) -> time_machine.travel:
    return time_machine.travel(datetime(year, month, 15, 12, tzinfo=UTC), tick=False)


@pytest.fixture
def past(app: Flask, alice: Any, click: Callable[..., str], postback: Callable[..., Conversion]) -> str:
    """Alice sold in 2014, got a refund, a clawback and money, and sells still; return her id."""
    with day(2014, 3):
        for number in range(5):
            postback(f"T{number}", amount_cents=9_600, click_id=click())
        postback("T0", "refund", 4_800)
        postback("nobody's", amount_cents=1_234)
    with day(2014, 6):
        ledger.mature_due()
        postback("T1", "refund", 9_600)
        legs = [Leg(Account.AVAILABLE, -1_000), Leg(Account.PAID, 1_000)]
        with transaction():
            commissions.post("payout:1", "payout", legs, alice.id)
    with day(2016, 2):
        postback("of 2016", amount_cents=1_000, click_id=click())
    return str(alice.id)


def rows(*models: type[Any]) -> list[int]:
    return [int(db.session.scalar(select(func.count()).select_from(model)) or 0) for model in models]


def money(partner_id: str) -> tuple[object, ...]:
    """All that must stay: balances, the whole sum, and the statements of the years that are kept."""
    found = [statements.statement(partner_id, month) for month in ("2016-01", "2016-02", "2026-11")]
    kept = [(one.opening, [(line.sale, line.cents) for line in one.lines], one.closing) for one in found]
    of_programme = (
        select(LedgerEntry.account, func.sum(LedgerEntry.amount_cents))
        .where(LedgerEntry.partner_id.is_(None))
        .group_by(LedgerEntry.account)
        .order_by(LedgerEntry.account)
    )
    return ledger.balances(partner_id), kept, db.session.execute(of_programme).all(), ledger.check_ledger()


def test_what_is_older_than_ten_years_becomes_its_sums_and_no_cent_changes(app: Flask, past: str):
    before = money(past)
    assert before[-1] is None

    gone = retention.fold_old()
    conversion_retention.delete_old()

    assert gone == 14
    assert money(past) == before
    carried = select(LedgerTransaction).where(LedgerTransaction.kind == TransactionKind.CARRY)
    assert {one.partner_id for one in db.session.scalars(carried)} == {past, None}
    assert rows(LedgerTransaction, Commission, Conversion, LedgerFold) == [3, 1, 1, 0]


def test_the_statement_of_the_last_old_month_holds_the_sum_in_one_line(app: Flask, past: str):
    retention.fold_old()

    with app.test_request_context():
        (line,) = statements.statement(past, "2015-12").lines
        assert (line.words, line.cents) == ("Solde des années de plus de dix ans", 12_440)
        assert statements.months_of(past)[-1] == "2015-12"


def test_a_second_call_changes_nothing(app: Flask, past: str):
    retention.fold_old()
    assert conversion_retention.delete_old() == 8
    ids = set(db.session.scalars(select(LedgerTransaction.id)))

    assert retention.fold_old() == conversion_retention.delete_old() == 0
    assert set(db.session.scalars(select(LedgerTransaction.id))) == ids


def test_what_was_carried_forward_before_goes_into_the_next_sum(app: Flask, past: str):
    before = money(past)
    retention.fold_partner(past, datetime(2014, 7, 1, tzinfo=UTC))

    retention.fold_old()

    assert money(past) == before
    own = select(LedgerTransaction.kind).where(LedgerTransaction.partner_id == past)
    assert sorted(db.session.scalars(own)) == ["carried", "sale"]


def test_killed_in_any_batch_it_goes_on_where_it_was(app: Flask, past: str, monkeypatch: pytest.MonkeyPatch):
    before, delete, calls = money(past), retention._delete, 0

    def die_now_and_then(ids: list[str], commission_ids: set[str]) -> None:
        nonlocal calls
        calls += 1
        if calls % 2 == 0:
            raise KeyboardInterrupt
        delete(ids, commission_ids)

    monkeypatch.setattr(retention, "FOLDED_AT_ONCE", 1)
    monkeypatch.setattr(retention, "_delete", die_now_and_then)
    deaths = 0
    while True:
        try:
            retention.fold_old()
            break
        except KeyboardInterrupt:
            db.session.rollback()
            deaths += 1
            assert money(past) == before

    assert deaths >= 3
    assert money(past) == before
    conversion_retention.delete_old()
    assert rows(LedgerTransaction, Commission, Conversion, LedgerFold) == [3, 1, 1, 0]


def test_what_is_held_stays_and_what_shares_its_sale_too(app: Flask, alice, click, postback):
    with day(2014, 3):
        postback("T1", amount_cents=BIG, click_id=click())
        postback("T2", amount_cents=1_000, click_id=click(verdict="self"))
    with day(2014, 6):
        ledger.mature_due()
    before = money(alice.id)

    assert retention.fold_old() == conversion_retention.delete_old() == 0

    assert money(alice.id) == before
    assert rows(Commission, Conversion) == [3, 2] and rows(Hold)[0] >= 2


def test_a_hold_that_was_released_goes_with_its_commission(app: Flask, alice, click, postback):
    with day(2014, 3):
        postback("T1", amount_cents=1_000, click_id=click(verdict="self"))
    with day(2014, 6), transaction():
        holds.release_commission(db.session.scalars(select(Commission.id)).one(), "cli")
    before = money(alice.id)

    retention.fold_old()

    assert money(alice.id) == before and ledger.balances(alice.id)["available"] == 400
    assert rows(Hold, Commission) == [0, 0]


def test_a_refund_within_the_ten_years_keeps_its_sale(app: Flask, past: str, postback):
    postback("T2", "refund", 4_800)
    before = money(past)

    retention.fold_old()
    conversion_retention.delete_old()

    assert money(past) == before
    assert "T2" in set(db.session.scalars(select(Conversion.transaction)))
    postback("T2-rest", "refund", 4_800, refund_of="T2")
    assert ledger.check_ledger() is None


def test_parts_of_a_sale_are_folded_together_whatever_the_batch(
    app: Flask, alice, click, postback, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(retention, "FOLDED_AT_ONCE", 1)
    with day(2014, 3):
        postback("T1", amount_cents=BIG, click_id=click())
    with day(2014, 6):
        ledger.mature_due()
        held = db.session.scalars(select(Commission).where(Commission.state == "held"))
        with transaction():
            for commission in held:
                for reason in holds.open_reasons(commission.id):
                    holds.release(commission, reason, "cli")
    before = money(alice.id)

    retention.fold_old()

    assert money(alice.id) == before
    assert rows(Commission) == [0]


def test_under_a_clock_that_is_ten_years_ahead_the_database_keeps_everything(
    app: Flask, alice, click, postback
):
    postback("T1", amount_cents=1_000, click_id=click())
    with time_machine.travel(clock.now() + timedelta(days=40)):
        ledger.mature_due()
    before = ledger.balances(alice.id)
    in_12_years = time_machine.travel(clock.now() + timedelta(days=12 * 366))
    with in_12_years, pytest.raises(DBAPIError, match="ten years"):
        retention.fold_old()
    db.session.rollback()

    assert ledger.balances(alice.id) == before
    assert ledger.check_ledger() is None


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM ledger_entries",
        "DELETE FROM ledger_postings",
        "UPDATE ledger_entries SET amount_cents = 1",
        "UPDATE ledger_folds SET posting_id = 'another'",
    ],
)
def test_a_name_for_one_old_transaction_opens_no_other(app: Flask, past: str, statement: str):
    old = select(LedgerTransaction.id).order_by(LedgerTransaction.posted_at).limit(1)

    with pytest.raises(DBAPIError, match="append-only"), transaction():
        db.session.add(LedgerFold(transaction_id=db.session.scalars(old).one()))
        db.session.flush()
        db.session.execute(text(statement))

    assert rows(LedgerFold) == [0]


def test_an_attribution_of_what_is_folded_is_still_whole(app: Flask, past: str, click):
    sale = db.session.scalars(select(Conversion).where(Conversion.transaction == "nobody's")).one()
    retention.fold_old()
    it = click()

    with transaction():
        conversions.attribute(sale.id, it, "cli")

    assert ledger.check_ledger() is None


def test_two_workers_that_fold_at_once_carry_each_sum_once(app: Flask, past: str):
    before = money(past)

    def fold() -> None:
        with app.app_context():
            retention.fold_old()

    workers = [threading.Thread(target=fold) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)

    db.session.rollback()
    assert money(past) == before
    assert rows(LedgerTransaction, LedgerFold) == [3, 0]
