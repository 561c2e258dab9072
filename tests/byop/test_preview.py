"""The text as one network will show it, while it is typed."""

from __future__ import annotations

import html
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop.models import Submission
from contentflow.byop.preview import CHANNELS, preview
from contentflow.byop.words import Words
from contentflow.core.db import Base, db
from contentflow.links import services as links
from contentflow.offers.models import Offer
from tests.house import csrf, post

HTMX = {"HX-Request": "true"}


def ask(client: FlaskClient, **fields: str) -> TestResponse:
    return post(client, "/byop/preview", fields, headers=HTMX)


def shown(response: TestResponse) -> str:
    found = re.search(r'preview-text"[^>]*>(.*?)</p>', response.get_data(as_text=True), re.DOTALL)
    assert found
    return html.unescape(found[1])


def length(response: TestResponse) -> str:
    found = re.search(r'id="preview-length">(.*?)</span>', response.get_data(as_text=True), re.DOTALL)
    assert found
    return html.unescape(found[1])


def test_the_preview_is_the_share_text_with_a_link_of_the_right_length(
    alice_client: FlaskClient, offer: Offer
):
    response = ask(alice_client, title="Titre", hashtags="ia, #tools", cta="Essaye", channel="x")

    assert shown(response) == (
        "Publicité\nTitre\n\nEssaye https://share.example.org/l/tonlien #ia #tools #ad"
    )
    assert length(response) == "62 / 280"
    assert "<html" not in response.get_data(as_text=True)


def test_empty_fields_show_what_stands_in_for_them(alice_client: FlaskClient, offer: Offer):
    assert shown(ask(alice_client)) == (
        "Publicité\nDécouverte utile\n\n"
        "Découvre ici → https://share.example.org/l/tonlien #ia #tools #productivité #ad"
    )


def test_a_network_without_a_limit_shows_the_length_alone(alice_client: FlaskClient, offer: Offer):
    assert re.fullmatch(r"\d+ caractères", length(ask(alice_client, channel="copy")))


def test_a_text_too_long_for_the_network_is_shortened_and_says_so(alice_client: FlaskClient, offer: Offer):
    response = ask(alice_client, title="mot " * 29, cta="viens " * 33, channel="x")

    used, most = map(int, length(response).split(" / "))
    assert used <= most == 280
    assert shown(response).startswith("Publicité\n")
    assert shown(response).endswith("#ad")
    assert "Raccourci pour tenir" in response.get_data(as_text=True)


@pytest.mark.parametrize("channel", [*CHANNELS, "qr", "carrier-pigeon", "", "\x00"])
def test_any_channel_shows_something(alice_client: FlaskClient, offer: Offer, channel: str):
    assert ask(alice_client, title="Titre", channel=channel).status_code == 200


@pytest.mark.parametrize("channel", CHANNELS)
def test_words_of_any_length_fit_the_network(channel: str):
    words = Words("日" * 120, "", " ".join(f"#mot{number}" for number in range(40)), "👨‍👩‍👧" * 40)

    written = preview(words, channel, "https://share.example.org/l/abcdefg", "Publicité", "")

    assert written.maximum is None or written.length <= written.maximum


def test_a_get_shows_the_same_as_a_post(alice_client: FlaskClient, offer: Offer):
    query = {"title": "Titre", "channel": "x"}

    assert shown(alice_client.get("/byop/preview", query_string=query, headers=HTMX)) == shown(
        ask(alice_client, **query)
    )


def test_without_script_the_page_comes_with_the_preview_and_all_that_was_typed(
    alice_client: FlaskClient, offer: Offer
):
    typed = {"title": "Titre", "description": "Texte", "source_url": "ftp://x", "nonce": "n", "channel": "x"}
    response = post(alice_client, "/byop/preview", typed)

    page = response.get_data(as_text=True)
    assert response.status_code == 200
    assert "<html" in page
    assert "Publicité\nTitre" in shown(response)
    assert [value for value in typed.values() if value not in page] == []
    assert 'value="x" checked' in page


def test_the_preview_of_a_post_that_exists_has_its_own_link(
    alice_client: FlaskClient, alices_post: Submission
):
    response = ask(alice_client, sid=alices_post.id, title="Mieux", channel="x")

    assert links.link_url(links.links_of(alices_post.id)["x"]) in shown(response)


def test_bob_previews_alices_post_as_missing(bob_client: FlaskClient, alices_post: Submission):
    assert ask(bob_client, sid=alices_post.id).status_code == 404


def test_a_preview_changes_nothing(app: Flask, alice_client: FlaskClient, alices_post: Submission):
    def rows() -> dict[str, int]:
        db.session.rollback()
        tables = Base.metadata.sorted_tables
        return {table.name: len(db.session.execute(table.select()).all()) for table in tables}

    csrf(alice_client)
    before = rows()
    ask(alice_client, title="Titre", nonce="n")
    ask(alice_client, sid=alices_post.id, title="Autre")

    assert rows() == before
    assert db.session.get_one(Submission, alices_post.id).title == alices_post.title


def test_markup_stays_text(alice_client: FlaskClient, offer: Offer):
    response = ask(alice_client, title="<script>alert(1)</script>", cta="<img src=x>", hashtags="<b>")

    assert "<script" not in response.get_data(as_text=True)
    assert "<img" not in response.get_data(as_text=True)
    assert "<script>alert(1)</script>" in shown(response)
