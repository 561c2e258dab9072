"""Connecting YouTube and TikTok by a real OAuth server: strict on codes, PKCE, redirects and reuse."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail
from contentflow.publishing import oauth, refreshing, revoking, tiktok_connect, youtube_connect
from contentflow.publishing.flows import FLOWS
from contentflow.publishing.models import ConnectRequest, SocialAccount
from contentflow.publishing.oauth import ConnectRefused, RefreshRefused
from contentflow.publishing.tokens import decrypt_fields
from tests.factories.partners import PartnerFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.conftest import once
from tests.publishing.node_process import MODULES
from tests.publishing.oauth_server import CLIENTS, SECRET, OAuthServer, oauth_server

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(
        not (MODULES / "oidc-provider").is_dir(), reason="tests/publishing/peers/install was not run"
    ),
]

MODULE = {"youtube": youtube_connect, "tiktok": tiktok_connect}
keeps = pytest.mark.parametrize("turns", [False])


@dataclass
class World:
    app: Flask
    client: FlaskClient
    server: OAuthServer
    platform: str

    def ask(self) -> str:
        """Ask to connect and let the worker begin; returns where the partner goes."""
        asked = post(self.client, "/partner/accounts/connect", {"platform": self.platform, "host": ""})
        assert asked.status_code == 303
        run_work(self.app)
        page = unescape(self.client.get(asked.headers["Location"]).get_data(as_text=True))
        return re.search(r'href="([^"]+/auth\?[^"]*)"', page)[1]

    def come_back(self, query: str) -> int:
        status = self.client.get(f"/partner/accounts/callback/{self.platform}?{query}").status_code
        run_work(self.app)
        return int(status)

    def connect(self, login: str = "alice") -> SocialAccount | None:
        assert self.come_back(self.server.consent(self.ask(), login)) == 303
        return account_now()

    def consented(self) -> tuple[dict[str, Any], str]:
        """Consent past all pages; returns what was kept, and the code."""
        going = FLOWS[self.platform].begin("", "a-state-of-the-browser")
        return dict(going.kept), re.search(r"code=([^&]+)", self.server.consent(going.url))[1]


def account_now() -> SocialAccount | None:
    db.session.rollback()
    return db.session.scalars(select(SocialAccount)).first()


def held_now() -> dict[str, Any]:
    account = account_now()
    assert account is not None
    return decrypt_fields(account.oauth_json) or {}


def reasons() -> list[tuple[str, str | None]]:
    db.session.rollback()
    return [(one.state, one.reason) for one in db.session.scalars(select(ConnectRequest))]


def ends_soon() -> str:
    with transaction():
        account = db.session.scalars(select(SocialAccount)).one()
        account.expires_at = clock.now() + timedelta(minutes=4)
        account.refreshed_at = clock.now() - timedelta(minutes=11)
        return account.id


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OAuthServer]:
    with oauth_server(tmp_path_factory.mktemp("oauth")) as running:
        yield running


@pytest.fixture
def turns() -> bool:
    """Whether a refresh token counts once."""
    return True


@pytest.fixture(params=["youtube", "tiktok"])
def world(
    make_app: Any, server: OAuthServer, turns: bool, more: dict[str, str], request: pytest.FixtureRequest
) -> Iterator[World]:
    server.proxy.plan = lambda method, path: ""
    server.proxy.calls.clear()
    origin = server.proxy.origin
    google, tiktok = (names[not turns] for names in CLIENTS.values())
    app = make_app(
        YOUTUBE_CLIENT_ID=google,
        YOUTUBE_CLIENT_SECRET=SECRET,
        YOUTUBE_AUDITED="true",
        YOUTUBE_API_URL=origin,
        YOUTUBE_AUTH_URL=f"{origin}/auth",
        YOUTUBE_TOKEN_URL=f"{origin}/token",
        TIKTOK_CLIENT_KEY=tiktok,
        TIKTOK_CLIENT_SECRET=SECRET,
        TIKTOK_API_URL=origin,
        TIKTOK_AUTH_URL=f"{origin}/auth",
        **more,
    )
    with app.app_context():
        alice = PartnerFactory(email="alice@example.org", name="Alice Martin")
        yield World(app, log_in(browser(app), alice.id), server, request.param)


# Connecting


def test_an_account_is_connected_and_its_name_read_back(world: World) -> None:
    account = world.connect()

    assert account is not None and (account.state, account.handle) == ("connected", "Alice")
    held = held_now()
    assert world.server.who(held["access_token"]) == world.server.who(held["refresh_token"]) == "alice"


def test_an_answer_of_another_issuer_is_refused(world: World) -> None:
    """The server names itself on the way back, as Google does not have to."""
    back = world.server.consent(world.ask())
    forged = re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.example", back)
    assert forged != back

    assert [world.come_back(forged), world.come_back(back)] == [400, 303]
    assert account_now() is not None


def test_who_declines_there_is_connected_to_nothing(world: World) -> None:
    assert world.come_back(world.server.consent(world.ask(), accepts=False)) == 303

    assert reasons() == [("refused", "declined")] and account_now() is None


def test_a_code_counts_once_and_used_twice_ends_what_it_gave(world: World) -> None:
    kept, code = world.consented()
    first = FLOWS[world.platform].finish("", kept, code)

    with pytest.raises(ConnectRefused, match="code"):
        FLOWS[world.platform].finish("", kept, code)

    assert world.server.who(first.tokens["access_token"]) == ""
    with pytest.raises(RefreshRefused):
        FLOWS[world.platform].refresh(first.tokens)


@pytest.mark.parametrize("wrong", ["verifier", "redirect", "code"])
def test_a_code_is_of_one_verifier_and_one_address(
    world: World, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, code = world.consented()
    with monkeypatch.context() as patched:
        if wrong == "redirect":
            patched.setattr(MODULE[world.platform], "redirect_uri", lambda name: "https://evil.example/back")
        told = {**kept, "verifier": oauth.new_verifier()} if wrong == "verifier" else kept
        with pytest.raises(ConnectRefused, match="code"):
            FLOWS[world.platform].finish("", told, "another" if wrong == "code" else code)


def test_a_way_back_that_is_not_registered_is_not_gone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MODULE[world.platform], "redirect_uri", lambda name: "https://evil.example/back")

    with pytest.raises(AssertionError, match="redirect_uri"):
        world.consented()


@pytest.mark.parametrize(("more", "state"), [({"TIKTOK_AUDITED": "true"}, ("refused", "scope"))])
def test_a_right_that_was_not_granted_is_said_at_once_and_the_tokens_are_given_back(
    world: World, state: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server knows nothing of ``video.publish``, nor of what YouTube is asked for here."""
    monkeypatch.setattr(youtube_connect, "SCOPE", f"{youtube_connect.SCOPE} openid-of-another-kind")
    given: list[dict[str, str]] = []
    revoke = MODULE[world.platform].revoke
    monkeypatch.setattr(
        MODULE[world.platform], "revoke", lambda host, held: (given.append(held), revoke(host, held))
    )

    assert world.connect() is None

    assert reasons() == [state]
    assert [world.server.who(token) for held in given for token in held.values()] == ["", ""]


