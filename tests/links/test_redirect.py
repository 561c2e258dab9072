"""Who opens a short link, what they are answered, and the verdict that is kept of it."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core.db import db, transaction
from contentflow.links import services
from contentflow.links.models import Link
from contentflow.offers import services as offers
from contentflow.partners.models import Partner
from tests.house import browser
from tests.links.visitors import LAPTOP, PHONE, click_id, clicks, link_of, open_as, verdicts, visit


def test_a_visitor_is_sent_to_the_offer_and_the_click_is_valid(app: Flask, alices_post: Any) -> None:
    response = visit(app, f"/l/{link_of(alices_post).code}")

    (click,) = clicks()
    assert response.status_code == 302
    assert response.headers["Location"] == f"https://nova.example.com/?c={click.id}"
    assert (click.verdict, click.agent_class) == ("valid", "mobile")
    assert click.link_id == link_of(alices_post).id
    assert click.partner_id == alices_post.partner_id


def test_the_answer_is_not_stored_not_indexed_and_sets_no_cookie(app: Flask, alices_post: Any) -> None:
    response = visit(app, f"/l/{link_of(alices_post).code}")

    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in response.headers


@pytest.mark.parametrize(
    ("agent", "headers", "method", "verdict"),
    [
        (PHONE, {"Sec-Purpose": "prefetch;prerender"}, "GET", "prefetch"),
        (PHONE, {"Purpose": "prefetch"}, "GET", "prefetch"),
        (PHONE, {}, "HEAD", "prefetch"),
        ("WhatsApp/2.23.20.0", {}, "HEAD", "prefetch"),
        ("WhatsApp/2.23.20.0", {}, "GET", "preview_bot"),
        ("TelegramBot (like TwitterBot)", {}, "GET", "preview_bot"),
        ("curl/8.5.0", {}, "GET", "bot"),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", {}, "GET", "bot"),
        ("", {}, "GET", "bot"),
        (PHONE, {}, "GET", "valid"),
        (LAPTOP + " WhatsApp/2.24", {}, "GET", "valid"),
    ],
)
def test_each_kind_of_hit_is_kept_with_its_verdict(
    app: Flask, alices_post: Any, agent: str, headers: dict[str, str], method: str, verdict: str
) -> None:
    visit(app, f"/l/{link_of(alices_post).code}", agent, method=method, headers=headers)

    assert verdicts() == [verdict]


@pytest.mark.parametrize("agent", ["curl/8.5.0", PHONE])
def test_programs_and_head_requests_are_sent_on_too(app: Flask, alices_post: Any, agent: str) -> None:
    response = visit(app, f"/l/{link_of(alices_post).code}", agent, method="HEAD")

    assert response.status_code == 302
    assert response.get_data() == b""


def test_only_people_are_hashed(app: Flask, alices_post: Any) -> None:
    visit(app, f"/l/{link_of(alices_post).code}", "curl/8.5.0")
    visit(app, f"/l/{link_of(alices_post).code}", PHONE)

    hashes = {click.verdict: click.visitor_hash for click in clicks()}
    assert hashes["bot"] is None
    assert len(hashes["valid"] or "") == 37


def test_the_partners_own_click_is_self(alice_client: FlaskClient, alices_post: Any) -> None:
    response = open_as(alice_client, f"/l/{link_of(alices_post).code}")

    assert response.status_code == 302
    assert "Set-Cookie" not in response.headers
    assert verdicts() == ["self"]


def test_another_partners_click_is_valid(bob_client: FlaskClient, alices_post: Any) -> None:
    open_as(bob_client, f"/l/{link_of(alices_post).code}")

    assert verdicts() == ["valid"]


def test_a_revoked_session_is_nobodys(app: Flask, alices_post: Any) -> None:
    stranger = browser(app)
    with stranger.session_transaction(base_url="https://share.example.org") as session:
        session["_user_id"] = "a session that never was"

    response = open_as(stranger, f"/l/{link_of(alices_post).code}")

    assert verdicts() == ["valid"]
    assert "Set-Cookie" not in response.headers


def test_a_preview_is_drawn_for_preview_agents_alone(app: Flask, alices_post: Any) -> None:
    services.register_link_preview(app, lambda link: f"card of {link.channel}")
    code = link_of(alices_post).code

    card, visitor = visit(app, f"/l/{code}", "WhatsApp/2.23.20.0"), visit(app, f"/l/{code}")

    assert (card.status_code, card.text) == (200, "card of whatsapp")
    assert card.headers["X-Robots-Tag"] == "noindex"
    assert visitor.status_code == 302
    assert verdicts() == ["preview_bot", "valid"]


def test_the_places_of_the_destination_are_filled_and_encoded(app: Flask, alices_post: Any) -> None:
    wanted = "https://brio.example.com/{channel}/é?p={partner_id}&s={submission_id}&x=%C3%A9&c={click_id}#top"
    with transaction():
        db.session.get_one(Link, link_of(alices_post, "x").id).destination = wanted

    response = visit(app, f"/l/{link_of(alices_post, 'x').code}")

    assert response.headers["Location"] == (
        f"https://brio.example.com/x/%C3%A9?p={alices_post.partner_id}&s={alices_post.id}"
        f"&x=%C3%A9&c={clicks()[0].id}#top"
    )


def test_a_link_keeps_the_destination_it_was_made_with(app: Flask, alices_post: Any) -> None:
    with transaction():
        offers.get_offer(alices_post.offer_id).url = "https://elsewhere.example.com/"

    response = visit(app, f"/l/{link_of(alices_post).code}")

    assert response.headers["Location"].startswith("https://nova.example.com/")


def test_any_pid_is_ignored_for_a_code(app: Flask, alices_post: Any, bob: Partner) -> None:
    response = visit(app, f"/l/{link_of(alices_post).code}?pid={bob.id}")

    assert response.status_code == 302
    assert clicks()[0].partner_id == alices_post.partner_id


def test_the_old_form_credits_the_right_pair_on_the_direct_link(app: Flask, alices_post: Any) -> None:
    response = visit(app, f"/l/{alices_post.asset_id}?pid={alices_post.partner_id}")

    (click,) = clicks()
    assert response.status_code == 302
    assert click.link_id == link_of(alices_post, "direct").id
    assert click.partner_id == alices_post.partner_id
    assert click_id(response) == click.id


@pytest.mark.parametrize("query", ["", "?pid=", "?pid=someone", "?pid={bob}"])
def test_the_old_form_with_a_wrong_pair_credits_nobody(
    app: Flask, alices_post: Any, bob: Partner, query: str
) -> None:
    with transaction():
        direct = db.session.get_one(Link, link_of(alices_post, "direct").id)
        direct.destination = "https://nova.example.com/?c={click_id}&p={partner_id}"

    response = visit(app, f"/l/{alices_post.asset_id}{query.format(bob=bob.id)}")

    assert response.headers["Location"] == f"https://nova.example.com/?c={clicks()[0].id}&p="
    assert clicks()[0].partner_id is None
    assert services.verdict_counts([alices_post.id]) == {alices_post.id: {}}
    assert services.export_clicks(alices_post.partner_id) == []


def test_a_click_credited_to_nobody_does_not_use_up_the_visitors_click(app: Flask, alices_post: Any) -> None:
    for pid in ("", alices_post.partner_id):
        visit(app, f"/l/{alices_post.asset_id}?pid={pid}")

    assert verdicts() == ["valid", "valid"]


@pytest.mark.parametrize(
    "path", ["0000000", "0" * 22, "a", "x" * 300, "%00aaaaaa", "é", "....", "0000000%27--"]
)
def test_an_unknown_link_is_a_404_page_without_a_cookie(app: Flask, path: str) -> None:
    response = visit(app, f"/l/{path}")

    assert response.status_code == 404
    assert "<h1>" in response.text
    assert "Set-Cookie" not in response.headers
    assert response.headers["X-Robots-Tag"] == "noindex"


def test_an_address_that_tries_codes_is_slowed_down_and_known_links_go_on(make_app, alices_post: Any) -> None:  # type: ignore[no-untyped-def]
    app = make_app(UNKNOWN_CODE_PER_MINUTE="3")

    statuses = [visit(app, f"/l/000000{number}").status_code for number in range(5)]
    refused = visit(app, "/l/0000009")

    assert statuses == [404, 404, 404, 429, 429]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert "Réessayez" in refused.text
    assert visit(app, "/l/0000000", ip="203.0.113.78").status_code == 404
    with app.app_context():
        assert visit(app, f"/l/{link_of(alices_post).code}").status_code == 302


def test_a_withdrawn_post_answers_410_on_each_of_its_links(app: Flask, alices_post: Any) -> None:
    codes = [link.code for link in services.links_of(alices_post.id).values()]
    assert visit(app, f"/l/{codes[0]}").status_code == 302

    with transaction():
        services.disable_links(alices_post.id)

    for path in (*codes, f"{alices_post.asset_id}?pid={alices_post.partner_id}"):
        response = visit(app, f"/l/{path}")
        assert response.status_code == 410
        assert "<h1>" in response.text
        assert "Set-Cookie" not in response.headers
    assert verdicts() == ["valid"]


def test_pages_below_l_set_no_cookie_for_a_partner_either(
    alice_client: FlaskClient, alices_post: Any
) -> None:
    with transaction():
        services.disable_links(alices_post.id)

    for path in ("/l/0000000", f"/l/{link_of(alices_post).code}"):
        assert "Set-Cookie" not in open_as(alice_client, path).headers


def test_a_post_to_a_link_is_refused(app: Flask, alices_post: Any) -> None:
    response = visit(app, f"/l/{link_of(alices_post).code}", method="POST")

    assert response.status_code in {400, 405}
    assert clicks() == []


def test_the_clicks_id_is_the_exports(app: Flask, alices_post: Any) -> None:
    with time_machine.travel(dt.datetime(2026, 3, 1, 12, 30, tzinfo=dt.UTC), tick=False):
        response = visit(app, f"/l/{link_of(alices_post, 'qr').code}")

    assert services.export_clicks(alices_post.partner_id) == [
        {
            "id": click_id(response),
            "code": link_of(alices_post, "qr").code,
            "channel": "qr",
            "at": "2026-03-01T12:30:00Z",
            "verdict": "valid",
        }
    ]
