"""What visitors and messengers see of a post: the disclosure first, always; never indexed, no cookie."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from contentflow.byop import services as byop
from contentflow.config import ROOT
from contentflow.core.db import transaction
from contentflow.links import services as links
from contentflow.links.channels import CHANNELS
from tests.house import HOST
from tests.sharekit.marks import Marks

WHATSAPP = {"User-Agent": "WhatsApp/2.24.1 A"}
PICTURES = ("card-publicite.png", "card-collaboration.png")


def code_of(submission, channel="whatsapp"):
    return links.links_of(submission.id)[channel].code


def card_of(client, submission):
    answer = client.get(f"/l/{code_of(submission)}", headers=WHATSAPP)
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return answer


def words_in_order(page):
    body = re.sub(r"(?s)^.*<main[^>]*>|</main>.*$", "", page)
    return html.unescape(re.sub(r"<[^>]+>", " ", body)).split()


def archive(alice, submission):
    with transaction():
        byop.archive_post(alice.id, submission.id)


def test_the_card_has_all_that_a_messenger_draws(client, alices_post):
    marks = Marks(card_of(client, alices_post).get_data(as_text=True))

    assert marks.meta("og:title") == "Publicité · Une heure gagnée par jour"
    assert marks.meta("og:description") == "Publicité · Essaye ici"
    assert marks.meta("og:url") == f"{HOST['base_url']}/l/{code_of(alices_post)}"
    assert marks.meta("og:image") == f"{HOST['base_url']}/static/share/card-publicite.png"
    assert marks.meta("twitter:card") == "summary_large_image"
    assert marks.meta("robots") == "noindex"


def test_the_card_shows_the_disclosure_first(client, alices_post):
    answer = card_of(client, alices_post)

    assert words_in_order(answer.get_data(as_text=True))[0] == "Publicité"
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in answer.headers


def test_the_other_mention_of_the_law_has_its_own_picture(make_app, client, alices_post):
    object.__setattr__(client.application.config["CONTENTFLOW"], "ad_disclosure", "Collaboration commerciale")

    marks = Marks(card_of(client, alices_post).get_data(as_text=True))

    assert marks.meta("og:title").startswith("Collaboration commerciale · ")
    assert marks.meta("og:image").endswith("/static/share/card-collaboration.png")


@pytest.mark.parametrize("name", PICTURES)
def test_the_pictures_are_1200_by_630_and_light(name):
    picture = (Path(ROOT) / "static" / "share" / name).read_bytes()

    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(picture[16:20]), int.from_bytes(picture[20:24])) == (1200, 630)
    assert len(picture) < 300_000


@pytest.mark.parametrize("channel", CHANNELS)
def test_the_public_page_opens_by_any_code_and_leads_through_its_own_link(client, alices_post, channel):
    code = code_of(alices_post, channel)

    answer = client.get(f"/p/{code}")

    assert answer.status_code == 200
    page = answer.get_data(as_text=True)
    assert f'href="{HOST["base_url"]}/l/{code}"' in page
    assert "nova.example.com" not in page


def test_the_public_page_says_the_disclosure_before_anything_else(client, submit):
    mine = submit(title="Rien de publicitaire", description="Vraiment.", hashtags="#ad")
    page = client.get(f"/p/{code_of(mine)}").get_data(as_text=True)

    assert words_in_order(page)[:2] == ["Publicité", "Rien"]
    assert re.search(r"<title>Publicité · Rien", page)
    assert page.count("#ad") == 1
    assert Marks(page).meta("og:description").startswith("Publicité · Vraiment.")


def test_the_mention_is_marked_as_french_on_an_english_page(client, alices_post):
    page = client.get(f"/p/{code_of(alices_post)}", headers={"Accept-Language": "en"}).get_data(as_text=True)

    assert '<html lang="en"' in page
    assert '<p class="mention" lang="fr">Publicité</p>' in page


def test_the_public_page_is_not_indexed_and_sets_no_cookie(client, alice_client, alices_post):
    for visitor in (client, alice_client):
        answer = visitor.get(f"/p/{code_of(alices_post)}")

        assert Marks(answer.get_data(as_text=True)).meta("robots") == "noindex"
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert "Set-Cookie" not in answer.headers
        assert "csrf" not in answer.get_data(as_text=True)


def test_a_post_without_any_word_still_reads_well(client, submit):
    page = client.get(f"/p/{code_of(submit(nonce='bare'))}").get_data(as_text=True)

    assert "Découverte utile" in page
    assert "Découvre ici →" in page


def test_hostile_words_are_only_text_in_public_too(client, hostile_post):
    for page in (
        card_of(client, hostile_post).get_data(as_text=True),
        client.get(f"/p/{code_of(hostile_post)}").get_data(as_text=True),
    ):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert not [given for _, given, _ in Marks(page).tags if "onerror" in given]
        assert words_in_order(page)[0] == "Publicité"


def test_an_archived_post_is_gone_for_everybody(client, alice, alices_post):
    code = code_of(alices_post)
    archive(alice, alices_post)

    assert client.get(f"/p/{code}").status_code == 410
    assert client.get(f"/l/{code}", headers=WHATSAPP).status_code == 410


@pytest.mark.parametrize("code", ["unknown", "0000000", "%00", "a" * 300, "ééééééé"])
def test_an_unknown_code_is_missing(client, code):
    assert client.get(f"/p/{code}").status_code == 404


def test_trying_codes_is_limited(client, app):
    object.__setattr__(app.config["CONTENTFLOW"], "unknown_code_per_minute", 2)

    assert [client.get("/p/0000000").status_code for _ in range(3)] == [404, 404, 429]


def test_a_withdrawn_offer_leaves_the_page_without_button(client, alices_post, offer):
    from contentflow.core.db import db

    with transaction():
        db.session.merge(offer).is_active = False

    answer = client.get(f"/p/{code_of(alices_post)}")

    assert answer.status_code == 200
    assert "/l/" not in answer.get_data(as_text=True)
