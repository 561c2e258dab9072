"""Bluesky against its real server: connect, publish once over every fault, look, refresh, delete, revoke."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.mailing.models import CapturedMail
from contentflow.partners.models import Partner
from contentflow.pipeline import services as pipeline
from contentflow.publishing import accounts, bluesky_connect, clients, refreshing
from contentflow.publishing import bluesky as bluesky_driver
from contentflow.publishing.models import Assignment, ConnectRequest, PlatformClient, SocialAccount
from contentflow.publishing.oauth import Connected, RefreshRefused, new_signing_key
from contentflow.publishing.tokens import decrypt_fields, encrypt_fields
from contentflow.sharekit.models import ShareLog
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.bluesky_server import BlueskyServer, bluesky
from tests.publishing.conftest import confirm, give_clip, once, row_of, work_for
from tests.publishing.cutting import Cutting
from tests.publishing.every_call import SETTINGS, Story
from tests.publishing.node_process import NODE

pytestmark = [
    pytest.mark.peers,
    pytest.mark.skipif(not NODE.is_dir(), reason="tests/publishing/peers/install was not run"),
]

OUR_KEY = new_signing_key()  # Servers keep our document for some minutes.
VTT = "WEBVTT\n\n00:00.000 --> 00:02.000\nUne heure gagnée chaque jour\n"


@dataclass
class World:
    """Alice, her browser, her account on a Bluesky server and the proxy before it."""

    app: Flask
    client: FlaskClient
    server: BlueskyServer
    handle: str = ""
    did: str = ""

    def sign_up(self) -> None:
        if not self.handle:
            self.handle = f"alice{new_id()[:10].lower()}.pds.fr"
            self.did = self.server.sign_up(self.handle)

    def ask(self, typed: str | None = None, client: FlaskClient | None = None) -> str:
        """Ask to connect and let the worker begin; returns the page of the request."""
        self.sign_up()
        typed = self.handle if typed is None else typed
        client = client or self.client
        asked = post(client, "/partner/accounts/connect", {"platform": "bluesky", "host": typed})
        assert asked.status_code == 303
        run_work(self.app)
        return client.get(asked.headers["Location"]).get_data(as_text=True)

    def connect(self, typed: str | None = None, client: FlaskClient | None = None) -> SocialAccount | None:
        """Connect as a person does: ask, go there, log in, accept, come back."""
        page = self.ask(typed, client)
        back = self.server.consent(place_in(page), self.handle)
        assert (client or self.client).get(back).status_code == 303
        run_work(self.app)
        db.session.rollback()
        return db.session.scalars(select(SocialAccount).order_by(SocialAccount.created_at.desc())).first()

    @property
    def proxy(self) -> Cutting:
        return self.server.proxy

    @property
    def asked_for(self) -> dict[str, str]:
        self.sign_up()
        return {"platform": "bluesky", "host": self.handle}

    def back(self, going: str) -> str:
        """The person's own browser goes past the proxy's plan, and counts as no call of ours."""
        plan, calls = self.proxy.plan, list(self.proxy.calls)
        self.proxy.plan = lambda method, path: ""
        try:
            return self.server.consent(going, self.handle)
        finally:
            self.proxy.plan, self.proxy.calls[:] = plan, calls

    def there(self, post_: Any) -> list[dict[str, Any]]:
        """Return the posts that hold this post's link."""
        code = re.search(r"/l/(\w+)", row_of(post_).text)[1]
        return [one for one in self.server.posts(self.did) if f"/l/{code}" in one["text"]]


def place_in(page: str) -> str:
    found = re.search(r'href="([^"]+/oauth/authorize[^"]*)"', page)
    assert found, (reason(), re.findall(r"data-say.*", page))
    return found[1].replace("&amp;", "&")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BlueskyServer]:
    with bluesky(tmp_path_factory.mktemp("bluesky")) as running:
        yield running


