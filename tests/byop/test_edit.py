"""A post's words are mended, or the post is withdrawn."""

from __future__ import annotations

import html

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from contentflow.byop import services
from contentflow.byop.models import Submission
from contentflow.byop.words import Words
from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.partners.models import Partner
from tests.house import post

HTMX = {"HX-Request": "true"}


def text_of(response: TestResponse) -> str:
    return html.unescape(response.get_data(as_text=True)).replace("\u00a0", " ")


def now(alices_post: Submission) -> Submission:
    db.session.rollback()
    return db.session.get_one(Submission, alices_post.id)


def test_the_page_shows_the_words_and_neither_url_nor_offer(
    alice_client: FlaskClient, alices_post: Submission
):
    page = text_of(alice_client.get(f"/byop/edit?id={alices_post.id}"))

    assert 'value="Une heure gagnée par jour"' in page
    assert 'name="source_url"' not in page
    assert 'name="offer_id"' not in page
    assert "Archiver ce post" in page


def test_saved_words_lead_back_to_the_kit(alice_client: FlaskClient, alices_post: Submission):
    response = post(
        alice_client, "/byop/edit", {"sid": alices_post.id, "title": "Mieux", "hashtags": "ia outils"}
    )

    assert (response.status_code, response.headers["Location"]) == (303, f"/byop/kit?id={alices_post.id}")
    assert services.words_of(now(alices_post)) == Words(title="Mieux", hashtags="#ia #outils")


def test_what_is_too_long_is_refused_and_the_old_words_stay(
    alice_client: FlaskClient, alices_post: Submission
):
    refused = post(alice_client, "/byop/edit", {"sid": alices_post.id, "title": "é" * 121, "cta": "Gardé"})

    assert refused.status_code == 422
    assert 'id="title-error"' in text_of(refused)
    assert "Gardé" in text_of(refused)
    assert now(alices_post).title == "Une heure gagnée par jour"


def test_htmx_gets_the_form_alone(alice_client: FlaskClient, alices_post: Submission):
    refused = post(alice_client, "/byop/edit", {"sid": alices_post.id, "cta": "x" * 201}, headers=HTMX)

    assert refused.status_code == 422
    assert "<html" not in refused.get_data(as_text=True)


def test_markup_in_words_stays_text(alice_client: FlaskClient, alices_post: Submission):
    hostile = '"><script>alert(1)</script>'
    post(alice_client, "/byop/edit", {"sid": alices_post.id, "title": hostile, "description": hostile})

    page = alice_client.get(f"/byop/edit?id={alices_post.id}").get_data(as_text=True)
    assert "<script>alert" not in page
    assert html.escape(hostile, quote=False).replace('"', "&#34;") in page


@pytest.mark.parametrize("path", ["/byop/edit", "/byop/archive"])
@pytest.mark.parametrize("sid", ["", "nobody", "\x00" * 22, "x" * 22])
def test_an_unknown_post_is_missing(alice_client: FlaskClient, alices_post: Submission, path: str, sid: str):
    assert post(alice_client, path, {"sid": sid, "title": "x" * 121}).status_code == 404


@pytest.mark.parametrize("path", ["/byop/edit", "/byop/archive"])
def test_bob_meets_alices_post_as_missing(bob_client: FlaskClient, alices_post: Submission, path: str):
    assert post(bob_client, path, {"sid": alices_post.id, "title": "Volé"}).status_code == 404
    assert bob_client.get(f"/byop/edit?id={alices_post.id}").status_code == 404

    assert now(alices_post).title == "Une heure gagnée par jour"
    assert now(alices_post).archived_at is None


def test_archiving_ends_the_links_and_may_be_pressed_twice(
    alice_client: FlaskClient, alice: Partner, alices_post: Submission
):
    for _ in range(2):
        response = post(alice_client, "/byop/archive", {"sid": alices_post.id})
        assert (response.status_code, response.headers["Location"]) == (303, "/partner/portal")

    assert now(alices_post).archived_at is not None
    assert all(link.disabled_at for link in links.links_of(alices_post.id).values())


def test_an_archived_post_is_not_edited(alice_client: FlaskClient, alices_post: Submission):
    post(alice_client, "/byop/archive", {"sid": alices_post.id})

    refused = post(alice_client, "/byop/edit", {"sid": alices_post.id, "title": "Trop tard"})

    assert refused.status_code == 409
    assert "archivé" in text_of(refused)
    assert alice_client.get(f"/byop/edit?id={alices_post.id}").status_code == 409
    assert now(alices_post).title == "Une heure gagnée par jour"


@pytest.mark.parametrize("path", ["/byop/edit", "/byop/archive"])
def test_without_its_token_nothing_changes(alice_client: FlaskClient, alices_post: Submission, path: str):
    assert alice_client.post(path, data={"sid": alices_post.id}).status_code == 400
    assert now(alices_post).archived_at is None


def test_archive_has_no_page_of_its_own(alice_client: FlaskClient):
    assert alice_client.get("/byop/archive").status_code == 405
