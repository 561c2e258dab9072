"""YouTube against a stand-in of ours: connect, publish once over every fault, look, refresh, count."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.publishing import youtube
from contentflow.publishing.models import Assignment, ConnectRequest, SocialAccount
from contentflow.publishing.tokens import decrypt_fields
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.conftest import confirm, give_clip, once, row_of, work_for
from tests.publishing.cutting import Cutting
from tests.publishing.every_call import SETTINGS, Story
from tests.publishing.google_server import CLIENT, GoogleServer


@dataclass
class World:
    app: Flask
    client: FlaskClient
    google: GoogleServer
    proxy: Cutting

    def connect(self, grants: str | None = None) -> SocialAccount | None:
        asked = post(self.client, "/partner/accounts/connect", {"platform": "youtube", "host": ""})
        assert asked.status_code == 303
        run_work(self.app)
        page = self.client.get(asked.headers["Location"]).get_data(as_text=True)
        going = re.search(r'href="([^"]+/auth\?[^"]*)"', page)[1].replace("&amp;", "&")
        back = self.google.consent(going, grants)
        assert self.client.get(f"/partner/accounts/callback/youtube?{back}").status_code == 303
        run_work(self.app)
        db.session.rollback()
        return db.session.scalars(select(SocialAccount)).first()

    @property
    def asked_for(self) -> dict[str, str]:
        return {"platform": "youtube", "host": ""}

    def back(self, going: str) -> str:
        return f"/partner/accounts/callback/youtube?{self.google.consent(going)}"

    def there(self, post_: Any) -> list[dict[str, Any]]:
        code = re.search(r"/l/(\w+)", row_of(post_).text)[1]
        return [one for one in self.google.videos.values() if f"/l/{code}" in one["snippet"]["description"]]


@pytest.fixture
def google() -> Iterator[GoogleServer]:
    server = GoogleServer()
    yield server
    server.close()


@pytest.fixture
def world(
    make_app: Any, google: GoogleServer, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(youtube, "CHUNK_BYTES", 1_500)
    proxy = Cutting("127.0.0.1", google.port, keeps_host=True)
    app = make_app(
        YOUTUBE_CLIENT_ID=CLIENT["client_id"],
        YOUTUBE_CLIENT_SECRET=CLIENT["client_secret"],
        YOUTUBE_AUDITED="true",
        YOUTUBE_API_URL=proxy.origin,
        YOUTUBE_AUTH_URL=f"{proxy.origin}/auth",
        YOUTUBE_TOKEN_URL=f"{proxy.origin}/token",
        **more,
    )
    with app.app_context():
        from tests.factories.offers import OfferFactory
        from tests.factories.partners import PartnerFactory

        OfferFactory()
        alice = PartnerFactory(email="alice@example.org", name="Alice Martin")
        yield World(app, log_in(browser(app), alice.id), google, proxy)
    proxy.close()


@pytest.fixture
def account(world: World) -> SocialAccount:
    found = world.connect()
    assert found is not None and found.state == "connected"
    return found


@pytest.fixture
def alices(account: SocialAccount) -> Any:
    made = PostFactory(partner_id=account.partner_id, title="Une <b>heure</b> gagnée", hashtags="#ia")
    give_clip(made)
    return made


# Connecting


def test_a_channel_is_connected_by_its_name(world: World, account: SocialAccount) -> None:
    assert (account.handle, account.remote_id, account.host) == ("Alice", "UCalice", "youtube.com")
    assert decrypt_fields(account.oauth_json)["refresh_token"] in world.google.refresh_tokens


def test_a_right_that_was_unticked_is_said_at_once_and_given_back(world: World) -> None:
    assert world.connect("https://www.googleapis.com/auth/youtube.readonly") is None

    request = db.session.scalars(select(ConnectRequest)).one()
    assert (request.state, request.reason) == ("refused", "scope")
    assert world.google.refresh_tokens == set()


@pytest.mark.parametrize(
    ("chosen", "reach", "status"),
    [
        ({}, "hand", 409),
        ({"YOUTUBE_CLIENT_ID": "x", "YOUTUBE_CLIENT_SECRET": "y"}, "hand", 409),
        ({"YOUTUBE_CLIENT_ID": "x", "YOUTUBE_CLIENT_SECRET": "y", "YOUTUBE_AUDITED": "true"}, "public", 303),
    ],
)
def test_without_an_audit_nothing_is_connected(
    make_app: Callable[..., Flask], chosen: dict[str, str], reach: str, status: int
) -> None:
    """A video of a project that was not audited stays private for ever."""
    app = make_app(**chosen)
    with app.app_context():
        from tests.factories.partners import PartnerFactory

        client = log_in(browser(app), PartnerFactory().id)
        page = client.get("/partner/accounts").get_data(as_text=True)
        asked = post(client, "/partner/accounts/connect", {"platform": "youtube"})

    assert f'data-platform="youtube" data-reach="{reach}"' in page
    assert asked.status_code == status


# Publishing


def test_a_clip_goes_out_public_with_its_label(world: World, account: SocialAccount, alices: Any) -> None:
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    row = row_of(alices)
    assert (row.state, row.reason) == ("published", None)
    (there,) = world.there(alices)
    assert (there["id"], len(world.google.bytes_of(there["id"]))) == (row.remote_id, 4_012)
    assert row.remote_url == f"https://www.youtube.com/watch?v={row.remote_id}"
    assert there["paidProductPlacementDetails"] == {"hasPaidProductPlacement": True}
    assert there["status"] == {"privacyStatus": "public", "selfDeclaredMadeForKids": False}
    assert there["snippet"]["title"] == "Une ‹b›heure‹/b› gagnée"
    assert there["snippet"]["description"] == row.text and row.text.startswith("Publicité\n")


def is_part(method: str, path: str) -> bool:
    return method == "PUT"


def is_opening(method: str, path: str) -> bool:
    return method == "POST" and path.startswith("/upload")


@pytest.mark.parametrize("what", ["cut", "late", "reset", "500", "503", "broken"])
@pytest.mark.parametrize("call", [is_part, is_opening])
def test_whatever_happens_to_a_call_it_is_there_once(
    world: World, account: SocialAccount, alices: Any, call: Callable[[str, str], bool], what: str
) -> None:
    world.proxy.plan = once(call, what, 2)

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 2)

    assert (row_of(alices).state, len(world.there(alices))) == ("published", 1)


def test_after_a_lost_chunk_the_upload_goes_on_where_it_was(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.proxy.plan = once(is_part, "cut")
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    assert (row_of(alices).state, row_of(alices).step) == ("publishing", "look")

    work_for(world.app, 0.2)

    assert row_of(alices).state == "published"
    assert len(world.google.sessions) == 1
    (session,) = world.google.sessions.values()
    assert len(session["bytes"]) == session["length"]


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_session_that_is_gone_is_looked_for_before_a_new_one(
    world: World, account: SocialAccount, alices: Any, is_whole: bool
) -> None:
    left = [3 if is_whole else 2]

    def lost(method: str, path: str) -> str:
        left[0] -= is_part(method, path)
        return "cut" if is_part(method, path) and not left[0] else ""

    world.proxy.plan = lost
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    assert row_of(alices).state == "publishing"
    world.google.sessions.clear()

    work_for(world.app, 0.1)
    assert (row_of(alices).state, len(world.google.sessions)) == (
        "published" if is_whole else "publishing",
        0,
    )
    work_for(world.app, 0.5)

    assert (row_of(alices).state, len(world.there(alices))) == ("published", 1)
    assert len(world.google.sessions) == (0 if is_whole else 1)


def test_the_address_of_the_upload_stands_nowhere_in_the_clear(
    world: World, account: SocialAccount, alices: Any, caplog: pytest.LogCaptureFixture
) -> None:
    world.proxy.plan = once(is_part, "cut")
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    (name,) = world.google.sessions
    paths = (f"/byop/publish?id={alices.id}", "/partner/export.json")
    pages = [world.client.get(path).data for path in paths]
    assert not any(name.encode() in page for page in pages)
    assert name not in caplog.text and name.encode() not in bytes(row_of(alices).remote)


@pytest.mark.parametrize(
    ("status", "reason", "state", "said"),
    [
        (400, "invalidTitle", "failed", "rejected"),
        (403, "forbidden", "failed", "forbidden"),
        (401, "youtubeSignupRequired", "published", None),
        (403, "quotaExceeded", "publishing", "busy"),
        (403, "somethingNew", "publishing", "unclear"),
        (500, "backendError", "publishing", "unclear"),
    ],
)
def test_what_google_says_is_a_refusal_only_where_it_is_clear(
    world: World, account: SocialAccount, alices: Any, status: int, reason: str, state: str, said: str | None
) -> None:
    """A 401 is a token that is dead, and the second one is good."""
    world.google.errors["/upload/youtube/v3/videos"] = (status, reason)
    with transaction():
        db.session.get_one(SocialAccount, account.id).refreshed_at = clock.now() - timedelta(minutes=11)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason) == (state, said)
    assert len(world.there(alices)) == (state == "published")


def test_a_video_that_google_keeps_private_is_the_partners_turn(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.google.privacy = "private"

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason) == ("needs_hand", "private")


def test_a_token_that_ends_is_refreshed_and_the_refresh_token_stays(
    world: World, account: SocialAccount, alices: Any
) -> None:
    kept = decrypt_fields(account.oauth_json)["refresh_token"]
    with transaction():
        found = db.session.get_one(SocialAccount, account.id)
        found.expires_at = clock.now() + timedelta(minutes=4)
        found.refreshed_at = clock.now() - timedelta(minutes=11)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    after = db.session.scalars(select(SocialAccount)).one()
    assert (row_of(alices).state, after.serial) == ("published", 1)
    assert decrypt_fields(after.oauth_json)["refresh_token"] == kept


def test_a_right_that_was_withdrawn_at_google_asks_for_a_new_connection(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.google.refresh_tokens.clear()
    world.google.access.clear()
    with transaction():
        db.session.get_one(SocialAccount, account.id).refreshed_at = clock.now() - timedelta(minutes=11)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    db.session.rollback()
    assert db.session.scalars(select(SocialAccount)).one().state == "reauth"
    assert (row_of(alices).state, world.there(alices)) == ("scheduled", [])


def test_a_video_is_counted_and_gone_when_it_is(world: World, account: SocialAccount, alices: Any) -> None:
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        run_work(world.app)
    assert {**row_of(alices).counts, "at": ""} == {"views": 12, "likes": 3, "replies": 1, "at": ""}
    page = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
    assert "12 vues · chiffres de la plateforme, " in " ".join(page.split())
    world.google.videos.clear()

    with time_machine.travel(clock.now() + timedelta(hours=2), tick=False):
        run_work(world.app)

    assert row_of(alices).state == "deleted"


def test_only_its_owner_takes_a_video_down(world: World, account: SocialAccount, alices: Any) -> None:
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    page = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
    assert "toi seul peux le supprimer" in page and "/byop/publish/delete" not in page
    assert 'data-note="cannot_delete"' in page
    assert post(world.client, "/byop/publish/delete", {"assignment": row_of(alices).id}).status_code == 409


def test_disconnecting_gives_the_right_back(world: World, account: SocialAccount) -> None:
    post(world.client, "/partner/accounts/disconnect", {"account": account.id})
    run_work(world.app)

    assert world.google.refresh_tokens == set()


def test_words_alone_go_nowhere(world: World, account: SocialAccount) -> None:
    words = PostFactory(partner_id=account.partner_id)

    assert confirm(world.client, words.id, "words", account=account.id).status_code == 422
    assert db.session.scalars(select(Assignment)).all() == []


# Every call


@pytest.mark.proof
@pytest.mark.parametrize("more", [SETTINGS])
def test_every_call_may_be_cut(world: World, more: dict[str, str]) -> None:
    Story(world).tell("youtube", deletes=False)
