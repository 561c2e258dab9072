"""The search box: each thing by what somebody holds in their hand, and never a list of addresses."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from contentflow.consent import services as consents
from contentflow.contacts.models import Contact
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.mailing.recipients import recipient_hash
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory
from tests.guards.test_pages import check
from tests.house import post


def hits(client, q: str) -> list[tuple[str, str]]:
    """Return (kind, id) of what a search shows."""
    answer = client.get("/console/search", query_string={"q": q})
    assert answer.status_code == 200, answer.text[-400:]
    check(answer.text)
    found = re.findall(r'data-id="([^"]*)" data-kind="([^"]*)"', answer.text)
    return [(kind, row_id) for row_id, kind in found]


@pytest.mark.parametrize("q", ["Ali", "aLI", "alice@example.org", "ALICE@Example.ORG", " alice@example.org "])
def test_a_partner_by_the_beginning_of_a_name_or_the_whole_address(olga_client, alice, bob, q):
    assert hits(olga_client, q) == [("partner", alice.id)]


@pytest.mark.parametrize("q", ["Élo", "élo", "Éloïse"])
def test_a_name_with_an_accent_is_found_as_it_is_typed(olga_client, q):
    assert hits(olga_client, q) == []
    one = PartnerFactory(name="Éloïse Renard")

    assert hits(olga_client, q) == [("partner", one.id)]


@pytest.mark.parametrize(
    "q", ["lice", "alice@", "lice@example.org", "%_'", "%%%", "___", "\\\\\\", "a\x00b\x00c"]
)
def test_no_part_of_an_address_no_middle_and_no_wildcard_finds_anybody(olga_client, alice, q):
    assert hits(olga_client, q) == []


@pytest.mark.parametrize("q", ["a", "al", " a "])
def test_one_or_two_signs_are_422(olga_client, alice, q):
    answer = olga_client.get("/console/search", query_string={"q": q})

    assert answer.status_code == 422 and "trois signes" in answer.text
    assert alice.id not in answer.text


def test_nothing_asked_shows_the_box_alone(olga_client):
    assert hits(olga_client, "") == []


def test_a_post_by_its_id_its_code_and_its_short_urls(olga_client, alices_post):
    code = links.links_of(alices_post.id)["copy"].code

    for q in (
        alices_post.id, code, f"https://share.example.org/l/{code}", f"/p/{code}",
        f"share.example.org/l/{code}?pid=1",
        f"https://share.example.org/l/{alices_post.asset_id}?pid={alices_post.partner_id}",
    ):  # fmt: skip
        assert hits(olga_client, q) == [("post", alices_post.id)], q
    assert hits(olga_client, f"/l/{alices_post.asset_id}?pid={'x' * 22}") == []


def test_the_hit_of_a_post_opens_that_post_alone(olga_client, alices_post, bob):
    bobs_post = PostFactory(partner_id=bob.id)
    page = olga_client.get(f"/console/posts?post={alices_post.id}").text

    assert f'data-id="{alices_post.id}"' in page and bobs_post.id not in page


def test_a_sale_by_its_transaction(olga_client, postback):
    sale = postback("T-77")

    assert hits(olga_client, "T-77") == [("conversion", sale.id)]
    assert hits(olga_client, sale.id) == [("conversion", sale.id)]


def test_what_was_done_in_a_request_by_its_id(olga_client, alice):
    answer = post(olga_client, "/console/partners/note", {"partner": alice.id, "note": "au téléphone"})
    entry = db.session.scalars(select(AuditEntry)).one()

    assert answer.headers["X-Request-ID"] == entry.request_id
    assert hits(olga_client, entry.request_id) == [("act", entry.id)]


def test_another_address_is_known_by_its_hash_alone(olga_client, alice):
    address = "Carla+News@Example.com"
    with transaction():
        consents.suppress("carla+news@example.com")
        db.session.add(
            Contact(partner_id=alice.id, address_hash=recipient_hash(address), address=address, origin="add")
        )
        db.session.add(
            Contact(
                partner_id=alice.id,
                address_hash=recipient_hash("z@example.com"),
                address="z@example.com",
                origin="add",
            )
        )

    page = olga_client.get("/console/search", query_string={"q": "CARLA+news@EXAMPLE.com"}).text
    nobody = olga_client.get("/console/search", query_string={"q": "carla@example.com"}).text

    assert 'data-mailed="0"' in page and 'data-suppressed="1"' in page and 'data-contacts="1"' in page
    assert f"/console/partners/{alice.id}" in page and "z@example.com" not in page
    assert 'data-suppressed="0"' in nobody and 'data-contacts="0"' in nobody


def test_a_role_finds_what_it_may_look_at(in_role, alice, alices_post, postback):
    sale = postback("T-78")
    accountant = in_role("accountant")

    assert hits(accountant, alices_post.id) == []
    assert hits(accountant, "T-78") == [("conversion", sale.id)]
    assert "data-mailed" not in accountant.get("/console/search?q=carla@example.com").text
