"""Whoever must act is told: a network that is silent for longer than ever, and a rising share refused."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select

from contentflow.conversions import networks, reports
from contentflow.conversions.models import Network, PostbackReport
from contentflow.core import clock
from contentflow.core.db import db, transaction


def reported(network: Network, *ages: timedelta, verdict: str = "new") -> None:
    with transaction():
        for age in ages:
            row = PostbackReport(network_id=network.id, verdict=verdict, reported_at=clock.now() - age)
            db.session.add(row)


def days(*numbers: float) -> list[timedelta]:
    return [timedelta(days=number) for number in numbers]


def test_a_network_that_reports_as_it_used_to_is_no_finding(app: Flask, network):
    reported(network, *days(10, 8, 6, 4, 1.9))

    assert reports.check_networks() is None


def test_a_network_that_is_silent_for_longer_than_ever_is_named(app: Flask, network):
    reported(network, *days(20, 18, 16, 14, 3.5))
    assert reports.check_networks() is None  # It was silent for 10 days once.

    with transaction():
        for row in db.session.scalars(select(PostbackReport)):
            row.reported_at -= timedelta(days=8)

    found = reports.check_networks()
    assert found is not None
    assert "awin" in found
    assert "11" in found


@pytest.mark.parametrize("ages", [(90, 89, 88, 87), (0.9, 0.89, 0.88, 0.87, 0.86)])
def test_few_reports_and_a_silence_of_hours_say_nothing(app: Flask, network, ages):
    reported(network, *days(*ages))

    assert reports.check_networks() is None


def test_what_was_refused_is_no_sign_of_life(app: Flask, network):
    reported(network, *days(20, 19, 18, 17, 16))
    reported(network, *days(0.1), verdict="refused")

    assert "awin" in str(reports.check_networks())


def test_a_retired_network_may_be_silent(app: Flask, network):
    reported(network, *days(20, 19, 18, 17, 16))
    with transaction():
        networks.retire(networks.get_network("awin"), "cli")

    assert reports.check_networks() is None


@pytest.mark.parametrize(("before", "is_told"), [(0, True), (20, False)])
def test_a_rising_share_of_refusals_is_told(app: Flask, network, before: int, is_told: bool):
    reported(network, *days(*[1.5] * 20), *days(*[12] * 20))
    reported(network, *days(*[1] * 5), verdict="refused")
    reported(network, *days(*[12] * before), verdict="refused")

    assert ("network last awin" in str(reports.check_networks())) is is_told


def test_the_longest_gap_is_between_two_that_follow_each_other():
    now = datetime(2026, 11, 28)
    times = [now, now - timedelta(hours=1), now - timedelta(hours=5)]

    assert reports.longest_gap(times) == timedelta(hours=4)
    assert reports.longest_gap([]) == timedelta(0)


def test_reports_of_more_than_thirteen_months_ago_go(app: Flask, network):
    reported(network, *days(*range(390, 400)))

    assert reports.delete_old() == 5
    assert reports.delete_old() == 0
    assert db.session.scalar(select(func.count(PostbackReport.id))) == 5


def test_a_reason_is_one_printable_line_without_end(app: Flask, network):
    with transaction():
        reports.note_refusal(network.id, "a\x00\n" + "x" * 300)

    (row,) = reports.list_last(network)
    assert row["reason"] == ("a\ufffd\ufffd" + "x" * 300)[:200]
