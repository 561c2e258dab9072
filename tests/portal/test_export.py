"""Everything we hold on a partner, of that partner alone, after a fresh login."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.registry import registry
from contentflow.partners.models import PartnerSession
from tests.house import post
from tests.links.visitors import link_of, visit

KEYS = [
    "partner",
    "submissions",
    "share_logs",
    "links",
    "clicks",
    "deliveries",
    "contacts",
    "conversions",
    "ledger",
    "variants",
    "accounts",
    "assignments",
    "agreements",
    "billing",
    "bank_accounts",
    "payouts",
]
PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"}


def export(client):
    response = client.get("/partner/export.json")
    assert (response.status_code, response.mimetype) == (200, "application/json")
    return response.get_json()


def grow_old(minutes):
    with transaction():
        db.session.execute(update(PartnerSession).values(created_at=clock.now() - timedelta(minutes=minutes)))


def test_the_export_has_these_keys_and_no_other(alice_client, alice):
    held = export(alice_client)

    assert sorted(held) == sorted(KEYS)
    assert held["partner"] == {
        "id": alice.id,
        "email": "alice@example.org",
        "name": "Alice Martin",
        "created_at": clock.iso(alice.created_at),
    }
    assert all(held[key] == [] for key in KEYS[1:])


def test_what_a_capability_hands_in_cannot_be_left_out(app, alice_client):
    registry(app).exports["letters"] = lambda partner_id: [{"id": partner_id}]

    assert len(export(alice_client)["letters"]) == 1


def test_what_was_shared_and_clicked_stands_in_it(client, alice_client, alices_post):
    post(alice_client, "/byop/log", {"sid": alices_post.id, "ch": "telegram"})
    url = next(link["url"] for link in export(alice_client)["links"] if link["channel"] == "telegram")
    client.get(url.removeprefix("https://share.example.org"), headers=PHONE)

    held = export(alice_client)

    [submission], [log], [click] = held["submissions"], held["share_logs"], held["clicks"]
    assert set(submission) == {
        "id", "asset_id", "title", "description", "hashtags", "cta", "source_url", "offer_id", "status",
        "reason", "revshare_bp", "at",
    }  # fmt: skip
    assert set(log) == {"id", "submission_id", "channel", "recipients", "at", "variant", "turn", "chance_bp"}
    assert (log["submission_id"], log["channel"], log["recipients"]) == (alices_post.id, "telegram", 0)
    assert log["at"].endswith("Z")
    assert all(set(link) == {"code", "url", "submission_id", "channel", "variant"} for link in held["links"])
    assert set(click) == {"id", "code", "channel", "at", "verdict"}
    assert (click["channel"], click["verdict"]) == ("telegram", "valid")


def test_a_click_that_waits_in_a_journal_is_folded_first(unfolded, app, alice_client, alices_post):
    visit(app, f"/l/{link_of(alices_post).code}")

    assert [click["verdict"] for click in export(alice_client)["clicks"]] == ["valid"]


def test_bobs_export_holds_nothing_of_alice(alice_client, bob_client, alices_post):
    post(alice_client, "/byop/log", {"sid": alices_post.id, "ch": "x"})

    held = export(bob_client)

    assert held["partner"]["email"] == "bob@example.org"
    assert all(held[key] == [] for key in KEYS[1:])


def test_a_login_older_than_15_minutes_is_asked_for_again(alice_client):
    grow_old(16)

    answer = alice_client.get("/partner/export.json")

    assert (answer.status_code, answer.location) == (303, "/partner/login?next=/partner/export.json")
    assert b"alice" not in answer.get_data()


def test_htmx_is_sent_to_the_login_too(alice_client):
    grow_old(16)

    answer = alice_client.get("/partner/export.json", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Redirect"]) == (
        401,
        "/partner/login?next=/partner/export.json",
    )


def test_a_login_of_14_minutes_is_fresh_enough(alice_client):
    grow_old(14)

    assert export(alice_client)["partner"]["email"] == "alice@example.org"


def test_without_login_there_is_no_export(client):
    assert client.get("/partner/export.json").status_code == 303