# Refreshing


def test_a_refresh_changes_both_and_the_old_one_used_again_ends_all(world: World) -> None:
    kept, code = world.consented()
    flow = FLOWS[world.platform]
    first = flow.finish("", kept, code).tokens

    second = flow.refresh(first).tokens

    assert all(first[name] != second[name] for name in ("access_token", "refresh_token"))
    assert world.server.who(second["access_token"]) == "alice"
    for held in (first, second):
        with pytest.raises(RefreshRefused):
            flow.refresh(held)
    assert world.server.who(second["access_token"]) == ""


def test_an_account_whose_old_token_somebody_used_must_connect_again(world: World) -> None:
    account_id = (world.connect() or SocialAccount()).id
    stolen = held_now()
    ends_soon()
    assert refreshing.usable_tokens(account_id)["refresh_token"] != stolen["refresh_token"]
    db.session.rollback()

    with pytest.raises(RefreshRefused):
        FLOWS[world.platform].refresh(stolen)
    ends_soon()
    with pytest.raises(refreshing.NoTokens) as missing:
        refreshing.usable_tokens(account_id)

    assert (missing.value.outcome.kind, missing.value.outcome.is_clear) == ("reauth", True)
    db.session.rollback()
    again = world.connect()
    assert again is not None and (again.id, again.state) == (account_id, "connected")


@keeps
def test_an_empty_refresh_token_never_overwrites_the_one_that_stays(world: World) -> None:
    account_id = (world.connect() or SocialAccount()).id
    before = held_now()

    for _ in range(2):
        ends_soon()
        refreshing.usable_tokens(account_id)

    after = held_now()
    assert after["refresh_token"] == before["refresh_token"] != ""
    assert after["access_token"] != before["access_token"]
    assert (account_now() or SocialAccount()).serial == 2


def is_token(method: str, path: str) -> bool:
    return method == "POST" and "/token" in path


@pytest.mark.parametrize(("turns", "works"), [(True, False), (False, True)])
def test_a_lost_refresh_is_tried_once_more_with_the_same_token(world: World, works: bool) -> None:
    """It was spent there where it counts once: then only a new connection helps."""
    account_id = (world.connect() or SocialAccount()).id
    ends_soon()
    world.server.proxy.plan = once(is_token, "cut")
    kinds: list[str] = []
    for _ in range(2):
        try:
            refreshing.usable_tokens(account_id)
            kinds.append("works")
        except refreshing.NoTokens as missing:
            kinds.append(missing.outcome.kind)
        db.session.rollback()

    assert kinds == ["later", "works" if works else "reauth"]


# Revoking


def test_disconnecting_ends_it_there(world: World) -> None:
    account = world.connect()
    assert account is not None
    held = held_now()

    assert post(world.client, "/partner/accounts/disconnect", {"account": account.id}).status_code == 303
    run_work(world.app)

    assert [world.server.who(held[name]) for name in ("access_token", "refresh_token")] == ["", ""]
    ended = account_now()
    assert ended is not None and (ended.state, ended.oauth_json, ended.revoke_json) == (
        "disconnected",
        None,
        None,
    )
    with pytest.raises(RefreshRefused):
        FLOWS[world.platform].refresh(held)
    assert db.session.scalars(select(CapturedMail)).all() == []


@pytest.mark.parametrize("what", ["503", "reset"])
def test_an_end_that_was_not_heard_is_told_again(world: World, what: str) -> None:
    account = world.connect()
    assert account is not None
    held = held_now()
    world.server.proxy.plan = once(lambda method, path: "revoke" in path, what)

    post(world.client, "/partner/accounts/disconnect", {"account": account.id})
    run_work(world.app)
    assert world.server.who(held["access_token"]) == "alice"
    revoking.revoke_left()

    assert world.server.who(held["access_token"]) == ""
    assert (account_now() or account).revoke_json is None
