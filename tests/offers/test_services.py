"""An operator adds offers; the first is the one of a post that names none."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import func, select

from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.offers import services
from contentflow.offers.models import Offer

URL = "https://nova.example.com/?c={click_id}&p={partner_id}"


def add(name: str = "Nova", url: str = URL, advertiser: str = "", revshare_bp: int | None = None) -> str:
    with transaction():
        return services.add_offer(name, url, advertiser, revshare_bp).id


def count() -> int:
    return db.session.scalar(select(func.count(Offer.id))) or 0


def test_offers_are_numbered_in_the_order_of_adding(app: Flask) -> None:
    names = ["Nova", "Brio", "Alto"]

    for name in names:
        add(name)

    assert [offer.name for offer in services.list_offers()] == names
    assert [offer.number for offer in services.list_offers()] == [1, 2, 3]


def test_the_first_offer_is_the_oldest_that_is_promoted(app: Flask) -> None:
    first, second = add("Nova"), add("Brio")

    with transaction():
        services.get_offer(first).is_active = False

    found = services.first_offer()
    assert found is not None
    assert found.id == second


def test_a_programme_without_offers_has_no_first_one(app: Flask) -> None:
    assert services.first_offer() is None


def test_an_offer_pays_the_programmes_share_by_default(make_app) -> None:  # type: ignore[no-untyped-def]
    with make_app(BYOP_DEFAULT_REVSHARE_PCT="0.255").app_context():
        assert services.get_offer(add()).revshare_bp == 2550


def test_an_offer_keeps_the_share_it_was_given(app: Flask) -> None:
    assert services.get_offer(add(revshare_bp=0)).revshare_bp == 0


def test_an_unknown_or_withdrawn_offer_is_not_found(app: Flask) -> None:
    withdrawn = add()
    with transaction():
        services.get_offer(withdrawn).is_active = False

    for offer_id in ("", "unknown", withdrawn):
        with pytest.raises(services.UnknownOffer):
            services.get_offer(offer_id)


@pytest.mark.parametrize(
    ("name", "url", "advertiser", "revshare_bp"),
    [
        ("", URL, "", None),
        ("   ", URL, "", None),
        ("n" * 121, URL, "", None),
        ("two\nlines", URL, "", None),
        ("Nova", URL, "a" * 121, None),
        ("Nova", "http://nova.example.com/", "", None),
        ("Nova", "https://nova.example.com/{password}", "", None),
        ("Nova", "nonsense", "", None),
        ("Nova", URL, "", -1),
        ("Nova", URL, "", 10_001),
    ],
)
def test_a_wrong_offer_is_refused_with_a_sentence_and_nothing_is_added(
    app: Flask, name: str, url: str, advertiser: str, revshare_bp: int | None
) -> None:
    with pytest.raises(Refused) as refusal, transaction():
        services.add_offer(name, url, advertiser, revshare_bp)

    assert str(refusal.value.message).endswith(".")
    assert count() == 0
