"""Visitors of a short link, and what was written of them."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from contentflow.core.db import db
from contentflow.links import services
from contentflow.links.folding import fold
from contentflow.links.models import Click, Link
from tests.house import browser

PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile Safari/604.1"
LAPTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IP = "203.0.113.77"


def link_of(post: Any, channel: str = "whatsapp") -> Link:
    link = services.links_of(post.id)[channel]
    db.session.expunge(link)
    db.session.rollback()
    return link


def visit(app: Flask, path: str, agent: str = PHONE, ip: str = IP, **kwargs: Any) -> TestResponse:
    """Open a path as somebody who was never here."""
    return open_as(browser(app), path, agent, ip, **kwargs)


def open_as(
    client: FlaskClient, path: str, agent: str = PHONE, ip: str = IP, method: str = "GET", **kwargs: Any
) -> TestResponse:
    headers = {"User-Agent": agent, **kwargs.pop("headers", {})}
    return client.open(path, method=method, headers=headers, environ_base={"REMOTE_ADDR": ip}, **kwargs)


def clicks() -> list[Click]:
    fold(wait_seconds=1.0)
    db.session.rollback()
    return list(db.session.scalars(select(Click).order_by(Click.clicked_at, Click.id)))


def verdicts() -> list[str]:
    return [click.verdict for click in clicks()]


def click_id(response: TestResponse) -> str:
    """Return the click's id that the advertiser was told."""
    return parse_qs(urlsplit(response.headers["Location"]).query)["c"][0]