def settings_for(server: BlueskyServer) -> dict[str, str]:
    urls = {"BLUESKY_URL": server.origin, "BLUESKY_APPVIEW_URL": server.origin, "PLC_URL": server.directory}
    return {**urls, "PLATFORM_TRUSTED_ORIGINS": server.origin}


@pytest.fixture
def world(make_app: Any, server: BlueskyServer, more: dict[str, str]) -> World:
    app = make_app(**{**settings_for(server), **more})
    server.proxy.plan = server.view.plan = lambda method, path: ""
    server.proxy.calls.clear()
    with app.app_context():
        from tests.factories.offers import OfferFactory
        from tests.factories.partners import PartnerFactory

        OfferFactory()
        alice = PartnerFactory(email="alice@example.org", name="Alice Martin")
        clients.keep("bluesky", "", {"client_id": "ours", "key": OUR_KEY})
        server.client = lambda path: browser(app).get(path).data
        yield World(app, log_in(browser(app), alice.id), server)


@pytest.fixture
def fresh(world: World) -> SocialAccount:
    """Alice's account, connected as a person does."""
    found = world.connect()
    assert found is not None and found.state == "connected", reason()
    return found


_CONNECTED: dict[str, Any] = {}


@pytest.fixture
def account(world: World, request: pytest.FixtureRequest) -> SocialAccount:
    """An account that was connected once, for tests that leave its tokens alone."""
    if world.server.origin not in _CONNECTED:
        made = request.getfixturevalue("fresh")
        names = ("host", "remote_id", "handle", "scope", "expires_at")
        _CONNECTED[world.server.origin] = Connected(
            tokens=decrypt_fields(made.oauth_json), **{name: getattr(made, name) for name in names}
        )
    with transaction():
        partner_id = db.session.scalars(select(Partner.id)).one()
        kept = accounts.keep(partner_id, "bluesky", _CONNECTED[world.server.origin])
    world.did, world.handle = kept.remote_id, kept.handle[1:]
    return kept


def reason() -> Any:
    return [(one.state, one.reason) for one in db.session.scalars(select(ConnectRequest))]


def a_post(account: SocialAccount, title: str = "Une heure gagnée 🎉") -> Any:
    return PostFactory(partner_id=account.partner_id, title=title, hashtags="#ia #été", cta="Essaye")


# Connecting


def test_an_account_is_connected_by_its_handle(world: World, fresh: SocialAccount) -> None:
    assert (fresh.handle, fresh.remote_id) == (f"@{world.handle}", world.did)
    assert fresh.host == world.server.host
    assert fresh.expires_at is not None and fresh.expires_at > clock.now()
    assert "repo:app.bsky.feed.post" in fresh.scope
    page = world.client.get("/partner/accounts").get_data(as_text=True)
    assert 'data-state="connected"' in page and fresh.handle in page


@pytest.mark.parametrize("typed", ["", "the server"])
def test_an_account_is_connected_by_its_server_too(world: World, typed: str) -> None:
    found = world.connect(typed and world.server.host)

    assert found is not None and found.remote_id == world.did


