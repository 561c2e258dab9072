"""Where an act leads: back to the list as it was filtered, and something says that it worked."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import select

from contentflow.conversions import networks
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger.models import Hold
from contentflow.links import services as links
from contentflow.mailing.models import Delivery, SenderPause
from tests.guards.test_pages import check
from tests.house import HOST, post

WHY = {"reason": "vu avec le réseau"}


@pytest.fixture
def hold(postback: Any, click: Any) -> Hold:
    """Of a sale out of a click of the partner's own."""
    postback("S-1", click_id=click(verdict="self"))
    return db.session.scalars(select(Hold)).one()


@pytest.mark.parametrize(
    ("path", "of", "back", "said"),
    [
        ("conversions/attach", "sale", "conversions?state=unattributed", "la vente est donnée"),
        ("conversions/dismiss", "sale", "conversions?state=unattributed", "la vente est écartée"),
        ("mail/resume?state=paused", "scope", "mail?state=paused", "ses envois reprennent"),
        ("networks/end?state=rotating", "network", "networks?state=rotating", "ne signe plus"),
        ("networks/retire?state=silent", "network", "networks?state=silent", "awin est retiré"),
        ("offers/pause?state=ending", "offer", "offers?state=ending", "est en pause"),
        ("partners/note", "partner", "partners/{alice}", "La note est gardée"),
    ],
)
def test_what_was_done_is_said_in_the_list_that_it_was_done_in(
    olga_client, alice, alices_post, offer, network, postback, path, of, back, said
):
    with transaction():
        db.session.add(SenderPause(scope=alice.id, sent=100, bounced=9, complained=0, paused_at=clock.now()))
    if "end" in path:
        post(olga_client, "/console/networks/rotate", {"network": "awin", **WHY})
    code = links.links_of(alices_post.id)["copy"].code
    fields = {
        "sale": lambda: {"conversion": postback("N-1").id, "code": code},
        "scope": lambda: {"scope": alice.id},
        "network": lambda: {"network": "awin"},
        "offer": lambda: {"offer": offer.id},
        "partner": lambda: {"partner": alice.id, "note": "à rappeler"},
    }[of]()

    answer = post(olga_client, f"/console/{path}", {**fields, **WHY})

    there = f"/console/{back.format(alice=alice.id)}"
    assert (answer.status_code, answer.headers["Location"]) == (303, there)
    page = olga_client.get(there).text
    check(page)
    flashes = re.search(r'id="page".*?<div class="flashes"[^>]*tabindex="-1" autofocus>(.*)', page, re.DOTALL)
    assert flashes and said in flashes[1]


def test_an_offer_of_the_whole_list_keeps_its_place(olga_client, offer):
    answer = post(olga_client, "/console/offers/pause", {"offer": offer.id})

    assert answer.headers["Location"] == f"/console/offers#offer-{offer.id}"


def test_the_pages_of_a_list_keep_its_filter_in_what_is_pressed_there(olga_client, alice, network):
    with transaction():
        db.session.add(SenderPause(scope=alice.id, sent=100, bounced=9, complained=0, paused_at=clock.now()))

    assert 'action="/console/mail/resume?state=paused"' in olga_client.get("/console/mail?state=paused").text
    post(olga_client, "/console/networks/rotate", {"network": "awin", **WHY})
    assert (
        'action="/console/networks/end?state=rotating"'
        in olga_client.get("/console/networks?state=rotating").text
    )


@pytest.mark.parametrize("kind", ["referrer", "field"])
def test_after_a_bulk_act_the_way_back_keeps_the_filter(olga_client, hold, kind):
    there = "/console/holds?state=open&reason=suspicion"
    headers = {"Referer": f"{HOST['base_url']}{there}"}
    asked = post(
        olga_client, "/console/confirm", {"act": "keep", "list": "holds", "id": hold.id}, headers=headers
    )
    kept = re.search(r'name="back" value="([^"]+)"', asked.text)
    assert kept and kept[1].replace("&amp;", "&") == there

    sent = {"headers": headers} if kind == "referrer" else {}
    fields = {"hold": hold.id, **WHY} | ({"back": there} if kind == "field" else {})
    done = post(olga_client, "/console/holds/keep", fields, **sent)

    assert 'href="/console/holds?state=open&amp;reason=suspicion"' in done.text


@pytest.mark.parametrize(
    "back", ["https://evil.example/console/holds", "//evil.example", "/partner/portal", "x"]
)
def test_the_way_back_is_to_a_list_of_ours(olga_client, hold, back):
    done = post(olga_client, "/console/holds/keep", {"hold": hold.id, "back": back, **WHY})

    assert re.search(r'<a class="btn btn-primary" href="/console/holds"', done.text)


def test_each_line_of_the_board_leads_to_the_next_one_that_waits(olga_client, alice, hold, postback):
    postback("N-1")
    page = olga_client.get("/console/conversions?state=unattributed").text
    check(page)
    assert "Ligne suivante : Gains retenus à examiner" in page and 'href="/console/"' in page
    assert (
        "Ligne suivante : Ventes sans partenaire"
        in olga_client.get("/console/holds?state=open&reason=suspicion").text
    )


def test_an_emptied_line_is_all_seen_and_another_search_finds_nothing(olga_client, hold):
    for path in ("posts?state=submitted", "networks?state=rotating", "offers?state=ending"):
        page = olga_client.get(f"/console/{path}").text
        check(page)
        assert "Tout est vu." in page and "Ligne suivante : Gains retenus" in page
    other = olga_client.get("/console/posts?state=ready&partner=x").text
    assert "Rien ne correspond" in other and "Ligne suivante" not in other


def test_the_last_line_leads_to_the_board_alone(olga_client, hold):
    page = olga_client.get("/console/holds?state=open&reason=suspicion").text

    assert "Ligne suivante" not in page and "Le tableau" in page


def test_the_next_line_is_one_that_the_reader_may_open(in_role, alices_post, network):
    with transaction():
        networks.rotate_secret(networks.get_network("awin"), "cli")

    assert "Ligne suivante" in in_role("reader").get("/console/offers?state=ending").text
    assert "Ligne suivante" not in in_role("accountant").get("/console/offers?state=ending").text


def test_mails_that_were_not_delivered_are_news_and_no_next_line(olga_client, alice):
    with transaction():
        db.session.add(Delivery(kind="share", state="failed", recipient_hash="h", recipient="a@b.example"))

    assert "des 7 derniers jours, pour information" in olga_client.get("/console/").text
    assert "Ligne suivante" not in olga_client.get("/console/posts?state=submitted").text


def test_who_comes_near_a_contract_is_listed_with_whom_how_much_and_the_next_step(
    olga_client, alice, click, postback
):
    postback("S-1", click_id=click(), amount_cents=220_000)

    page = olga_client.get("/console/partners?state=warned").text

    check(page)
    row = re.search(rf'<li data-id="{alice.id}".*?</li>', page, re.DOTALL)
    assert row and f'href="/console/partners/{alice.id}#contracts"' in row[0] and "Suspendre" not in row[0]
    assert "cette année ; à 1 000,00" in row[0].replace("\u202f", " ").replace("\xa0", " ")
    assert "Suspendre" in olga_client.get("/console/partners").text
