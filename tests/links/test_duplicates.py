"""A visitor's second click within the hour is a duplicate, whoever else clicks and however fast."""

from __future__ import annotations

import datetime as dt
import threading
from typing import Any

import pytest
import time_machine
from flask import Flask

from tests.links.visitors import LAPTOP, PHONE, clicks, link_of, verdicts, visit

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MIDNIGHT = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def visit_at(app: Flask, moment: dt.datetime, path: str, agent: str = PHONE) -> None:
    with time_machine.travel(moment, tick=False):
        assert visit(app, path, agent).status_code == 302


@pytest.mark.parametrize(("minutes", "verdict"), [(0, "duplicate"), (59, "duplicate"), (61, "valid")])
def test_a_click_of_the_same_visitor_counts_again_after_an_hour(
    app: Flask, alices_post: Any, minutes: int, verdict: str
) -> None:
    path = f"/l/{link_of(alices_post).code}"

    visit_at(app, NOON, path)
    visit_at(app, NOON + dt.timedelta(minutes=minutes), path)

    assert sorted(verdicts()) == sorted(["valid", verdict])


def test_the_hour_begins_with_the_valid_click_not_with_its_duplicates(app: Flask, alices_post: Any) -> None:
    path = f"/l/{link_of(alices_post).code}"

    for minutes in (0, 50, 70, 110, 131):
        visit_at(app, NOON + dt.timedelta(minutes=minutes), path)

    assert verdicts() == ["valid", "duplicate", "valid", "duplicate", "valid"]


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [(1, 1, "duplicate"), (30, 29, "duplicate"), (59, 0, "duplicate"), (30, 31, "valid"), (1, 60, "valid")],
)
def test_midnight_hides_no_duplicate(
    app: Flask, alices_post: Any, before: int, after: int, verdict: str
) -> None:
    path = f"/l/{link_of(alices_post).code}"

    visit_at(app, MIDNIGHT - dt.timedelta(minutes=before), path)
    visit_at(app, MIDNIGHT + dt.timedelta(minutes=after), path)

    assert verdicts() == ["valid", verdict]
    first, second = clicks()
    assert first.visitor_hash != second.visitor_hash


def test_another_process_sees_the_duplicate_across_midnight_too(make_app, alices_post: Any) -> None:  # type: ignore[no-untyped-def]
    path = f"/l/{link_of(alices_post).code}"

    visit_at(make_app(), MIDNIGHT - dt.timedelta(minutes=5), path)
    visit_at(make_app(), MIDNIGHT + dt.timedelta(minutes=5), path)
    visit_at(make_app(), MIDNIGHT + dt.timedelta(minutes=6), path)

    assert verdicts() == ["valid", "duplicate", "duplicate"]


def test_two_visitors_both_count(app: Flask, alices_post: Any) -> None:
    path = f"/l/{link_of(alices_post).code}"

    visit(app, path, PHONE)
    visit(app, path, LAPTOP)
    visit(app, path, PHONE, ip="203.0.113.78")

    assert verdicts() == ["valid"] * 3


def test_one_visitor_counts_once_on_each_link(app: Flask, alices_post: Any) -> None:
    for channel in ("whatsapp", "telegram"):
        visit(app, f"/l/{link_of(alices_post, channel).code}")

    assert verdicts() == ["valid", "valid"]


def test_a_hit_that_was_not_valid_uses_nothing_up(app: Flask, alices_post: Any) -> None:
    path = f"/l/{link_of(alices_post).code}"

    visit(app, path, method="HEAD")
    visit(app, path)

    assert sorted(verdicts()) == ["prefetch", "valid"]


def test_twenty_clicks_of_one_visitor_at_once_are_one_valid_click(app: Flask, alices_post: Any) -> None:
    path, start = f"/l/{link_of(alices_post).code}", threading.Barrier(20)
    statuses: list[int] = []

    def click() -> None:
        with app.app_context():
            start.wait()
            statuses.append(visit(app, path).status_code)

    threads = [threading.Thread(target=click) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [302] * 20
    assert sorted(verdicts()) == ["duplicate"] * 19 + ["valid"]
