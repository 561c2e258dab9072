"""What is held: contracts and fraud, each with its reason, each let go by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, text

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import contracts, holds
from contentflow.ledger import services as ledger
from contentflow.ledger.errors import NothingHeld, UnknownAdvertiser, UnknownCommission
from contentflow.ledger.models import Commission, Hold

BIG = 260_000  # at 40 %: 1,040 € for the partner


def reasons() -> set[str]:
    return set(db.session.scalars(select(Hold.reason).where(Hold.released_at.is_(None))))


def sign(partner_id: str, version: str = "2026-1") -> None:
    with transaction():
        contracts.record_contract(partner_id, "Nova", version, datetime(2026, 3, 1, tzinfo=UTC), "cli")


def test_from_a_thousand_euros_a_year_on_the_rest_is_held_until_a_contract(
    app: Flask, alice, click, postback
):
    postback("T1", amount_cents=BIG, click_id=click())
    assert ledger.balances(alice.id) == {
        "pending": 99_999,
        "held": 4_001,
        "available": 0,
        "paying": 0,
        "paid": 0,
    }
    assert reasons() == {"contract"}

    sign(alice.id)

    assert ledger.balances(alice.id)["pending"] == 104_000
    assert ledger.check_ledger() is None


def test_with_a_contract_nothing_is_held(app: Flask, alice, click, postback):
    sign(alice.id)

    postback("T1", amount_cents=BIG, click_id=click())

    assert ledger.balances(alice.id)["held"] == 0


def test_from_800_euros_on_the_partner_is_warned(app: Flask, alice, click, postback):
    postback("T1", amount_cents=199_999, click_id=click())
    assert not contracts.standings(alice.id)[0].is_warned

    postback("T2", amount_cents=10, click_id=click())

    standing = contracts.standings(alice.id)[0]
    assert (standing.advertiser, standing.is_warned, standing.is_held) == ("Nova", True, False)


def test_a_cent_less_than_a_thousand_euros_is_free_and_exactly_a_thousand_are_held(
    app: Flask, alice, click, postback
):
    postback("T1", amount_cents=249_999, click_id=click())
    assert ledger.balances(alice.id) == {"pending": 99_999, "held": 0, "available": 0, "paying": 0, "paid": 0}
    assert not contracts.standings(alice.id)[0].is_held

    postback("T2", amount_cents=3, click_id=click())

    assert ledger.balances(alice.id) == {"pending": 99_999, "held": 1, "available": 0, "paying": 0, "paid": 0}
    assert contracts.standings(alice.id)[0].is_held


def test_one_sale_of_exactly_a_thousand_euros_is_held_from_its_last_cent(app: Flask, alice, click, postback):
    postback("T1", amount_cents=250_000, click_id=click())

    assert ledger.balances(alice.id) == {"pending": 99_999, "held": 1, "available": 0, "paying": 0, "paid": 0}
    assert reasons() == {"contract"}


def test_a_refund_lets_go_from_a_cent_less_than_a_thousand_euros_on(app: Flask, alice, click, postback):
    postback("T1", amount_cents=250_000, click_id=click())
    postback("T2", amount_cents=250, click_id=click())

    postback("T2", "refund", 250)
    assert reasons() == {"contract"}
    postback("T1", "refund", 3)

    assert reasons() == set()
    assert ledger.balances(alice.id) == {"pending": 99_998, "held": 0, "available": 0, "paying": 0, "paid": 0}


def test_a_refund_that_brings_the_year_under_the_limit_lets_go(app: Flask, alice, click, postback):
    postback("T1", amount_cents=200_000, click_id=click())
    postback("T2", amount_cents=100_000, click_id=click())
    assert ledger.balances(alice.id)["held"] == 20_001

    postback("T1", "refund", 200_000)

    assert ledger.balances(alice.id) == {"pending": 40_000, "held": 0, "available": 0, "paying": 0, "paid": 0}


def test_a_new_year_counts_from_nothing(app: Flask, alice, click, postback):
    postback("T1", amount_cents=BIG, click_id=click())

    with time_machine.travel(datetime(clock.now().year + 1, 1, 2, tzinfo=UTC)):
        postback("T2", amount_cents=BIG, click_id=click())
        ledger.mature_due()

        assert contracts.standings(alice.id)[0].cents == 104_000
        assert ledger.balances(alice.id)["held"] == 8_002


def test_a_contract_needs_a_known_advertiser(app: Flask, alice):
    with pytest.raises(UnknownAdvertiser), transaction():
        contracts.record_contract(alice.id, "Nobody", "1", clock.now(), "cli")


def test_an_operator_lets_a_held_credit_go_once(app: Flask, alice, click, postback):
    postback("T1", click_id=click(verdict="self"))
    commission_id = db.session.scalars(select(Commission.id)).one()

    with transaction():
        holds.release_commission(commission_id, "cli")

    assert ledger.balances(alice.id)["pending"] == 400
    with pytest.raises(NothingHeld), transaction():
        holds.release_commission(commission_id, "cli")
    with pytest.raises(UnknownCommission), transaction():
        holds.release_commission("nobody", "cli")


def test_what_is_held_for_long_becomes_available_when_it_is_let_go(app: Flask, alice, click, postback):
    postback("T1", click_id=click(verdict="self"))

    with time_machine.travel(clock.now() + timedelta(days=40)):
        ledger.mature_due()
        assert ledger.balances(alice.id)["held"] == 400
        with transaction():
            holds.release_commission(db.session.scalars(select(Commission.id)).one(), "cli")

        assert ledger.balances(alice.id)["available"] == 400


def test_letting_go_a_fraud_reason_does_not_replace_a_contract(app: Flask, alice, click, postback):
    postback("T1", amount_cents=250_000, click_id=click())
    postback("T2", amount_cents=1_000, click_id=click(verdict="self"))
    commission_id = db.session.scalars(select(Hold.commission_id).where(Hold.reason == "self_click")).one()

    with transaction():
        holds.release_commission(commission_id, "cli")

    assert reasons() == {"contract"}
    assert ledger.balances(alice.id)["held"] == 401


def test_a_refund_of_the_new_year_lets_nothing_of_the_old_one_go(app: Flask, alice, click, postback):
    postback("T1", amount_cents=200_000, click_id=click())
    postback("T2", amount_cents=100_000, click_id=click())

    with time_machine.travel(datetime(clock.now().year + 1, 1, 2, tzinfo=UTC)):
        postback("T1", "refund", 100)

        assert ledger.balances(alice.id)["held"] == 20_001
        assert reasons() == {"contract"}


def test_in_january_what_december_holds_is_still_due_a_contract(app: Flask, alice, click, postback):
    postback("T1", amount_cents=BIG, click_id=click())

    with time_machine.travel(datetime(clock.now().year + 1, 1, 2, tzinfo=UTC)):
        ((partner_id, standing),) = contracts.list_due()
        assert (partner_id, standing.cents, standing.is_held) == (alice.id, 104_000, True)

        sign(alice.id)

        assert contracts.list_due() == []


def test_an_offer_without_an_advertiser_is_one_by_itself_and_can_have_a_contract(
    app: Flask, alice, offer, click, postback
):
    with transaction():
        db.session.execute(text("UPDATE offers SET advertiser = ''"))
        name = db.session.scalar(text("SELECT name FROM offers"))
    postback("T1", amount_cents=BIG, click_id=click())
    assert ledger.balances(alice.id)["held"] == 4_001

    with transaction():
        contracts.record_contract(alice.id, name, "1", clock.now(), "cli")

    assert ledger.balances(alice.id)["held"] == 0
