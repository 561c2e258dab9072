"""Offers of the console: added once, changed for new posts alone, and looked at before."""

from __future__ import annotations

import io
import re
from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from contentflow.byop.models import Submission
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.offers.models import Offer
from tests.guards.test_pages import check
from tests.house import look_anew, post

FIELDS = {
    "name": "Nova Audio", "url": "https://audio.example.com/?c={click_id}&s={channel}", "advertiser": "Nova",
    "revshare_pct": "0.5", "commission_pct": "0.12", "category": "audio", "fixed_cents": "150",
    "click_cents": "", "holding_days": "", "daily_budget_cents": "", "starts_on": "2026-11-01",
    "ends_on": "2027-01-31", "description": "Des livres à écouter.\r\nPartout.", "brand_words": "Sobre.",
    "brand_picture": "https://cdn.example.com/a.png\r\n\r\nhttps://cdn.example.com/b.png", "nonce": "n1",
}  # fmt: skip
PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 64


def offers() -> list[Offer]:
    look_anew()
    return list(db.session.scalars(select(Offer).order_by(Offer.number)))


def test_the_form_adds_an_offer_as_the_command_would(olga_client, olga):
    page = olga_client.get("/console/offers/new")
    answer = post(olga_client, "/console/offers/new", {**FIELDS, "picture": (io.BytesIO(PNG), "o.png")})

    check(page.text)
    (made,) = offers()
    assert answer.headers["Location"] == f"/console/offers/{made.id}"
    assert (made.name, made.revshare_bp, made.commission_bp, made.fixed_cents) == (
        "Nova Audio",
        5_000,
        1_200,
        150,
    )
    assert (made.click_cents, made.holding_days, made.daily_budget_cents) == (0, 30, None)
    assert (made.starts_on, made.ends_on) == (date(2026, 11, 1), date(2027, 1, 31))
    assert made.description == "Des livres à écouter.\nPartout."
    assert made.brand_pictures == "https://cdn.example.com/a.png\nhttps://cdn.example.com/b.png"
    assert made.picture_digest
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "offer.add")).one()
    assert (entry.actor, entry.subject, entry.after["revshare_bp"]) == (olga.id, made.id, 5_000)


def test_the_same_form_twice_makes_one_and_another_content_another(olga_client):
    first = post(olga_client, "/console/offers/new", FIELDS)
    again = post(olga_client, "/console/offers/new", FIELDS)
    other = post(olga_client, "/console/offers/new", {**FIELDS, "name": "Autre"})

    assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]
    assert [one.name for one in offers()] == ["Nova Audio", "Autre"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""), ("name", "x" * 121), ("url", "http://a.example.com"),
        ("url", "https://a.example.com/{me}"),
        ("revshare_pct", "1.1"), ("revshare_pct", "quarante"), ("commission_pct", "0"),
        ("commission_pct", "NaN"),
        ("category", "gambling"), ("category", "moon"), ("fixed_cents", "-1"), ("fixed_cents", "1,5"),
        ("fixed_cents", "1000001"), ("click_cents", "٣"), ("holding_days", "1e2"),
        ("daily_budget_cents", "0"),
        ("starts_on", "0000-01-01"), ("ends_on", "2026-10-31"), ("description", "x" * 2_001),
        ("brand_words", "x" * 1_001), ("brand_picture", "http://cdn.example.com/a.png"),
    ],
)  # fmt: skip
def test_each_mistake_is_422_with_all_that_was_typed(olga_client, field, value):
    answer = post(olga_client, "/console/offers/new", {**FIELDS, field: value})

    assert answer.status_code == 422 and "error" in answer.text
    assert 'value="n1"' in answer.text and (field == "description" or "Des livres à écouter." in answer.text)
    check(answer.text)
    assert offers() == []


def test_a_picture_that_is_none_keeps_the_offer_away(olga_client):
    answer = post(olga_client, "/console/offers/new", {**FIELDS, "picture": (io.BytesIO(b"GIF89a"), "o.gif")})

    assert answer.status_code == 422
    assert offers() == []


