"""The offers as partners see them."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound
from contentflow.offers import pictures, services
from contentflow.offers.models import Offer
from contentflow.offers.terms import OfferTerms, WrongDescription
from tests.factories.offers import OfferFactory

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def add_offer(name: str, **terms: str) -> Offer:
    offer = OfferFactory(name=name, url="https://www.nova.example.com/a", terms=OfferTerms(**terms))
    return services.get_offer(offer.id)


def test_the_list_names_each_offer_with_its_site_and_what_it_is(app: Flask, alice_client: FlaskClient):
    add_offer("Nova IA", description="Range tes notes.")

    page = alice_client.get("/partner/offers").get_data(as_text=True)

    for words in ("Nova IA", "Nova · nova.example.com", "Range tes notes.", "40"):
        assert words in page


def test_the_page_of_an_offer_says_what_may_be_said_and_starts_a_post(app: Flask, alice_client: FlaskClient):
    offer = add_offer("Nova IA", brand_words="Pas de promesse.", brand_pictures="https://n.example/a.png")

    page = alice_client.get(f"/partner/offers/{offer.id}").get_data(as_text=True)

    assert "Pas de promesse." in page
    assert "https://n.example/a.png" in page
    assert f"/byop/new?offer={offer.id}" in page


def test_an_offer_that_ended_has_its_page_and_takes_no_new_post(app: Flask, alice_client: FlaskClient):
    from datetime import date

    offer = OfferFactory(terms=OfferTerms(ends_on=date(2020, 1, 1)))

    page = alice_client.get(f"/partner/offers/{offer.id}").get_data(as_text=True)

    assert "ne prend plus de nouveaux posts" in page
    assert f"/byop/new?offer={offer.id}" not in page


def test_the_picture_is_served_as_it_was_given(app: Flask, alice_client: FlaskClient):
    offer = add_offer("Nova IA")
    with transaction():
        pictures.set_picture(services.get_offer(offer.id), PNG)

    answer = alice_client.get(f"/partner/offers/{offer.id}/picture")

    assert (answer.mimetype, answer.data) == ("image/png", PNG)
    assert f"/partner/offers/{offer.id}/picture" in alice_client.get("/partner/offers").get_data(as_text=True)


@pytest.mark.parametrize("content", [b"", b"<svg/>", b"GIF89a", PNG + b"0" * 500_000])
def test_what_is_no_small_picture_is_refused_and_nothing_is_kept(app: Flask, content: bytes):
    offer = add_offer("Nova IA")

    with pytest.raises(pictures.WrongPicture), transaction():
        pictures.set_picture(services.get_offer(offer.id), content)

    db.session.rollback()
    with pytest.raises(NotFound):
        pictures.get_picture(offer.id)


def test_the_command_keeps_description_and_picture(app: Flask, tmp_path: Path):
    file = tmp_path / "nova.png"
    file.write_bytes(PNG)

    result = app.test_cli_runner().invoke(
        args=["offer", "add", "Nova", "https://n.example/", "--description", "Range.", "--picture", str(file)]
    )

    offer = services.get_offer(result.stdout.strip())
    assert offer.description == "Range."
    assert pictures.get_picture(offer.id).content == PNG


def test_a_description_of_over_2000_characters_is_refused(app: Flask):
    with pytest.raises(WrongDescription):
        OfferTerms(description="a" * 2001).check()


@pytest.mark.parametrize(
    "path", ["/partner/offers/nobody", "/partner/offers/nobody/picture", "/partner/offers/%00"]
)
def test_an_offer_that_does_not_exist_is_missing(alice_client: FlaskClient, path: str):
    assert alice_client.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/partner/offers", "/partner/offers/nobody"])
def test_offers_are_for_partners(client: FlaskClient, path: str):
    assert client.get(path).status_code == 303
