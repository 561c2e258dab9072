"""What a hostile server may answer that says it is Mastodon: no server is asked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from contentflow.core.outbound import Answer
from contentflow.publishing import mastodon, mastodon_connect
from contentflow.publishing.calls import NoAnswer
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.oauth import ConnectRefused
from contentflow.publishing.tokens import encrypt_fields

HOST = "evil.example.fr"
ORIGIN = f"https://{HOST}"
APP = {"client_id": "id", "client_secret": "secret"}
TOKEN = {"access_token": "token", "scope": "write:statuses write:media read:statuses read:accounts"}
WHO = {"id": "1", "acct": "alice"}
PAGES: dict[str, Any] = {
    "/api/v1/apps": APP,
    "/oauth/token": TOKEN,
    "/oauth/revoke": {},
    "/api/v1/accounts/verify_credentials": WHO,
    "/api/v2/instance": {},
}


@pytest.fixture
def told(app: Flask, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A server's pages: JSON with 200, a number is a status, bytes as they are; ``asked`` are the URLs."""
    pages = {**PAGES, "asked": []}

    def answer(method: str, url: str, headers: Any = None, body: Any = None) -> Answer:
        pages["asked"].append(url)
        page = pages.get(url.removeprefix(ORIGIN).partition("?")[0], 404)
        if isinstance(page, Exception):
            raise page
        if isinstance(page, int):
            return Answer(page, {"Location": "http://169.254.169.254/"}, b"")
        return Answer(200, {}, page if isinstance(page, bytes) else json.dumps(page).encode())

    for module in (mastodon_connect, mastodon):
        monkeypatch.setattr(module, "ask_stranger", answer)
    return pages


@pytest.mark.parametrize(
    "metadata",
    [
        {"authorization_endpoint": "https://bank.example/login", "token_endpoint": "http://169.254.169.254/"},
        {"authorization_endpoint": "javascript:alert(1)", "token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": f"{ORIGIN}.bank.example/", "token_endpoint": f"http://{HOST}/"},
        {"authorization_endpoint": f"https://a@{HOST}/", "token_endpoint": f"{ORIGIN}:8443/"},
        {"authorization_endpoint": ["x"], "token_endpoint": {"a": 1}, "scopes_supported": "profile"},
        {"issuer": "https://bank.example", "authorization_response_iss_parameter_supported": True},
        b"[" * 60_000,
        b'{"scopes_supported": ' + b"9" * 5_000 + b"}",
        b"\xff\xfe<html>",
        302,
    ],
)
def test_metadata_that_points_elsewhere_leads_nowhere(told: dict[str, Any], metadata: Any) -> None:
    told["/.well-known/oauth-authorization-server"] = metadata

    going = mastodon_connect.begin(HOST, "state")
    mastodon_connect.finish(HOST, going.kept, "code")

    assert going.url.startswith(f"{ORIGIN}/oauth/authorize?") and going.iss == ""
    assert all(url.startswith(f"{ORIGIN}/") for url in told["asked"])


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        ("/api/v1/apps", {"client_id": 7, "client_secret": ["x"]}, "no_mastodon"),
        ("/api/v1/apps", 302, "no_mastodon"),
        ("/oauth/token", {"access_token": 10**400}, "code"),
        ("/oauth/token", {**TOKEN, "scope": "read"}, "scope"),
        ("/api/v1/accounts/verify_credentials", {"id": 10**400, "acct": "alice"}, "no_name"),
        ("/api/v1/accounts/verify_credentials", [["alice"]], "no_name"),
        ("/api/v1/accounts/verify_credentials", 401, "no_name"),
    ],
)
def test_an_answer_that_makes_no_sense_connects_nothing(
    told: dict[str, Any], page: str, answer: Any, reason: str
) -> None:
    told[page] = answer

    with pytest.raises(ConnectRefused) as refused:
        mastodon_connect.finish(HOST, mastodon_connect.begin(HOST, "state").kept, "code")

    assert refused.value.reason == reason


@pytest.mark.parametrize(
    ("page", "answer", "reason"),
    [
        ("/oauth/token", {**TOKEN, "scope": "read"}, "scope"),
        ("/api/v1/accounts/verify_credentials", 401, "no_name"),
        ("/api/v1/accounts/verify_credentials", NoAnswer("cut"), "unreachable"),
    ],
)
def test_a_token_that_connects_nothing_is_given_back_if_it_can_be(
    told: dict[str, Any], page: str, answer: Any, reason: str
) -> None:
    told[page] = answer
    told["/oauth/revoke"] = NoAnswer("cut")

    with pytest.raises(ConnectRefused) as refused:
        mastodon_connect.finish(HOST, mastodon_connect.begin(HOST, "state").kept, "code")

    assert refused.value.reason == reason
    assert told["asked"][-1] == f"{ORIGIN}/oauth/revoke"


def test_markup_and_marks_in_a_name_are_text_of_one_line(told: dict[str, Any]) -> None:
    told["/api/v1/accounts/verify_credentials"] = {
        "id": "1",
        "acct": "<img src=x>\u202e\n\x00alice" + "x" * 900,
    }

    found = mastodon_connect.finish(HOST, mastodon_connect.begin(HOST, "state").kept, "code")

    assert (
        found.handle.isprintable()
        and len(found.handle) < 130
        and found.handle.startswith("@<img src=x>alice")
    )


@pytest.mark.parametrize(
    ("limits", "kept"),
    [
        ({"statuses": {"max_characters": 10**400}}, None),
        ({"statuses": {"max_characters": -1}}, None),
        ({"statuses": {"max_characters": True}}, None),
        ({"statuses": [500]}, None),
        ({"statuses": {"max_characters": 5_000}}, 5_000),
    ],
)
def test_limits_are_numbers_that_make_sense(told: dict[str, Any], limits: Any, kept: int | None) -> None:
    told["/api/v2/instance"] = {"configuration": limits}

    assert mastodon_connect.read_limits(HOST).get("max_characters") == kept


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "http://evil.example.fr/@a/1", "data:text/html,x", 7, None, "https://x\n.fr"],
)
def test_an_address_that_no_page_may_link_is_none(app: Flask, url: Any) -> None:
    assert mastodon._own_url({"url": url}) in ("", "https://x.fr")


def test_counts_are_whole_numbers_or_nothing(
    told: dict[str, Any], make_account: Callable[[], SocialAccount]
) -> None:
    told["/api/v1/statuses/1"] = {"favourites_count": 10**400, "reblogs_count": "7", "replies_count": 3}

    assert mastodon.counts(make_account(), "1") == {"likes": None, "reposts": None, "replies": 3}


@pytest.mark.parametrize(
    ("page", "is_gone"),
    [
        ({"id": "1", "text": "…"}, True),
        (404, True),
        (410, True),
        (b'{"id": "1', False),
        (b"<html>", False),
        ({"id": "2"}, False),
        ({}, False),
        (500, False),
        (403, False),
    ],
)
def test_a_status_is_gone_when_the_server_names_it(
    told: dict[str, Any], make_account: Callable[[], SocialAccount], page: Any, is_gone: bool
) -> None:
    told["/api/v1/statuses/1"] = page

    assert mastodon.delete(make_account(), "1") is is_gone


@pytest.fixture
def make_account() -> Callable[[], SocialAccount]:
    held = encrypt_fields({"access_token": "token"})
    return lambda: SocialAccount(platform="mastodon", host=HOST, remote_id="1", oauth_json=held)
