"""The kit's page: its marks, its texts, its links; what it says while something is not there yet."""

from __future__ import annotations

import html
import re
from urllib.parse import unquote

import pytest

from contentflow.byop import services as byop
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.links.channels import CHANNELS
from contentflow.links.models import Click
from contentflow.sharekit import services
from tests.house import run_work
from tests.sharekit.marks import Marks

NETWORKS = ("whatsapp", "telegram", "x", "linkedin", "facebook", "threads", "bluesky")


def page_of(client, url):
    response = client.get(url)
    assert response.status_code == 200
    return response.get_data(as_text=True)


def add_clicks(submission, channel, **verdicts):
    link = links.links_of(submission.id)[channel]
    clicks = [
        Click(
            link_id=link.id,
            partner_id=link.partner_id,
            clicked_at=clock.now(),
            verdict=verdict,
            agent_class="browser",
        )
        for verdict, count in verdicts.items()
        for _ in range(count)
    ]
    with transaction():
        links.add_clicks(clicks)


def test_the_text_to_share_stands_in_a_field_that_cannot_be_written(alice_client, alices_kit):
    marks = Marks(page_of(alice_client, alices_kit))

    field = marks.attributes(id="share-text")[0]
    assert "readonly" in field
    assert re.fullmatch(
        r"Publicité\nUne heure gagnée par jour\n\nEssaye ici https://share\.example\.org/l/\w{7} #ia #ad",
        marks.share_text,
    )


def test_the_counters_name_every_channel_once(alice_client, alices_kit):
    marks = Marks(page_of(alice_client, alices_kit))

    assert marks.counts() == dict.fromkeys(CHANNELS, 0)
    inside = [
        a["data-channel"] for _, a, around in marks.tags if "share-counters" in around and "data-channel" in a
    ]
    assert sorted(inside) == sorted(CHANNELS)


@pytest.mark.parametrize("channel", NETWORKS)
def test_each_network_is_a_link_that_opens_it_without_script_and_is_logged_with_it(
    alice_client, alices_post, alices_kit, channel
):
    marks = Marks(page_of(alice_client, alices_kit))

    tile = next(tile for tile in marks.attributes(data_channel=channel) if "href" in tile)
    assert tile["href"].startswith("https://")
    assert (tile["target"], tile["rel"]) == ("_blank", "noopener")
    assert (tile["hx-post"], tile["hx-trigger"]) == ("/byop/log", "share")
    assert (tile["hx-target"], tile["hx-swap"]) == ("#share-counters", "outerHTML")
    assert links.link_url(links.links_of(alices_post.id)[channel]) in unquote(tile["href"])


@pytest.mark.parametrize("channel", ["copy", "native", "qr"])
def test_the_other_ways_to_share_carry_their_channel_too(alice_client, alices_kit, channel):
    marks = Marks(page_of(alice_client, alices_kit))

    controls = [
        given for given in marks.attributes(data_channel=channel) if given.get("hx-post") == "/byop/log"
    ]
    assert controls
    assert all(f'"ch": "{channel}"' in given["hx-vals"] for given in controls)


@pytest.mark.parametrize("channel", ["copy", *NETWORKS])
def test_every_text_begins_with_the_disclosure_and_holds_its_own_link_once(
    alice_client, alices_post, alices_kit, channel
):
    url = links.link_url(links.links_of(alices_post.id)[channel])

    text = Marks(page_of(alice_client, f"{alices_kit}&text={channel}")).share_text

    assert text.startswith("Publicité\n")
    assert text.count(url) == 1
    assert text.rstrip().endswith("#ad")


def test_the_disclosure_stays_first_whatever_the_words_say(alice_client, submit):
    mine = submit(title="Aucune publicité", hashtags="#ad #AD", cta="Publicité ? Non")
    marks = Marks(page_of(alice_client, f"/byop/kit?id={mine.id}"))

    assert marks.share_text.startswith("Publicité\nAucune publicité\n\n")
    for channel in NETWORKS:
        if channel != "facebook":
            assert "text=Publicit%C3%A9%0A" in marks.attributes(data_channel=channel)[0]["href"]


def test_the_length_is_counted_as_the_network_does(alice_client, submit):
    mine = submit(title="a" * 40, hashtags="#b", cta="c")

    page = page_of(alice_client, f"/byop/kit?id={mine.id}&text=x")

    length = len("Publicité\n") + 40 + 2 + len("c ") + 23 + len(" #b #ad")
    assert f"{length} / 280" in page


def test_an_unknown_text_is_the_one_for_everywhere(alice_client, alices_kit):
    assert Marks(page_of(alice_client, f"{alices_kit}&text=nonsense")).share_text.startswith("Publicité\n")