def test_tokens_and_keys_stand_nowhere_in_the_clear(
    world: World, fresh: SocialAccount, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    held = decrypt_fields(fresh.oauth_json)
    ours = decrypt_fields(db.session.scalars(select(PlatformClient)).one().sealed)
    words = [held["access_token"], held["refresh_token"], held["key"]["d"], ours["key"]["d"]]
    db.session.rollback()

    paths = ("/partner/accounts", "/partner/export.json", "/oauth/client-metadata.json")
    pages = [world.client.get(path).data for path in paths]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for word in words:
        assert not any(word.encode() in held for held in [*pages, *files, caplog.text.encode()])


def test_who_refuses_there_is_connected_to_nothing(world: World) -> None:
    back = world.server.consent(place_in(world.ask()), world.handle, accepts=False)

    page = world.client.get(world.client.get(back).headers["Location"]).get_data(as_text=True)

    assert 'data-state="refused"' in page
    assert db.session.scalars(select(SocialAccount)).all() == []


def test_somebody_else_who_logs_in_there_is_not_the_one_asked_for(world: World) -> None:
    mallory = f"mallory{new_id()[:9].lower()}.pds.fr"
    world.server.sign_up(mallory)
    back = world.server.consent(place_in(world.ask()), mallory)

    world.client.get(back)
    run_work(world.app)

    assert reason() == [("refused", "mismatch")]
    assert db.session.scalars(select(SocialAccount)).all() == []


def test_an_answer_of_another_issuer_is_refused(world: World) -> None:
    back = world.server.consent(place_in(world.ask()), world.handle)
    forged = re.sub(r"iss=[^&]*", "iss=https%3A%2F%2Fevil.example", back)

    assert world.client.get(forged).status_code == 400
    assert world.client.get(re.sub(r"&?iss=[^&]*", "", back)).status_code == 400
    assert world.client.get(back).status_code == 303


def test_a_handle_that_nobody_has_is_no_server_either(world: World) -> None:
    world.ask("personne.pds.fr")

    assert reason() == [("refused", "unreachable")]


def test_one_account_belongs_to_one_partner_and_connects_again_in_place(
    world: World, fresh: SocialAccount
) -> None:
    from tests.factories.partners import PartnerFactory

    bob = log_in(browser(world.app), PartnerFactory(email="bob@example.org").id)
    world.connect(client=bob)
    assert ("refused", "taken") in reason()
    with transaction():
        db.session.get_one(SocialAccount, fresh.id).state = "reauth"

    again = world.connect()

    assert again is not None and (again.id, again.state) == (fresh.id, "connected")


# Publishing


def test_words_go_out_with_link_tags_and_a_card(world: World, account: SocialAccount) -> None:
    alices = a_post(account)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    row = row_of(alices)
    assert (row.state, row.reason) == ("published", None)
    (there,) = world.there(alices)
    assert (there["key"], there["text"]) == (row.remote_key, row.text)
    assert row.remote_url == f"https://bsky.app/profile/{world.did}/post/{row.remote_key}"
    raw = there["text"].encode()
    shown = [
        (raw[one["index"]["byteStart"] : one["index"]["byteEnd"]].decode(), one["features"][0])
        for one in there["facets"]
    ]
    link = re.search(r"https://\S+/l/\w+", row.text)[0]
    assert [text for text, _ in shown] == [link, "#ia", "#été", "#ad"]
    assert [feature.get("tag") or feature["uri"] for _, feature in shown] == [link, "ia", "été", "ad"]
    assert there["embed"]["external"]["uri"] == link
    assert there["embed"]["external"]["description"] == "Publicité"
    assert [log.channel for log in db.session.scalars(select(ShareLog))] == ["bluesky"]


def test_a_clip_goes_out_with_its_captions(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    give_clip(alices)
    folder = pipeline.media().render(alices.asset_id, "R" * 22)
    (folder / "captions.vtt").write_text(VTT)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason) == ("published", None)
    (there,) = world.there(alices)
    embed = there["embed"]
    assert world.server.blob(world.did, embed["video"]) == (folder / "clip.mp4").read_bytes()
    assert world.server.blob(world.did, embed["captions"][0]["file"]).decode() == VTT
    assert embed["captions"][0]["lang"] == "fr" and embed["alt"] == "Une heure gagnée 🎉"


def test_a_clip_that_the_server_finds_too_large_is_refused_and_nothing_is_there(
    world: World, account: SocialAccount
) -> None:
    alices = a_post(account)
    give_clip(alices, size=5_100_000)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason) == ("failed", "media")
    assert world.there(alices) == []


def called(name: str) -> Callable[[str, str], bool]:
    return lambda method, path: name in path


