"""The short way around Flask and Flask's view answer alike, and keep the same of a click."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contentflow.core.db import db, transaction
from contentflow.links import redirect
from contentflow.links.clicks import intake
from contentflow.links.journal_lines import JournaledClick, from_line
from contentflow.links.models import Link
from contentflow.links.redirect import Redirect
from tests.house import cookie_and_token
from tests.links.visitors import IP, LAPTOP, PHONE, link_of

AGENTS = [PHONE, LAPTOP, "", "curl/8.5.0", "WhatsApp/2.23.20.0", "é\xff agent", "x" * 5_000]
HEADERS = {
    "HTTP_COOKIE": ["lang=fr", "__Host-session=rubbish", "{session}", "a=b; __Host-session=; c"],
    "HTTP_SEC_PURPOSE": ["prefetch", "prefetch;prerender", "nothing"],
    "HTTP_X_MOZ": ["prefetch"],
    "HTTP_X_FORWARDED_FOR": ["198.51.100.7", "2001:db8::1", "rubbish, 198.51.100.7:80", ""],
    "HTTP_HX_REQUEST": ["true"],
    "HTTP_ACCEPT_LANGUAGE": ["en"],
    "SCRIPT_NAME": ["/below"],
    "CONTENT_LENGTH": ["0"],
}
ORDINARY = {
    "REQUEST_METHOD": "GET",
    "PATH_INFO": "/l/{code}",
    "HTTP_HOST": "share.example.org",
    "REMOTE_ADDR": IP,
    "HTTP_USER_AGENT": PHONE,
}
ENVIRONMENTS = st.fixed_dictionaries(
    {
        "REQUEST_METHOD": st.sampled_from(["GET"] * 6 + ["HEAD", "POST", "OPTIONS"]),
        "PATH_INFO": st.sampled_from(
            ["/l/{code}"] * 8
            + [
                "/l/{code}.",
                "/l/{code}/",
                "//l/{code}",
                "/l/{gone}",
                "/l/0000000",
                "/l/{asset}",
                "/l/",
                "/l/é",
            ]
        ),
        "QUERY_STRING": st.sampled_from(["", "pid={partner}", "utm_source=x&c=1", "%ff"]),
        "HTTP_HOST": st.sampled_from(
            ["share.example.org"] * 8
            + [
                "SHARE.example.org",
                "share.example.org.",
                "share.example.org:443",
                "evil.example",
                "127.0.0.1",
                "",
            ]
        ),
        "REMOTE_ADDR": st.sampled_from([IP, "2001:db8::77", "::ffff:203.0.113.9", ""]),
        "HTTP_USER_AGENT": st.sampled_from(AGENTS),
    },
    optional={name: st.sampled_from(values) for name, values in HEADERS.items()},
)


class Ways:
    """One application, asked around Flask and through it."""

    def __init__(self, app: Flask, words: dict[str, str]) -> None:
        self.app, self.words = app, words
        self.short = app.wsgi_app if isinstance(app.wsgi_app, Redirect) else app.wsgi_app.app  # type: ignore[attr-defined]
        self.short_answers = 0

    def ask(self, wanted: dict[str, str], is_short: bool) -> tuple[Any, ...]:
        environ: dict[str, Any] = {name: value.format(**self.words) for name, value in wanted.items()}
        environ = {
            name: value
            for name, value in environ.items()
            if value or name in ("HTTP_USER_AGENT", "QUERY_STRING")
        }
        environ |= {"PATH_INFO": environ["PATH_INFO"].encode().decode("latin-1")}
        environ |= {
            "wsgi.url_scheme": "https",
            "SERVER_NAME": "here",
            "SERVER_PORT": "443",
            "wsgi.input": Empty(),
        }
        environ |= {"SERVER_PROTOCOL": "HTTP/1.1", "wsgi.errors": None}
        answered: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            answered.extend((status, headers))
            return lambda data: None

        before = len(self._kept())
        inner = self.short._inner
        body = (self.short if is_short else inner)(environ, start_response)
        b"".join(body)
        getattr(body, "close", lambda: None)()
        click = self._kept()[before:]
        return answered[0], plain(answered[1], click), [known(one) for one in click]

    def _kept(self) -> list[JournaledClick]:
        folder = self.app.config["CONTENTFLOW"].data_dir / "journal"
        paths = sorted(folder.glob("*.journal")) if folder.is_dir() else []
        return [from_line(line) for path in paths for line in path.read_bytes().splitlines()]


class Empty:
    def read(self, *_: Any) -> bytes:
        return b""


def plain(headers: list[tuple[str, str]], clicks: list[JournaledClick]) -> list[tuple[str, str]]:
    """What is drawn by lot is left out; whatever stands in a page was measured by its length."""
    found = []
    for name, value in headers:
        if name == "X-Request-ID":
            assert len(value) == 12
            value = "…"
        found.append((name, value.replace(clicks[0].id, "{click_id}") if clicks else value))
    return sorted(found)


def known(click: JournaledClick) -> JournaledClick:
    return click._replace(id=click.id[:7], at_us=0)


@pytest.fixture(params=["0", "1"])
def ways(
    request: pytest.FixtureRequest, unfolded: None, make_app: Any, alice: Any, alices_post: Any
) -> Iterator[Ways]:
    app = make_app(TRUSTED_PROXIES=request.param, UNKNOWN_CODE_PER_MINUTE="100000")
    with app.app_context():
        link, gone = link_of(alices_post), link_of(alices_post, "x")
        with transaction():
            db.session.get_one(Link, gone.id).disabled_at = gone.created_at
        cookie, _ = cookie_and_token(app, alice.id)
        words = {"code": link.code, "gone": gone.code, "asset": alices_post.asset_id, "partner": alice.id}
        yield Ways(app, {**words, "session": f"__Host-session={cookie}"})


def test_each_request_is_answered_and_kept_alike_both_ways(ways: Ways) -> None:
    ways.ask(ORDINARY, is_short=False)

    @settings(max_examples=int(os.environ.get("BOTH_WAYS", "60")), deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @example(ORDINARY)
    @given(ENVIRONMENTS)
    def alike(wanted: dict[str, str]) -> None:
        assert ways.ask(wanted, is_short=True) == ways.ask(wanted, is_short=False)

    alike()


@pytest.mark.parametrize("agent", [PHONE, LAPTOP, "curl/8.5.0"])
def test_an_ordinary_click_passes_flask_by(
    app: Flask, unfolded: None, alices_post: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, agent: str
) -> None:
    ways = Ways(app, {"code": link_of(alices_post).code})
    wanted = {**ORDINARY, "HTTP_USER_AGENT": agent}
    expected = ways.ask(wanted, is_short=False)
    asked: list[Any] = []
    monkeypatch.setattr(ways.short, "_inner", lambda *given: asked.append(given))

    assert ways.ask(wanted, is_short=True) == expected
    assert asked == []
    assert intake().links.fresh(ways.words["code"]) is not None
    assert redirect.PREFIX == "/l/"
