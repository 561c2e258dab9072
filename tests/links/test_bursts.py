"""One address that clicks one link too often in a minute is no person."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.links.models import Click
from tests.house import browser


@pytest.fixture
def busy_app(make_app) -> Flask:
    return make_app(CLICK_BURST_PER_MINUTE="3", TRUSTED_PROXIES="1")


def hit(app: Flask, code: str, ip: str, agent: str = "Mozilla/5.0 (Windows NT 10.0) Firefox/130.0") -> None:
    answer = browser(app).get(f"/l/{code}", headers={"X-Forwarded-For": ip, "User-Agent": agent})
    assert answer.status_code == 302, answer.get_data(as_text=True)


def verdicts() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Click.verdict).order_by(Click.clicked_at, Click.id)))


def test_the_fourth_click_of_an_address_in_a_minute_is_fraud_whatever_its_agent(busy_app: Flask, alices_post):
    code = links.links_of(alices_post.id)["x"].code
    with time_machine.travel(clock.now(), tick=True):
        for number in range(4):
            hit(busy_app, code, "203.0.113.5", f"Mozilla/5.0 (Windows NT 10.0) Firefox/{130 + number}.0")
        hit(busy_app, code, "203.0.113.6")

    assert verdicts() == ["valid", "valid", "valid", "fraud", "valid"]


def test_a_minute_later_and_on_another_link_it_is_a_person_again(busy_app: Flask, alices_post):
    own = links.links_of(alices_post.id)
    for _ in range(4):
        hit(busy_app, own["x"].code, "203.0.113.5")

    hit(busy_app, own["copy"].code, "203.0.113.5")
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        hit(busy_app, own["x"].code, "203.0.113.5")

    assert verdicts() == ["valid", "duplicate", "duplicate", "fraud", "valid", "duplicate"]


def test_no_address_is_kept_and_a_block_is_known_by_its_hash(busy_app: Flask, alices_post):
    code = links.links_of(alices_post.id)["x"].code
    hit(busy_app, code, "203.0.113.5")
    hit(busy_app, code, "203.0.113.99")

    db.session.rollback()
    first, second = db.session.scalars(select(Click).order_by(Click.clicked_at, Click.id))
    assert first.ip_hash != second.ip_hash
    assert first.block_hash == second.block_hash
