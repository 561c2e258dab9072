"""The one list page: rows, or why there are none, what was sought, its CSV, and the pages beside it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask, render_template_string

from contentflow.core import clock
from contentflow.core.audit import AuditEntry, note
from contentflow.core.db import db, transaction
from contentflow.core.paging import Listing, Page

LIST = """{% import "ui.html" as ui with context %}
{% call ui.list_page(page, 'web.legal', 'Pages', wanted=wanted, fields=fields, csv=csv,
nothing='Rien encore.', anchor='list') %}
<ul>{% for row in page.rows %}<li>{{ row }}</li>{% endfor %}</ul>{% endcall %}"""
STATES = ("state", "État", [("", "Tous"), ("paid", "Payé")])


def shown(app: Flask, page: Page[Any], **context: Any) -> str:
    given = {"wanted": {}, "fields": [], "csv": None, **context}
    with app.test_request_context(base_url="https://share.example.org"):
        return render_template_string(LIST, page=page, **given)


def hrefs(page: str) -> list[str]:
    return [href.replace("&amp;", "&") for href in re.findall(r'<a [^>]*href="([^"]+)"', page)]


def test_rows_lead_to_the_pages_beside_them(app: Flask):
    page = shown(app, Page([1, 2], newer="a", older="b"))

    assert "<li>1</li><li>2</li>" in page
    assert hrefs(page) == ["/legal?after=a#list", "/legal?before=b#list"]


def test_what_was_sought_stands_in_its_fields_and_goes_along(app: Flask):
    fields = [("q", "Nom", None), STATES]
    page = shown(app, Page([1], older="b"), wanted={"q": "nova", "state": "paid"}, fields=fields)

    assert 'value="nova"' in page and '<option value="paid" selected>' in page
    assert hrefs(page) == ["/legal?q=nova&state=paid&before=b#list"]


def test_without_rows_it_says_why(app: Flask):
    assert "Rien encore." in shown(app, Page([]))
    assert "Rien ne correspond à cette recherche." in shown(app, Page([]), wanted={"q": "nova"})


def test_only_rows_have_a_csv(app: Flask):
    csv = "/list.csv?q=nova"

    assert hrefs(shown(app, Page([1]), csv=csv)) == [csv]
    assert hrefs(shown(app, Page([]), csv=csv)) == []


@pytest.fixture
def listing(app: Flask) -> Listing[AuditEntry]:
    with transaction():
        for number in range(5):
            note("cli", f"act {number}", "subject")
        note("alice", "something else", "subject")
    return Listing(AuditEntry, AuditEntry.recorded_at, AuditEntry.id, AuditEntry.actor == "cli")


def acts(page: Page[AuditEntry]) -> list[str]:
    return [entry.act for entry in page.rows]


def test_pages_follow_each_other_there_and_back(listing: Listing[AuditEntry]):
    first = listing.page(2)
    second = listing.page(2, before=first.older)
    third = listing.page(2, before=second.older)

    assert sorted(acts(first) + acts(second) + acts(third)) == [f"act {number}" for number in range(5)]
    assert (first.newer, third.older) == ("", "")
    assert acts(listing.page(2, after=third.newer)) == acts(second)
    assert listing.page(2, after=second.newer) == first


def test_rows_of_one_moment_are_each_shown_once(app: Flask):
    with transaction():
        at = clock.now()
        for number in range(5):
            db.session.add(AuditEntry(actor="bob", act=f"act {number}", subject="", recorded_at=at))
    listing = Listing(AuditEntry, AuditEntry.recorded_at, AuditEntry.id, AuditEntry.actor == "bob")

    first = listing.page(3)

    assert len({*acts(first), *acts(listing.page(3, before=first.older))}) == 5


@pytest.mark.parametrize("cursor", ["", "nobody", "\x00", "a" * 22])
def test_a_foreign_cursor_leads_to_the_first_page(listing: Listing[AuditEntry], cursor: str):
    assert listing.page(2, before=cursor) == listing.page(2)
