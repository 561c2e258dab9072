"""Who obeys robots.txt may fetch what is shared, with its pictures, and nothing that is private."""

from __future__ import annotations

import re
from typing import Any
from urllib.robotparser import RobotFileParser

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.house import browser
from tests.links.visitors import link_of

PREVIEWS = [
    "Twitterbot",
    "LinkedInBot",
    "facebookexternalhit",
    "Slackbot-LinkExpanding",
    "Discordbot",
    "Applebot",
]


def rules(client: FlaskClient) -> RobotFileParser:
    answer = client.get("/robots.txt")
    assert answer.mimetype == "text/plain"
    parser = RobotFileParser()
    parser.parse(answer.text.splitlines())
    return parser


@pytest.mark.parametrize("agent", [*PREVIEWS, "*"])
def test_a_card_and_all_that_it_shows_may_be_fetched(app: Flask, alices_post: Any, agent: str) -> None:
    path, parser = f"/l/{link_of(alices_post).code}", rules(browser(app))
    card = browser(app).get(path, headers={"User-Agent": "Twitterbot/1.0"}).text
    shown = re.findall(r'content="(https://share\.example\.org/[^"]+)"', card)

    assert len(shown) >= 2
    for url in [path, path.replace("/l/", "/p/"), *shown]:
        assert parser.can_fetch(agent, url), url


@pytest.mark.parametrize("agent", [*PREVIEWS, "Googlebot"])
@pytest.mark.parametrize(
    "path", ["/byop/kit?id=1", "/partner/portal", "/partner/login/token", "/unsubscribe/token"]
)
def test_what_is_private_is_still_left_alone(client: FlaskClient, agent: str, path: str) -> None:
    assert not rules(client).can_fetch(agent, path)


def test_what_may_be_fetched_asks_not_to_be_listed(app: Flask, alices_post: Any) -> None:
    code = link_of(alices_post).code

    for path in (f"/l/{code}", f"/p/{code}"):
        for agent in (
            "Twitterbot/1.0",
            "Googlebot/2.1",
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0",
        ):
            assert browser(app).get(path, headers={"User-Agent": agent}).headers["X-Robots-Tag"] == "noindex"
