"""What looks wrong in a conversion is held, each with its reason."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Hold


def reasons() -> set[str]:
    return set(db.session.scalars(select(Hold.reason).where(Hold.released_at.is_(None))))


@pytest.mark.parametrize(
    ("verdict", "reason"), [("self", "self_click"), ("fraud", "burst"), ("bot", "robot")]
)
def test_a_conversion_of_such_a_click_is_held(app: Flask, alice, click, postback, verdict: str, reason: str):
    postback("T1", click_id=click(verdict=verdict))

    assert reasons() == {reason}
    assert ledger.balances(alice.id) == {"pending": 0, "held": 400, "available": 0, "paying": 0, "paid": 0}


def test_the_eleventh_conversion_of_a_link_in_ten_minutes_is_held(app: Flask, click, postback):
    one = click()
    for number in range(10):
        postback(f"T{number}", click_id=one)
    assert reasons() == set()

    postback("T10", click_id=one)

    assert reasons() == {"burst"}


def test_a_network_that_reports_its_day_at_once_makes_no_burst(app: Flask, click, postback):
    one = click()
    for number in range(15):
        postback(f"T{number}", click_id=one, at=clock.iso(clock.now() - timedelta(minutes=20 * number)))

    assert reasons() == set()


def test_many_conversions_out_of_one_block_of_addresses_are_held(app: Flask, click, postback):
    for number, channel in enumerate(["x", "copy", "qr", "email"]):
        postback(f"T{number}", click_id=click(channel, block_hash="b" * 64))
    assert reasons() == set()

    postback("T5", click_id=click("native", block_hash="b" * 64))

    assert reasons() == {"network_block"}


def test_who_is_refunded_often_is_held(app: Flask, click, postback):
    channels = ["x", "copy", "qr", "email", "native", "whatsapp"]
    for number in range(12):
        postback(f"T{number}", click_id=click(channels[number % 6]))
    for number in range(4):
        postback(f"T{number}", "refund", 1_000)
    assert reasons() == set()

    postback("T99", click_id=click("telegram"))

    assert reasons() == {"refund_ratio"}
