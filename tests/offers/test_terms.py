"""How an offer pays, when, and what the law closes to influence."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import text

from contentflow.byop import services as byop
from contentflow.core.db import db, transaction
from contentflow.offers import services
from contentflow.offers.categories import BANNED
from contentflow.offers.terms import (
    BannedCategory,
    OfferTerms,
    UnknownCategory,
    WrongBrand,
    WrongDates,
    WrongPay,
)
from tests.factories.posts import PostFactory

URL = "https://nova.example.com/?c={click_id}"
TODAY = date(2026, 11, 25)


@pytest.fixture(autouse=True)
def late_in_france() -> Iterator[None]:
    """Half past midnight there, and still the day before in UTC: an offer's dates are French ones."""
    with time_machine.travel(datetime(2026, 11, 24, 23, 30, tzinfo=UTC)):
        yield


def add(**terms: Any) -> str:
    with transaction():
        return services.add_offer("Nova", URL, "Nova", 4000, OfferTerms(**terms)).id


@pytest.mark.parametrize("category", sorted(BANNED))
def test_what_the_law_bans_is_refused_by_name(app: Flask, category: str):
    with pytest.raises(BannedCategory):
        add(category=category)

    assert services.list_offers() == []


@pytest.mark.parametrize(
    ("terms", "refusal"),
    [
        ({"category": "nothing"}, UnknownCategory),
        ({"fixed_cents": -1}, WrongPay),
        ({"click_cents": 1_000_001}, WrongPay),
        ({"holding_days": 366}, WrongPay),
        ({"daily_budget_cents": 0}, WrongPay),
        ({"starts_on": TODAY, "ends_on": TODAY - timedelta(days=1)}, WrongDates),
        ({"brand_words": "x" * 1_001}, WrongBrand),
        ({"brand_pictures": "http://nova.example.com/logo.png"}, WrongBrand),
        ({"brand_pictures": "https://nova.example.com/a b.png"}, WrongBrand),
    ],
)
def test_terms_out_of_bounds_are_refused(app: Flask, terms: dict[str, Any], refusal: type[Exception]):
    with pytest.raises(refusal):
        add(**terms)

    assert services.list_offers() == []


def test_an_offer_is_promoted_between_its_dates_only(app: Flask):
    add(starts_on=TODAY + timedelta(days=1))
    add(ends_on=TODAY - timedelta(days=1))
    current = add(starts_on=TODAY, ends_on=TODAY)

    assert [offer.id for offer in services.list_offers()] == [current]
    assert services.get_promoted_offer(current).id == current


def test_an_offer_that_ended_takes_no_new_post_and_keeps_those_it_has(app: Flask):
    ended = add(ends_on=TODAY - timedelta(days=1))

    assert services.get_offer(ended).id == ended
    with pytest.raises(services.UnknownOffer):
        services.get_promoted_offer(ended)


def test_a_post_keeps_all_the_terms_it_was_accepted_with(app: Flask, alice):
    offer_id = add(fixed_cents=250, click_cents=15, holding_days=14)
    post_id = PostFactory(partner_id=alice.id, offer_id=offer_id).id

    with transaction():
        db.session.execute(
            text("UPDATE offers SET fixed_cents = 0, click_cents = 0, holding_days = 0, revshare_bp = 0")
        )

    post = byop.get_submission(alice.id, post_id)
    assert (post.revshare_bp, post.fixed_cents, post.click_cents, post.holding_days) == (4000, 250, 15, 14)


def test_the_command_takes_every_term(app: Flask):
    words = ["offer", "add", "Nova", URL, "--category", "ai", "--fixed-cents", "250", "--click-cents", "15"]
    words += ["--holding-days", "14", "--daily-budget-cents", "5000", "--ends-on", "2999-12-31"]
    words += ["--brand-words", "Nova, l'IA qui range", "--brand-picture", "https://nova.example.com/logo.png"]

    result = app.test_cli_runner().invoke(args=words)

    offer = services.get_offer(result.output.strip())
    assert (offer.category, offer.fixed_cents, offer.click_cents, offer.daily_budget_cents) == (
        "ai",
        250,
        15,
        5000,
    )
    assert offer.brand_pictures == "https://nova.example.com/logo.png"
    refused = app.test_cli_runner().invoke(args=["offer", "add", "Paris", URL, "--category", "gambling"])
    assert refused.exit_code == 1
    assert "gambling" in refused.output
