"""A share is a share of the commission: every place says so, and what a typical sale brings."""

from __future__ import annotations

import json
import re

import pytest
from flask import Flask
from flask_babel import force_locale
from sqlalchemy import update

from contentflow.core.db import db, transaction
from contentflow.core.money import about_euros
from contentflow.offers.models import Offer
from contentflow.offers.terms import typical_sale

URL = "https://nova.example.com/?c={click_id}"


def words(page: str) -> str:
    page = page.replace("\u202f", " ").replace("\xa0", " ").replace("&nbsp;", " ")
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def say(points: int | None, **terms: int) -> None:
    with transaction():
        db.session.execute(update(Offer).values(commission_bp=points, **terms))


@pytest.mark.parametrize(
    ("commission_bp", "share_bp", "cents"),
    [(1_000, 4_000, 400), (333, 3_333, 110), (10_000, 10_000, 10_000), (1, 1, 0)],
)
def test_a_typical_sale_brings_a_share_of_the_commission(commission_bp: int, share_bp: int, cents: int):
    assert typical_sale(commission_bp, share_bp) == cents


@pytest.mark.parametrize(
    ("cents", "french", "english"),
    [
        (400, "≈ 4 €", "≈ €4"),
        (40, "≈ 0,40 €", "≈ €0.40"),
        (3_840, "≈ 38 €", "≈ €38"),
        (120_000, "≈ 1 200 €", "≈ €1,200"),
    ],
)
def test_what_is_typical_is_round(app: Flask, cents: int, french: str, english: str):
    for language, told in (("fr", french), ("en", english)):
        with app.test_request_context(), force_locale(language):
            assert words(about_euros(cents)) == told


@pytest.mark.parametrize(
    "path", ["/byop/new", "/partner/offers", "/partner/offers/{offer}", "/byop/kit?id={post}"]
)
def test_each_place_that_names_the_share_says_of_what(alice_client, alices_post, offer, path: str):
    say(1_000)

    page = words(alice_client.get(path.format(offer=offer.id, post=alices_post.id)).get_data(as_text=True))

    assert "40 % de la commission de chaque vente ( ≈ 4 € par vente de 100 € )" in page.replace(
        "(≈", "( ≈"
    ).replace("€)", "€ )")
    assert "de chaque vente" not in page.replace("de la commission de chaque vente", "")


@pytest.mark.parametrize("path", ["/byop/new", "/byop/kit?id={post}"])
def test_without_a_known_commission_no_sum_is_promised(alice_client, alices_post, path: str):
    page = words(alice_client.get(path.format(post=alices_post.id)).get_data(as_text=True))

    assert "40 % de la commission de chaque vente" in page
    assert "par vente de 100" not in page


def test_the_kit_of_a_post_keeps_its_own_share(alice_client, alices_post, offer):
    say(1_000, revshare_bp=2_000)

    page = words(alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True))

    assert "40 % de la commission" in page and "≈ 4 €" in page


def test_the_landing_promises_a_share_of_the_commission(client):
    page = words(client.get("/").get_data(as_text=True))

    assert "une part de la commission de chaque vente te revient" in page
    assert "part des ventes" not in page


def test_the_command_takes_a_fraction(app: Flask):
    run = app.test_cli_runner().invoke
    added = json.loads(run(args=["offer", "add", "Nova", URL, "--commission-pct", "0.08", "--json"]).stdout)[
        "id"
    ]
    assert db.session.get_one(Offer, added).commission_bp == 800

    for wrong in ("0", "8", "-0.1", "x"):
        refused = run(args=["offer", "add", "Nova", URL, "--commission-pct", wrong])
        assert refused.exit_code == 1 and "0.10" in refused.stderr
