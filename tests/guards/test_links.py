"""Every link, form and swap of every page leads somewhere, whatever is switched off.

A crawler: it reads a page as a browser would, follows what it finds, and asks of each POST whether its route
is there and open.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.exceptions import HTTPException

from contentflow.byop import services as byop
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.pipeline.models import Asset
from contentflow.web.access import is_switched_on
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work

BASE = "https://share.example.org/"
STRANGERS = ["/", "/legal", "/partner/login", "/nowhere", "/unsubscribe/unknown", "/subscribe/unknown"]
FLAGS: dict[str, dict[str, str]] = {
    "all on": {},
    "no byop": {"FEATURE_BYOP": "false"},
    "no e-mail": {"SHARE_EMAIL_ENABLED": "false"},
    "captions": {"WHISPER_MODEL": "tiny"},
    "development": {"ENV": "development", "EMAIL_FROM": ""},
}
FETCHED = {"a": "href", "img": "src", "video": "src", "source": "src", "iframe": "src", "script": "src"}
ALIKE = {"text", "ch", "channel", "month", "format", "dialect", "download"}
FETCHED |= {"link": "href", "track": "src"}


class Page(HTMLParser):
    """What a browser may fetch (``gets``) and send (``posts``) from a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.gets: set[str] = set()
        self.posts: set[str] = set()
        self._form_posts = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value for name, value in attrs if value}
        if tag in FETCHED and FETCHED[tag] in given:
            self.gets.add(given[FETCHED[tag]])
        if tag == "form":
            self._form_posts = given.get("method", "get").lower() == "post"
            (self.posts if self._form_posts else self.gets).add(given.get("action", ""))
        if "formaction" in given:
            (self.posts if self._form_posts else self.gets).add(given["formaction"])
        if "poster" in given:
            self.gets.add(given["poster"])
        if "hx-get" in given:
            self.gets.add(given["hx-get"])
        if "hx-post" in given:
            self.posts.add(given["hx-post"])


def ours(url: str, page: str) -> str | None:
    """Return the path of a link of our own, without its fragment; None for what leads elsewhere."""
    parts = urlsplit(urljoin(urljoin(BASE, page), url))
    if parts.scheme not in ("http", "https") or f"https://{parts.netloc}/" != BASE:
        return None
    return parts.path + (f"?{parts.query}" if parts.query else "")


def shape(path: str) -> str:
    """Return the path without what only chooses among many alike, such as a channel's tab."""
    parts = urlsplit(path)
    kept = [(name, "" if name in ALIKE else value) for name, value in parse_qsl(parts.query)]
    return f"{parts.path}?{sorted(kept)}"


def crawl(app: Flask, client: FlaskClient, seeds: list[str]) -> tuple[set[str], list[str]]:
    """Return the paths that were seen, and what leads nowhere, each with the page that it stands on."""
    seen, dead, waiting = set(map(shape, seeds)), [], [(seed, "") for seed in seeds]
    while waiting:
        path, origin = waiting.pop()
        answer = client.get(path)
        if answer.status_code >= 400 and origin:
            dead.append(f"{answer.status_code} {path} on {origin}")
        if answer.mimetype != "text/html":
            continue
        page = Page(answer.get_data(as_text=True))
        links_here = {link for link in (ours(url, path) for url in page.gets) if link}
        found = {link for link in links_here if shape(link) not in seen}
        seen |= set(map(shape, found))
        waiting += [(link, path) for link in found if not link.startswith("/static/")]
        dead += [f"POST {url} on {path}" for url in page.posts if not takes_posts(app, ours(url, path))]
    return seen, dead


def takes_posts(app: Flask, path: str | None) -> bool:
    if path is None:
        return False
    with app.app_context():
        try:
            app.url_map.bind("share.example.org").match(urlsplit(path).path, method="POST")
        except HTTPException:
            return False
        return is_switched_on(path)


@pytest.fixture
def life(
    app: Flask, alice: Any, alice_client: FlaskClient, alices_post: Any, click: Any, postback: Any
) -> Any:
    """Alice has posts in every state, mails that wait and that left, clicks and sales."""
    for name in ("ready", "failed", "archived"):
        made = PostFactory(partner_id=alice.id, title=name, source_url="https://video.example.com/1")
        with transaction():
            submission = byop.get_submission(alice.id, made.id)
            asset = db.session.get_one(Asset, submission.asset_id)
            if name == "archived":
                byop.archive_post(alice.id, submission.id)
            else:
                asset.state = submission.status = name
    postback("T1", amount_cents=9_600, click_id=click())
    fields = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n"}
    post(alice_client, "/byop/email", fields)
    run_work(app)
    return alices_post


@pytest.mark.parametrize("flags", FLAGS)
def test_no_page_leads_to_what_is_switched_off(make_app, app: Flask, alice: Any, life: Any, flags: str):
    other = make_app(PUBLIC_BASE_URL=BASE, **FLAGS[flags])
    with other.app_context():
        code = links.links_of(life.id)["copy"].code
        ids = list(db.session.scalars(select(byop.Submission.id)))
        alices = log_in(browser(other), alice.id)
        pages = ["/partner/portal", "/partner/earnings", *STRANGERS, f"/p/{code}"]
        if is_switched_on("/byop/kit"):
            pages += [f"/byop/kit?id={one}" for one in ids]

        stranger = crawl(other, browser(other), [*STRANGERS, f"/p/{code}"])
        partner = crawl(other, alices, pages)

    assert stranger[1] == []
    assert partner[1] == []
    assert len(partner[0]) > 12  # It did follow links.


def test_a_closed_feature_says_so_and_offers_no_way_in(make_app, app: Flask, alice: Any, life: Any):
    other = make_app(FEATURE_BYOP="false")
    with other.app_context():
        page = log_in(browser(other), alice.id).get("/partner/portal").get_data(as_text=True)

    assert "/byop/" not in page
    assert "Une heure gagn" in page  # The posts and their numbers stay.
    assert "création de posts est désactivée" in page
