"""Money under a clock that was far ahead for a moment: nothing opens early, nothing waits for years."""

from __future__ import annotations

from datetime import timedelta

import time_machine
from flask import Flask

from contentflow.core import clock, heartbeat
from contentflow.core.db import transaction
from contentflow.ledger import contracts
from contentflow.ledger import services as ledger

YEAR = timedelta(days=365)


def at(offset: timedelta) -> time_machine.travel:
    return time_machine.travel(clock.now() + offset, tick=False)


def look_at_the_clock() -> None:
    with transaction():
        heartbeat.beat(heartbeat.LOOK)


def test_a_clock_that_is_a_year_ahead_for_a_moment_makes_nothing_available(
    app: Flask, alice, click, postback
):
    postback("T1", click_id=click())
    look_at_the_clock()

    with at(YEAR):
        ledger.mature_due()

    assert ledger.balances(alice.id)["available"] == 0
    with at(timedelta(days=31)):
        look_at_the_clock()
        ledger.mature_due()
    assert ledger.balances(alice.id)["available"] == 400


def test_a_sale_reported_while_the_clock_was_years_ahead_waits_its_holding_days(
    app: Flask, alice, click, postback
):
    it = click()
    with at(10 * YEAR):
        postback("T1", click_id=it)

    ledger.date_anew()

    with at(timedelta(days=29)):
        ledger.mature_due()
    assert ledger.balances(alice.id)["available"] == 0
    with at(timedelta(days=31)):
        ledger.mature_due()
    assert ledger.balances(alice.id)["available"] == 400


def test_what_was_earned_under_a_clock_years_ahead_counts_in_the_year_it_is_dated_anew(
    app: Flask, alice, click, postback
):
    it = click()
    with at(10 * YEAR):
        postback("T1", click_id=it)
    assert contracts.room_cents(alice.id, "Nova") == contracts.FREE_CENTS

    ledger.date_anew()
    ledger.date_anew()

    assert contracts.room_cents(alice.id, "Nova") == contracts.FREE_CENTS - 400
