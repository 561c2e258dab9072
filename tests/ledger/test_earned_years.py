"""What is earned in a year has its own row, and it is what the commissions add up to, whatever happens."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, text, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.ledger import contracts, retention
from contentflow.ledger import services as ledger
from contentflow.ledger.models import NEVER, Commission, EarnedYear, Hold

Years = dict[tuple[str, str, int], int]


def kept() -> Years:
    rows = db.session.scalars(select(EarnedYear).execution_options(populate_existing=True))
    return {(one.partner_id, one.advertiser, one.year): one.cents for one in rows if one.cents}


def recounted() -> Years:
    found: Years = {}
    for one in db.session.scalars(select(Commission).where(Commission.matures_at < NEVER)):
        key = (one.partner_id, one.advertiser, clock.in_france(one.earned_at).year)
        found[key] = found.get(key, 0) + one.left_cents
    return {key: cents for key, cents in found.items() if cents}


def test_sales_refunds_approvals_and_a_withdrawn_approval_are_counted(app: Flask, alice, click, postback):
    it = click()
    postback("T1", amount_cents=10_000, click_id=it)
    assert list(kept().values()) == [4_000]
    postback("T1", "refund", 2_500)
    assert kept() == recounted() and list(kept().values()) == [3_000]
    postback("T2", amount_cents=10_000, click_id=it, state="pending")
    assert list(kept().values()) == [3_000]
    postback("T2", amount_cents=10_000, click_id=it, state="approved")
    assert kept() == recounted() and list(kept().values()) == [7_000]
    postback("T2", amount_cents=10_000, click_id=it, state="rejected")

    assert kept() == recounted() and list(kept().values()) == [3_000]


@pytest.mark.parametrize(
    ("hour", "year"), [(22, 2026), (23, 2027)]
)  # fmt: skip
def test_a_year_begins_at_midnight_in_france(app: Flask, alice, click, postback, hour: int, year: int):
    with time_machine.travel(datetime(2026, 12, 31, hour, 59, 59, tzinfo=UTC), tick=False):
        postback("T1", amount_cents=10_000, click_id=click())

    assert kept() == recounted() == {(alice.id, "Nova", year): 4_000}


def test_what_a_clock_years_ahead_earned_is_moved_to_its_own_year(app: Flask, alice, click, postback):
    it = click()
    with time_machine.travel(clock.now() + timedelta(days=3_650), tick=False):
        postback("T1", amount_cents=10_000, click_id=it)

    ledger.date_anew()

    assert kept() == recounted() == {(alice.id, "Nova", clock.today().year): 4_000}


def test_what_the_ledger_folds_after_ten_years_leaves_no_row(app: Flask, alice, click, postback):
    with time_machine.travel(datetime(2014, 3, 15, 12, tzinfo=UTC), tick=False):
        postback("T1", amount_cents=9_600, click_id=click())
    with time_machine.travel(datetime(2014, 6, 15, 12, tzinfo=UTC), tick=False):
        ledger.mature_due()
    assert kept() == recounted() == {(alice.id, "Nova", 2014): 3_840}

    retention.fold_old()

    assert db.session.scalars(select(EarnedYear)).all() == []


@pytest.mark.parametrize("seed", range(3))
def test_any_statement_on_commissions_keeps_the_sums(app: Flask, alice, bob, click, postback, seed: int):
    postback("T1", amount_cents=5_000, click_id=click())
    (first,) = db.session.scalars(select(Commission))
    columns = {column.key: getattr(first, column.key) for column in Commission.__mapper__.column_attrs}
    chance, ids = random.Random(seed), [first.id]
    moments = [datetime(year, month, 1, tzinfo=UTC) for year in (2025, 2026) for month in (1, 7)]

    def values() -> dict[str, Any]:
        return {
            "partner_id": chance.choice((alice.id, bob.id)), "advertiser": chance.choice(("Nova", "Other")),
            "cents": chance.randint(100, 900), "reversed_cents": chance.randint(0, 100),
            "matures_at": chance.choice((NEVER, clock.now())), "earned_at": chance.choice(moments),
        }  # fmt: skip

    for number in range(60):
        act = chance.choice(("add", "change", "delete"))
        with transaction():
            if act == "add":
                ids.append(new_id())
                db.session.add(Commission(**{**columns, **values(), "id": ids[-1], "key": f"k{number}"}))
            elif act == "change":
                some = chance.sample(ids, min(3, len(ids)))
                db.session.execute(update(Commission).where(Commission.id.in_(some)).values(**values()))
            elif len(ids) > 1 and ids[-1] != first.id:
                db.session.execute(delete(Commission).where(Commission.id == ids.pop()))
        db.session.expire_all()
        assert kept() == recounted(), act


def test_who_is_near_the_limit_is_read_from_the_sums(app: Flask, alice, click, postback):
    postback("T1", amount_cents=210_000, click_id=click())

    assert [(one, standing.cents) for one, standing in contracts.due_this_year()] == [(alice.id, 84_000)]
    assert db.session.scalars(select(Hold)).all() == []
    with transaction():
        db.session.execute(text("UPDATE earned_years SET cents = 79999"))
    assert contracts.due_this_year() == []