@pytest.mark.parametrize("what", ["cut", "late", "reset", "500", "503", "broken"])
@pytest.mark.parametrize("call", ["createRecord", "uploadBlob", "getRecord"])
def test_whatever_happens_to_a_call_it_is_there_once(
    world: World, account: SocialAccount, call: str, what: str
) -> None:
    alices = a_post(account)
    give_clip(alices)
    faults = once(called(call), what, 2)
    first = once(called("createRecord"), "cut")
    world.server.proxy.plan = lambda method, path: (
        faults(method, path) or (first(method, path) if call == "getRecord" else "")
    )

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 2)

    assert (row_of(alices).state, len(world.there(alices))) == ("published", 1)


def test_a_lost_answer_is_looked_for_under_the_records_own_key(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    world.server.proxy.plan = once(called("createRecord"), "cut")
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    assert (row_of(alices).state, row_of(alices).step) == ("publishing", "look")

    work_for(world.app, 0.1, 10)

    assert row_of(alices).state == "published"
    assert len([one for one in world.server.proxy.calls if "createRecord" in one[1]]) == 1
    assert clock.iso(row_of(alices).first_tried_at) == world.there(alices)[0]["createdAt"]


def test_a_second_create_on_the_same_key_makes_nothing(world: World, account: SocialAccount) -> None:
    """The look that finds nothing may be of a moment before the first try arrives."""
    alices = a_post(account)
    world.server.proxy.plan = once(called("createRecord"), "cut")
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    with transaction():
        row = db.session.scalars(select(Assignment)).one()
        row.first_tried_at = row.last_tried_at = None

    work_for(world.app, 0.1, 10)

    assert (row_of(alices).state, len(world.there(alices))) == ("published", 1)


def test_a_published_post_is_taken_down(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert post(world.client, "/byop/publish/delete", {"assignment": row_of(alices).id}).status_code == 303
    run_work(world.app)

    assert (row_of(alices).state, world.there(alices)) == ("deleted", [])


@pytest.mark.parametrize("what", ["cut", "reset", "503", "broken"])
def test_whatever_happens_to_a_deletion_it_is_gone_there_before_we_say_so(
    world: World, account: SocialAccount, what: str
) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    world.server.proxy.plan = once(called("deleteRecord"), what)

    post(world.client, "/byop/publish/delete", {"assignment": row_of(alices).id})
    run_work(world.app)
    assert row_of(alices).state == "published"
    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        run_work(world.app)

    assert (row_of(alices).state, world.there(alices)) == ("deleted", [])


def test_what_is_gone_there_says_so(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    assert bluesky_driver.delete(account, row_of(alices).remote_key)
    db.session.rollback()

    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        run_work(world.app)

    assert row_of(alices).state == "deleted"


# Numbers: an AppView counts them, which is not part of the server


@pytest.fixture
def counted(
    world: World, server: BlueskyServer, account: SocialAccount, monkeypatch: pytest.MonkeyPatch
) -> Any:
    """A published post that two people like, one reposts and one answers."""
    counts_there = replace(settings(), bluesky_appview_url=server.view.origin)
    monkeypatch.setitem(world.app.config, "CONTENTFLOW", counts_there)
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    uri = f"at://{world.did}/app.bsky.feed.post/{row_of(alices).remote_id}"
    (there,) = world.there(alices)
    db.session.rollback()
    cid = server.ask("com.atproto.repo.getRecord", None, **asked_of(uri))["cid"]
    subject = {"uri": uri, "cid": cid}
    bob, eve = (f"{name}{new_id()[:10].lower()}.pds.fr" for name in ("bob", "eve"))
    for handle in (bob, eve):
        server.sign_up(handle)
        server.leave(handle, "like", {"subject": subject})
    server.leave(bob, "repost", {"subject": subject})
    server.leave(
        eve, "post", {"text": f"Merci ! {there['key']}", "reply": {"root": subject, "parent": subject}}
    )
    return alices


def asked_of(uri: str) -> dict[str, str]:
    return dict(zip(("repo", "collection", "rkey"), uri.removeprefix("at://").split("/"), strict=True))


def look_in(world: World, **later: int) -> None:
    with time_machine.travel(clock.now() + timedelta(**later), tick=False):
        run_work(world.app)


def test_likes_reposts_and_answers_are_counted_and_shown_with_their_time(world: World, counted: Any) -> None:
    look_in(world, minutes=11)

    told = dict(row_of(counted).counts)
    assert told.pop("at") and told == {"likes": 2, "reposts": 1, "replies": 1}
    page = world.client.get(f"/byop/publish?id={counted.id}").get_data(as_text=True)
    assert "2 j’aime · 1 republication · 1 réponse · chiffres de la plateforme" in page


def test_whoever_counts_here_is_held_to_the_lexicon(server: BlueskyServer) -> None:
    server.view.plan = lambda method, path: ""
    url = f"{server.view.origin}/xrpc/app.bsky.feed.getPosts?uris=https%3A%2F%2Fbsky.app%2F"

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url, timeout=20)
    with refused.value as answer:
        assert json.loads(answer.read())["error"] == "InvalidLexicon"


@pytest.mark.parametrize("what", ["cut", "reset", "503", "broken"])
def test_an_appview_that_is_away_leaves_the_numbers_as_they_were(
    world: World, server: BlueskyServer, counted: Any, what: str
) -> None:
    look_in(world, minutes=11)
    before = row_of(counted).counts
    server.view.plan = lambda method, path: what

    look_in(world, hours=3)

    assert (row_of(counted).state, row_of(counted).counts) == ("published", before)
    assert len(server.view.calls) >= 2


# Tokens


def ends_soon(account: SocialAccount, refreshed_ago: timedelta = timedelta(minutes=11)) -> None:
    with transaction():
        found = db.session.get_one(SocialAccount, account.id)
        found.expires_at = clock.now() + timedelta(minutes=4)
        found.refreshed_at = clock.now() - refreshed_ago


def account_now() -> SocialAccount:
    db.session.rollback()
    return db.session.scalars(select(SocialAccount)).one()


def test_a_token_that_ends_soon_is_refreshed_before_the_call(world: World, fresh: SocialAccount) -> None:
    before = decrypt_fields(fresh.oauth_json)
    alices = a_post(fresh)
    ends_soon(fresh)

    confirm(world.client, alices.id, account=fresh.id)
    run_work(world.app)

    assert row_of(alices).state == "published"
    after = decrypt_fields(account_now().oauth_json)
    assert account_now().serial == 1
    assert after["access_token"] != before["access_token"]
    assert after["refresh_token"] != before["refresh_token"]
    assert account_now().expires_at > clock.now() + timedelta(minutes=30)


def test_a_token_that_is_dead_is_refreshed_by_the_call_that_was_told(
    world: World, fresh: SocialAccount
) -> None:
    alices = a_post(fresh)
    with transaction():
        found = db.session.get_one(SocialAccount, fresh.id)
        found.oauth_json = encrypt_fields(
            {**decrypt_fields(found.oauth_json), "access_token": "eyJhbGciOiJFUzI1NiJ9.e30.AAAA"}
        )
        found.refreshed_at = clock.now() - timedelta(minutes=11)

    confirm(world.client, alices.id, account=fresh.id)
    run_work(world.app)

    assert (row_of(alices).state, account_now().serial) == ("published", 1)


def test_eight_who_refresh_at_once_are_one_refresh(world: World, fresh: SocialAccount) -> None:
    ends_soon(fresh)
    account_id, got = fresh.id, []
    db.session.rollback()

    def refresh() -> None:
        with world.app.app_context():
            got.append(refreshing.usable_tokens(account_id)["access_token"])
            db.session.rollback()

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(got) == 8 and len(set(got)) == 1
    # Twice: the first is told the nonce.
    assert len([one for one in world.server.proxy.calls if "/oauth/token" in one[1]]) <= 3
    assert account_now().serial == 1
    alices = a_post(account_now())
    confirm(world.client, alices.id, account=account_id)
    run_work(world.app)
    assert row_of(alices).state == "published"


def work_again(world: World, times: int = 3) -> None:
    """Let what waits be due at once: the server's clock is the real one, and proofs are of this minute."""
    for _ in range(times):
        with transaction():
            for row in db.session.scalars(select(Assignment).where(Assignment.state == "publishing")):
                row.leased_until = clock.now()
        run_work(world.app)


@pytest.mark.parametrize(("what", "state"), [("503", "connected"), ("reset", "connected"), ("cut", "reauth")])
def test_a_lost_refresh_is_tried_once_more_and_then_it_is_a_new_connection(
    world: World, fresh: SocialAccount, what: str, state: str
) -> None:
    """A token that was spent there is refused the second time; one that never arrived is still good."""
    alices = a_post(fresh)
    ends_soon(fresh)
    world.server.proxy.plan = once(called("/oauth/token"), what)

    confirm(world.client, alices.id, account=fresh.id)
    run_work(world.app)
    work_again(world)

    assert account_now().state == state
    assert row_of(alices).state == ("published" if state == "connected" else "scheduled")
    mails = [one for one in db.session.scalars(select(CapturedMail)) if "Bluesky" in one.subject]
    assert len(mails) == (state == "reauth")


def test_two_lost_refreshes_are_a_new_connection(world: World, fresh: SocialAccount) -> None:
    alices = a_post(fresh)
    ends_soon(fresh)
    world.server.proxy.plan = once(called("/oauth/token"), "503", 9)

    confirm(world.client, alices.id, account=fresh.id)
    run_work(world.app)
    work_again(world)

    assert account_now().state == "reauth"
    world.server.proxy.plan = lambda method, path: ""
    assert world.connect().state == "connected"
    run_work(world.app)
    work_again(world)
    assert (row_of(alices).state, len(world.there(alices))) == ("published", 1)


def test_a_session_that_was_ended_there_asks_for_a_new_connection(world: World, fresh: SocialAccount) -> None:
    alices = a_post(fresh)
    held = decrypt_fields(fresh.oauth_json)
    db.session.rollback()
    bluesky_connect.revoke("", held)
    ends_soon(fresh)

    confirm(world.client, alices.id, account=fresh.id)
    run_work(world.app)

    assert (account_now().state, row_of(alices).state) == ("reauth", "scheduled")
    assert world.there(alices) == []


def test_disconnecting_ends_the_session_there(world: World, fresh: SocialAccount) -> None:
    held = decrypt_fields(fresh.oauth_json)

    assert post(world.client, "/partner/accounts/disconnect", {"account": fresh.id}).status_code == 303
    run_work(world.app)

    ended = account_now()
    assert (ended.state, ended.oauth_json, ended.revoke_json) == ("disconnected", None, None)
    db.session.rollback()
    with pytest.raises(RefreshRefused):
        bluesky_connect.refresh(held)


# On this machine alone


def test_a_developer_connects_without_a_document(make_app: Any, server: BlueskyServer) -> None:
    """The protocol's own client for development: nothing is published, nothing is signed but the proofs."""
    app = make_app(**settings_for(server), PUBLIC_BASE_URL="http://127.0.0.1:8000")
    server.proxy.plan = lambda method, path: ""
    handle = f"dev{new_id()[:10].lower()}.pds.fr"
    did = server.sign_up(handle)
    with app.app_context():
        going = bluesky_connect.begin(handle, "a-state-of-the-browser")
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(server.consent(going.url, handle)).query))

        found = bluesky_connect.finish("", going.kept, back["code"])

        assert (back["state"], back["iss"]) == ("a-state-of-the-browser", server.origin)
        assert (found.remote_id, found.handle) == (did, f"@{handle}")
        assert (
            app.test_client().get("/oauth/client-metadata.json", base_url="http://127.0.0.1:8000").status_code
            == 404
        )


# Every call


@pytest.mark.proof
@pytest.mark.parametrize("more", [SETTINGS])
def test_every_call_may_be_cut(world: World, more: dict[str, str]) -> None:
    Story(world).tell("bluesky")
