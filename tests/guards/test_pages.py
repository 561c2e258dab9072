"""Guards of every page: title, one heading, language, headers, nothing inline, nobody else's."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from flask.testing import FlaskClient

from contentflow.config import ROOT
from contentflow.links import services as links
from contentflow.web.security import CSP
from tests.house import post

ANYBODY = [
    "/",
    "/legal",
    "/partner/login",
    "/nowhere",
    "/unsubscribe/unknown",
    "/preferences/unknown",
    "/subscribe/unknown",
    "/clip-mails/unknown",
    "/partner/billing/freeze/unknown",
]
PARTNERS = [
    "/partner/portal",
    "/byop/new",
    "/byop/kit?id={id}",
    "/byop/edit?id={id}",
    "/byop/video?id={id}",
    "/byop/publish?id={id}",
    "/partner/accounts",
    "/byop/publish/status?id={id}",
    "/p/{code}",
    "/partner/earnings",
    "/partner/earnings/clicks",
    "/partner/earnings/statement",
    "/partner/offers",
    "/partner/contacts",
    "/partner/contacts/add",
    "/partner/contacts/import",
    "/partner/contacts/invite",
    "/partner/offers/{offer}",
    "/partner/sessions",
    "/partner/billing",
    "/partner/payouts",
]
OWNED = [
    ("GET", "/byop/kit?id={id}", {}),
    ("GET", "/byop/edit?id={id}", {}),
    ("GET", "/byop/qr?id={id}&ch=qr&format=svg", {}),
    ("GET", "/partner/earnings?id={id}", {}),
    ("GET", "/partner/earnings/clicks?id={id}", {}),
    ("POST", "/byop/edit", {"sid": "{id}", "title": "x"}),
    ("POST", "/byop/archive", {"sid": "{id}"}),
    ("GET", "/byop/video?id={id}", {}),
    ("POST", "/byop/video", {"sid": "{id}", "source_url": "https://video.example.com/1"}),
    ("POST", "/byop/withdraw", {"sid": "{id}"}),
    ("POST", "/byop/send-again", {"sid": "{id}"}),
    ("POST", "/byop/want-mail", {"sid": "{id}"}),
    ("GET", "/partner/payouts/{id}/invoice.pdf", {}),
    ("GET", "/partner/payouts/{id}/credit-note.pdf", {}),
    ("POST", "/partner/payouts/contest", {"payout": "{id}", "why": "x"}),
    ("GET", "/byop/publish?id={id}", {}),
    ("GET", "/byop/publish/status?id={id}", {}),
    ("GET", "/byop/publish/hand?assignment={id}", {}),
    ("POST", "/byop/publish", {"sid": "{id}", "platform": "x"}),
    ("POST", "/partner/accounts/disconnect", {"account": "{id}"}),
    ("GET", "/partner/accounts?request={id}", {}),
    ("POST", "/byop/publish/cancel", {"assignment": "{id}"}),
    ("POST", "/byop/publish/answer", {"assignment": "{id}", "there": "yes"}),
    ("POST", "/byop/log", {"sid": "{id}", "ch": "copy"}),
]


class Outline(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def count(self, tag: str) -> int:
        return sum(found == tag for found, _ in self.tags)


def check(page: str) -> None:
    outline = Outline(page)
    assert re.search(r"<title>\s*\S", page)
    assert outline.count("h1") == 1
    assert outline.count("style") == 0
    ids = [attrs["id"] for _, attrs in outline.tags if attrs.get("id")]
    assert sorted(ids) == sorted(set(ids))
    for tag, attrs in outline.tags:
        assert not any(name == "style" or name.startswith(("on", "hx-on")) for name in attrs), (tag, attrs)
        if tag == "script":
            assert attrs.get("src")
        if tag == "form" and attrs.get("method", "get").lower() == "post":  # type: ignore[union-attr]
            assert attrs.get("action")


def filled(path: str, submission) -> str:
    code = links.links_of(submission.id)["copy"].code
    return path.format(id=submission.id, code=code, offer=submission.offer_id)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", ANYBODY)
def test_pages_for_anybody_are_whole(client: FlaskClient, path: str, language: str):
    response = client.get(path, headers={"Accept-Language": language})

    check(response.get_data(as_text=True))
    assert f'<html lang="{language}"' in response.get_data(as_text=True)
    assert response.headers["Content-Security-Policy"] == CSP


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PARTNERS)
def test_pages_for_partners_are_whole(alice_client: FlaskClient, alices_post, path: str, language: str):
    response = alice_client.get(filled(path, alices_post), headers={"Accept-Language": language})

    assert response.status_code == 200
    check(response.get_data(as_text=True))
    assert f'<html lang="{language}"' in response.get_data(as_text=True)
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("method", "path", "fields"), OWNED)
def test_mallory_meets_alices_post_as_if_it_did_not_exist(
    mallory_client: FlaskClient, alices_post, method: str, path: str, fields: dict[str, str]
):
    def ask(sid: str):
        data = {name: value.format(id=sid) for name, value in fields.items()}
        url = path.format(id=sid)
        return mallory_client.get(url) if method == "GET" else post(mallory_client, url, data)

    foreign, unknown = ask(alices_post.id), ask("nobody")

    assert (foreign.status_code, unknown.status_code) == (404, 404)
    assert without_request_id(foreign) == without_request_id(unknown)


def without_request_id(response) -> str:
    page = response.get_data(as_text=True).replace(response.headers["X-Request-ID"], "")
    return re.sub(r'value="[^"]{40,}"|"X-CSRFToken": ?"[^"]+"|X-CSRFToken&#34;: ?&#34;[^&]+', "", page)


def test_nothing_is_moved_by_css_so_that_the_focus_goes_as_the_eye_does():
    sheets = (ROOT / "static" / "css").glob("*.css")

    assert [sheet.name for sheet in sheets if re.search(r"[{;\s]order\s*:", sheet.read_text())] == []


def test_the_kit_is_read_in_the_order_in_which_it_is_used(alice_client: FlaskClient, alices_kit: str):
    page = alice_client.get(alices_kit).get_data(as_text=True)

    cards = [page.index(f'id="{name}"') for name in ("share", "kit-text", "results", "post", "email")]
    assert cards == sorted(cards)


def test_one_live_region_speaks_for_all():
    live = re.compile(r'aria-live|role="(status|alert)"')
    pages = {
        str(page.relative_to(ROOT / "templates")): len(live.findall(page.read_text()))
        for page in (ROOT / "templates").rglob("*.html")
    }

    assert {name for name, count in pages.items() if count} == {"layout.html"}
