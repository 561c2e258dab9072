"""Who is counted behind proxies: ports, brackets, spoofed and missing entries, through the whole site."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.web.security import client_ip
from tests.house import browser, post

AGENT = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
# As proxies write one and the same client from one request to the next.
SPELLINGS: list[Callable[[int], str]] = [
    lambda n: f"203.0.113.7:{50_000 + n}",
    lambda n: f"[2001:db8::7]:{50_000 + n}",
    lambda n: f"[2001:db8::{n + 1:x}]:443",
    lambda n: f"::ffff:203.0.113.7%eth{n}",
    lambda n: f"spoofed-{n}, 203.0.113.7:{n + 1}",
    lambda n: f'"spoofed-{n}", "x, 203.0.113.7',
    lambda n: f"10.0.0.{n},, 203.0.113.7",
    lambda n: f"garbage-{n}",
    lambda n: f"10.0.0.{n}, garbage-{n}",
    lambda n: "," * n,
]


@pytest.fixture
def proxied(make_app: Any) -> Flask:
    app: Flask = make_app(
        TRUSTED_PROXIES="1",
        UNKNOWN_CODE_PER_MINUTE="3",
        POSTBACK_REFUSED_PER_MINUTE="3",
        CLICK_BURST_PER_MINUTE="3",
    )
    return app


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        ("0", "203.0.113.9", "127.0.0.1"),
        ("1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("1", "203.0.113.9,198.51.100.7:443", "198.51.100.7"),
        ("2", "203.0.113.9, 198.51.100.7", "203.0.113.9"),
        ("2", "spoofed, 203.0.113.9:1, 198.51.100.7:2", "203.0.113.9"),
        ("2", "spoofed,,203.0.113.9, 198.51.100.7", "203.0.113.9"),
        ("2", "203.0.113.9", "127.0.0.1"),
        ("1", None, "127.0.0.1"),
        ("1", "", "unknown"),
        ("1", "203.0.113.9,", "unknown"),
        ("1", '203.0.113.9, "203.0.113.8, 198.51.100.7', "198.51.100.7"),
        ("1", '"203.0.113.9", "x, 198.51.100.7', "198.51.100.7"),
    ],
)
def test_the_client_is_the_nth_from_the_right_whatever_stands_further_left(
    make_app: Any, proxies: str, forwarded: str | None, address: str
) -> None:
    app, seen = make_app(TRUSTED_PROXIES=proxies), []
    app.before_request(lambda: seen.append(client_ip()))

    browser(app).get("/healthz", headers={} if forwarded is None else {"X-Forwarded-For": forwarded})

    assert seen == [address]


def test_a_socket_without_an_address_is_the_unknown_client(app: Flask) -> None:
    seen: list[str] = []
    app.before_request(lambda: seen.append(client_ip()))

    for peer in ("", "::ffff:203.0.113.7"):
        browser(app).get("/healthz", environ_overrides={"REMOTE_ADDR": peer})

    assert seen == ["unknown", "203.0.113.7"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_unknown_codes_are_counted_however_the_proxy_spells_the_client(proxied: Flask, spelling: Any) -> None:
    visitor = browser(proxied)

    statuses = [
        visitor.get(f"{path}/000000{n}", headers={"X-Forwarded-For": spelling(n)}).status_code
        for n, path in enumerate(["/l", "/p", "/l", "/p", "/l"])
    ]

    assert statuses == [404, 404, 404, 429, 429]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_logins_are_counted_however_the_proxy_spells_the_client(proxied: Flask, spelling: Any) -> None:
    visitor = browser(proxied)

    statuses = [
        post(
            visitor,
            "/partner/login",
            {"email": f"s{n}@example.org"},
            headers={"X-Forwarded-For": spelling(n)},
        ).status_code
        for n in range(21)
    ]

    assert statuses == [200] * 20 + [429]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_unsigned_postbacks_are_counted_however_the_proxy_spells_the_client(
    proxied: Flask, spelling: Any
) -> None:
    network = browser(proxied)

    statuses = [
        network.post("/postback/awin", data=b"{}", headers={"X-Forwarded-For": spelling(n)}).status_code
        for n in range(5)
    ]

    assert statuses == [401, 401, 401, 429, 429]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_burst_is_one_however_the_proxy_spells_the_client(
    proxied: Flask, alices_post: Any, spelling: Any
) -> None:
    code = links.links_of(alices_post.id)["x"].code

    for n in range(5):
        browser(proxied).get(f"/l/{code}", headers={"X-Forwarded-For": spelling(n), "User-Agent": AGENT})

    assert "fraud" in verdicts()[3:]
    assert verdicts().count("fraud") == 2


def test_a_visitor_is_one_person_with_and_without_port_brackets_and_ipv6(
    proxied: Flask, alices_post: Any
) -> None:
    path = f"/l/{links.links_of(alices_post.id)['x'].code}"
    hits = [
        "198.51.100.7:51234",
        "198.51.100.7:51240",
        "198.51.100.7",
        "[2001:db8::7]:443",
        "2001:db8::7",
        "::ffff:203.0.113.9",
        "203.0.113.9",
    ]

    for written in hits:
        browser(proxied).get(path, headers={"X-Forwarded-For": written, "User-Agent": AGENT})

    assert verdicts() == ["valid", "duplicate", "duplicate", "valid", "duplicate", "valid", "duplicate"]


def verdicts() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Click.verdict).order_by(Click.clicked_at, Click.id)))