def test_a_change_is_for_new_posts_alone(olga_client, alices_post, offer):
    code = links.links_of(alices_post.id)["copy"]
    before, destination = (alices_post.revshare_bp, alices_post.fixed_cents), code.destination

    page = olga_client.get(f"/console/offers/{offer.id}")
    answer = post(olga_client, f"/console/offers/{offer.id}", FIELDS)

    check(page.text)
    assert answer.status_code == 303
    (changed,) = offers()
    assert (changed.name, changed.revshare_bp) == ("Nova Audio", 5_000)
    kept = db.session.get_one(Submission, alices_post.id)
    assert (kept.revshare_bp, kept.fixed_cents) == before != (5_000, 150)
    assert links.links_of(kept.id)["copy"].destination == destination != changed.url
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "offer.set")).one()
    assert (entry.before["revshare_bp"], entry.after["revshare_bp"]) == (4_000, 5_000)


def test_a_form_that_is_saved_as_it_stands_changes_nothing(olga_client, offer):
    page = olga_client.get(f"/console/offers/{offer.id}").text
    typed = dict(re.findall(r'<input[^>]*value="([^"]*)"[^>]*name="([a-z_]+)"', page))
    fields = {name: value.replace("&amp;", "&") for value, name in typed.items()}
    fields |= {"category": "other"}

    post(olga_client, f"/console/offers/{offer.id}", fields)

    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "offer.set")).one()
    assert (entry.before, entry.after) == ({}, {})


def marked(answer: Any) -> dict[str, str]:
    return {
        name: text.replace("&amp;", "&")
        for name, text in re.findall(
            r'data-preview="([a-z]+)"[^>]*>(.*?)</(?:p|pre)>', answer.text, re.DOTALL
        )
    }


def test_the_preview_shows_text_card_address_and_what_a_sale_of_100_euros_earns(olga_client):
    answer = post(olga_client, "/console/offers/preview", FIELDS)

    shown = marked(answer)
    check(answer.text)
    assert answer.status_code == 200 and offers() == []
    assert shown["text"].startswith("Publicité\nDécouverte utile") and "share.example.org/l/" in shown["text"]
    assert "Nova Audio" in shown["card"] and "50" in shown["card"]
    assert shown["url"] == "https://audio.example.com/?c=ExempleDeClic000000000&s=whatsapp"
    assert 'data-cents="750"' in answer.text  # half of 12 €, and 1.50 €
    assert "12" in answer.text and "12\u00a0%" in answer.text
    assert 'value="Nova Audio"' in answer.text


def test_the_preview_of_a_change_says_what_old_posts_keep_and_changes_nothing(olga_client, offer):
    answer = post(olga_client, "/console/offers/preview", {**FIELDS, "offer": offer.id})

    assert "Les posts d’avant gardent tout" in answer.text and "la part" in answer.text
    assert offers()[0].name == offer.name


def test_a_preview_of_a_mistake_or_of_no_offer_is_refused(olga_client):
    assert post(olga_client, "/console/offers/preview", {**FIELDS, "url": "x"}).status_code == 422
    assert post(olga_client, "/console/offers/preview", {**FIELDS, "offer": "x" * 22}).status_code == 404


@pytest.mark.parametrize("offer_id", ["x", "x" * 22, "%00", "new%2F"])
def test_an_offer_that_is_not_there_is_404(olga_client, offer_id):
    assert olga_client.get(f"/console/offers/{offer_id}").status_code == 404
    assert post(olga_client, f"/console/offers/{offer_id}", FIELDS).status_code == 404


def test_who_only_looks_sees_a_form_that_is_closed(in_role, offer):
    reader = in_role("reader")

    page = reader.get(f"/console/offers/{offer.id}")

    assert page.status_code == 200 and "<fieldset" in page.text and "disabled" in page.text
    assert post(reader, f"/console/offers/{offer.id}", FIELDS).status_code == 403
    assert reader.get("/console/offers/new").status_code == 403


def test_the_list_says_what_share_each_pays(olga_client, offer):
    assert "40\u00a0%" in olga_client.get("/console/offers").text
