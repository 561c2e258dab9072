"""Filters that somebody keeps by a name."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.partners import kept_filters
from contentflow.partners import services as partners
from contentflow.partners.models import SavedView
from tests.guards.test_pages import check
from tests.house import look_anew, post

FILTER = "/console/posts?state=refused&since=2026-01-01"


def kept() -> list[tuple[str, str]]:
    look_anew()
    return [(one.name, one.path) for one in db.session.scalars(select(SavedView))]


def test_a_filter_is_kept_by_a_name_and_stands_on_the_board(olga_client, olga):
    page = olga_client.get(FILTER)
    offered = re.search(r'name="path" value="([^"]+)"', page.text)
    answer = post(olga_client, "/console/views", {"name": " Refusés  de 2026 ", "path": FILTER})
    board = olga_client.get("/console/")

    check(page.text), check(board.text)
    assert offered and offered[1].replace("&amp;", "&") == FILTER
    assert (answer.status_code, answer.headers["Location"]) == (303, FILTER)
    assert 'data-view="Refusés de 2026"' in board.text and FILTER.replace("&", "&amp;") in board.text
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "view.save")).one()
    assert (entry.actor, entry.after) == (olga.id, {"name": "Refusés de 2026", "path": FILTER})


def test_the_same_name_again_leads_to_the_new_filter(olga_client):
    for path in (FILTER, "/console/holds?state=kept"):
        post(olga_client, "/console/views", {"name": "mienne", "path": path})

    assert kept() == [("mienne", "/console/holds?state=kept")]


def test_without_a_path_it_is_taken_away_once(olga_client):
    post(olga_client, "/console/views", {"name": "mienne", "path": FILTER})

    first = post(olga_client, "/console/views", {"name": "mienne"})
    again = post(olga_client, "/console/views", {"name": "mienne"})

    assert (first.status_code, again.status_code, kept()) == (303, 404, [])


def test_each_person_has_their_own(olga_client, in_role):
    post(olga_client, "/console/views", {"name": "mienne", "path": FILTER})
    reader = in_role("reader")

    assert "data-view" not in reader.get("/console/").text
    assert post(reader, "/console/views", {"name": "mienne"}).status_code == 404
    assert len(kept()) == 1


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("", FILTER), (" ", FILTER), ("x" * 61, FILTER), ("a\x00b", FILTER), ("a\u202eb", FILTER),
        ("x", "https://evil.example/console/"), ("x", "//evil.example"), ("x", "/partner/portal"),
        ("x", "/console/partners?q=bob@example.org"), ("x", "/console/partners?q=bob%40example.org"),
        ("x", "/console/posts?since=" + "1" * 500), ("x", "/console/\\evil"), ("x", "javascript:1"),
    ],
)  # fmt: skip
def test_what_is_no_name_or_no_page_of_the_console_is_refused(olga_client, name, path):
    assert post(olga_client, "/console/views", {"name": name, "path": path}).status_code == 422
    assert kept() == []


def test_an_address_that_is_looked_for_is_never_offered_to_be_kept(olga_client):
    page = olga_client.get("/console/partners?q=bob%40example.org").text

    assert "view-name" not in page
    assert "view-name" not in olga_client.get("/console/posts").text
    assert "view-name" not in olga_client.get("/console/search?q=alice").text


def test_the_51st_is_refused(olga, olga_client):
    with transaction():
        for number in range(50):
            db.session.add(SavedView(partner_id=olga.id, name=str(number), path=FILTER))

    assert post(olga_client, "/console/views", {"name": "encore", "path": FILTER}).status_code == 409
    assert post(olga_client, "/console/views", {"name": "7", "path": FILTER}).status_code == 303


def test_they_go_with_their_account(alice):
    with transaction():
        kept_filters.save(alice.id, "mienne", FILTER)
    with transaction():
        partners.erase_partner(alice.id)

    assert kept() == []