def test_htmx_gets_the_text_card_alone_when_it_asks_for_a_network(alice_client, alices_kit):
    answer = alice_client.get(f"{alices_kit}&text=x", headers={"HX-Request": "true"})

    assert answer.get_data(as_text=True).lstrip().startswith('<section class="card" id="kit-text"')


def test_hostile_words_are_only_ever_text(alice_client, hostile_post):
    for text in ("copy", "x"):
        page = page_of(alice_client, f"/byop/kit?id={hostile_post.id}&text={text}")

        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert not [given for _, given, _ in Marks(page).tags if "onerror" in given]


def test_a_textarea_cannot_be_left_by_what_stands_in_it(alice_client, submit):
    mine = submit(title="</textarea><script>alert(1)</script>")

    marks = Marks(page_of(alice_client, f"/byop/kit?id={mine.id}"))

    assert "</textarea><script>alert(1)</script>" in marks.share_text


def test_the_head_names_the_offer_and_what_it_pays(alice_client, alices_kit):
    page = html.unescape(page_of(alice_client, alices_kit))

    assert "Offre Nova IA" in page
    assert re.search(r"40\s%\sde la commission de chaque vente", page)


def test_a_post_whose_offer_is_withdrawn_keeps_its_kit(alice_client, alices_kit, offer):
    with transaction():
        db.session.merge(offer).is_active = False

    assert "Nova IA" not in page_of(alice_client, alices_kit)


def test_a_video_on_its_way_says_so_and_the_words_can_be_shared(alice_client, submit):
    mine = submit(title="Une vidéo", source_url="https://video.example.com/1")

    page = page_of(alice_client, f"/byop/kit?id={mine.id}")

    assert 'data-status="new" data-step="" data-percent="0"' in page
    assert Marks(page).attributes(data_channel="whatsapp")


def test_a_post_of_words_alone_speaks_of_no_video(app, alice_client, alices_kit):
    run_work(app)

    page = page_of(alice_client, alices_kit)

    assert "Prêt à partager" in page
    assert "data-status" not in page
    assert 'class="clip' not in page


def test_before_the_first_click_the_next_step_is_named(alice_client, alices_kit):
    assert "Pas encore de clic." in page_of(alice_client, alices_kit)


def test_after_a_share_without_click_another_network_is_suggested(
    alice, alice_client, alices_post, alices_kit
):
    with transaction():
        services.log_share(alice.id, alices_post.id, "x")

    assert "Essaie un autre réseau" in page_of(alice_client, alices_kit)


def test_clicks_are_one_number_and_a_sentence_for_each_verdict(alice_client, alices_post, alices_kit):
    add_clicks(alices_post, "whatsapp", valid=3, preview_bot=2)
    add_clicks(alices_post, "x", valid=1, duplicate=1)

    page = html.unescape(page_of(alice_client, alices_kit))

    assert re.search(r'number-value">4<', page)
    assert "clics valides, sur 7 visites" in page
    for sentence in (
        "Vraies visites",
        "Aperçus de messageries, personne n’a cliqué",
        "Même personne, dans l’heure",
    ):
        assert sentence in page
    assert "Robots" not in page


def test_bob_sees_alices_kit_as_missing(bob_client, alices_kit):
    assert bob_client.get(alices_kit).status_code == 404


@pytest.mark.parametrize("id", ["", "unknown", "a" * 22, "%00", "é" * 22])
def test_an_unknown_kit_is_missing(alice_client, id):
    assert alice_client.get(f"/byop/kit?id={id}").status_code == 404


def test_without_login_the_kit_sends_there_and_back(client, alices_kit):
    answer = client.get(alices_kit)

    assert answer.status_code == 303
    assert "next=/byop/kit?id%3D" in answer.location


def test_an_archived_post_shows_its_results_and_nothing_to_share(
    alice, alice_client, alices_post, alices_kit
):
    add_clicks(alices_post, "x", valid=2)
    with transaction():
        byop.archive_post(alice.id, alices_post.id)

    page = page_of(alice_client, alices_kit)

    assert "Archivé" in page
    assert "clics valides, sur 2 visites" in page
    assert "data-channel" not in page


def test_the_chip_of_a_post_of_words_looks_again_until_it_is_ready(app, alice_client, alices_post):
    before = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)
    run_work(app)
    after = alice_client.get(f"/byop/kit?id={alices_post.id}").get_data(as_text=True)

    assert "Presque prêt" in before
    assert 'hx-select="#state"' in before
    assert "Prêt à partager" in after
    assert 'hx-select="#state"' not in after
