"""Mastodon against a server that answers as one: connect, publish once over every fault, delete, count."""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail
from contentflow.publishing import mastodon as driver
from contentflow.publishing.models import ConnectRequest, PlatformClient, SocialAccount
from contentflow.publishing.tokens import decrypt_fields
from contentflow.sharekit.models import ShareLog
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.conftest import confirm, give_clip, once, row_of, work_for
from tests.publishing.cutting import Cutting
from tests.publishing.every_call import SETTINGS, Story
from tests.publishing.mastodon_server import MastodonServer, mastodon


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


@dataclass
class World:
    """Alice, her browser, a Mastodon server and the proxy before it."""

    app: Flask
    client: FlaskClient
    server: MastodonServer
    proxy: Cutting

    def connect(self, client: FlaskClient | None = None, user: str = "testuser") -> SocialAccount:
        """Connect as a person does: ask, go there, choose the account, come back."""
        client = client or self.client
        asked = post(client, "/partner/accounts/connect", {"platform": "mastodon", "host": self.proxy.host})
        assert asked.status_code == 303
        run_work(self.app)
        page = client.get(asked.headers["Location"]).get_data(as_text=True)
        going = re.search(r'href="([^"]+/oauth/authorize[^"]*)"', page)[1].replace("&amp;", "&")
        back = self.consent(going, user)
        assert client.get(back).status_code == 303
        run_work(self.app)
        db.session.rollback()
        return db.session.scalars(select(SocialAccount).order_by(SocialAccount.created_at.desc())).first()

    @property
    def asked_for(self) -> dict[str, str]:
        return {"platform": "mastodon", "host": self.proxy.host}

    def back(self, going: str) -> str:
        return self.consent(going)

    def consent(self, going: str, user: str = "testuser") -> str:
        """Return where the server sends the browser back to."""
        fields = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(going).query))
        data = urllib.parse.urlencode({**fields, "username": user}).encode()
        opener = urllib.request.build_opener(NoRedirect)
        try:
            opener.open(f"{self.server.origin}/oauth/authorize", data)
        except urllib.error.HTTPError as moved:
            parts = urllib.parse.urlsplit(moved.headers["Location"])
            return f"{parts.path}?{parts.query}"
        raise AssertionError("no redirect")

    def there(self, post_: Any) -> list[dict[str, Any]]:
        """Return the statuses that hold this post's link."""
        account = db.session.scalars(select(SocialAccount)).first()
        token = decrypt_fields(account.oauth_json)["access_token"]
        code = re.search(r"/l/(\w+)", row_of(post_).text)[1]
        db.session.rollback()
        return [
            one for one in self.server.statuses(token, account.remote_id) if f"/l/{code}" in one["content"]
        ]


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MastodonServer]:
    with mastodon(tmp_path_factory.mktemp("mastodon")) as running:
        yield running


@pytest.fixture
def world(make_app: Any, server: MastodonServer, more: dict[str, str]) -> Iterator[World]:
    proxy = Cutting("127.0.0.1", server.port)
    app = make_app(PLATFORM_TRUSTED_ORIGINS=proxy.origin, **more)
    server.heal()
    with app.app_context():
        from tests.factories.offers import OfferFactory
        from tests.factories.partners import PartnerFactory

        OfferFactory()
        alice = PartnerFactory(email="alice@example.org", name="Alice Martin")
        yield World(app, log_in(browser(app), alice.id), server, proxy)
    proxy.close()


@pytest.fixture
def account(world: World) -> SocialAccount:
    found = world.connect()
    assert found is not None and found.state == "connected"
    return found


def a_post(account: SocialAccount, title: str = "Une heure gagnée") -> Any:
    return PostFactory(partner_id=account.partner_id, title=title, hashtags="#ia", cta="Essaye")


# Connecting


def test_an_account_is_connected_by_name_and_its_limits_are_read(
    world: World, account: SocialAccount
) -> None:
    assert account.handle == f"@testuser@{world.proxy.host}"
    assert account.limits["max_characters"] > 0
    assert "write:statuses" in account.scope
    page = world.client.get("/partner/accounts").get_data(as_text=True)
    assert 'data-state="connected"' in page and account.handle in page


def test_the_server_registers_us_once_and_the_request_proves_itself(
    world: World, account: SocialAccount
) -> None:
    world.connect()

    assert [call for call in world.proxy.calls if call == ("POST", "/api/v1/apps")] == [
        ("POST", "/api/v1/apps")
    ]
    assert len(db.session.scalars(select(PlatformClient)).all()) == 1
    assert len(db.session.scalars(select(SocialAccount)).all()) == 1  # Again it is the same account, mended.


def test_tokens_stand_nowhere_in_the_clear(world: World, account: SocialAccount, tmp_path: Path) -> None:
    token = decrypt_fields(account.oauth_json)["access_token"]
    secret = decrypt_fields(db.session.scalars(select(PlatformClient)).one().sealed)["client_secret"]
    db.session.rollback()

    pages = [world.client.get(path).data for path in ("/partner/accounts", "/partner/export.json")]
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    for word in (token.encode(), secret.encode()):
        assert not any(word in held for held in [*pages, *files])


def test_a_callback_counts_once_for_the_browser_that_asked(world: World) -> None:
    asked = post(
        world.client, "/partner/accounts/connect", {"platform": "mastodon", "host": world.proxy.host}
    )
    run_work(world.app)
    page = world.client.get(asked.headers["Location"]).get_data(as_text=True)
    going = re.search(r'href="([^"]+/oauth/authorize[^"]*)"', page)[1].replace("&amp;", "&")
    back = world.consent(going)
    from tests.factories.partners import PartnerFactory

    mallory = log_in(browser(world.app), PartnerFactory(email="mallory@example.net").id)
    alice_elsewhere = log_in(browser(world.app), db.session.scalars(select(ConnectRequest)).one().partner_id)

    assert mallory.get(back).status_code == 400
    assert alice_elsewhere.get(back).status_code == 400
    assert world.client.get(back.replace("callback/mastodon", "callback/bluesky")).status_code == 400
    assert world.client.get(back + "&iss=https%3A%2F%2Fevil.example").status_code == 400
    assert world.client.get(back.partition("?")[0]).status_code == 400
    assert world.client.get(back).status_code == 303
    assert world.client.get(back).status_code == 400
    run_work(world.app)
    assert len(db.session.scalars(select(SocialAccount)).all()) == 1


@pytest.mark.parametrize(("error", "reason"), [("access_denied", "declined"), ("server_error", "code")])
def test_a_callback_after_ten_minutes_or_a_refusal_connects_nothing(
    world: World, error: str, reason: str
) -> None:
    def going() -> str:
        asked = post(
            world.client, "/partner/accounts/connect", {"platform": "mastodon", "host": world.proxy.host}
        )
        run_work(world.app)
        page = world.client.get(asked.headers["Location"]).get_data(as_text=True)
        return re.search(r'href="([^"]+/oauth/authorize[^"]*)"', page)[1].replace("&amp;", "&")

    late = world.consent(going())
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1), tick=True):
        assert world.client.get(late).status_code == 400
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(going()).query)["state"][0]
    refused = world.client.get(f"/partner/accounts/callback/mastodon?state={state}&error={error}")
    assert refused.status_code == 303
    assert db.session.scalar(select(ConnectRequest.reason).where(ConnectRequest.state == "refused")) == reason
    page = world.client.get(refused.headers["Location"]).get_data(as_text=True)
    assert 'data-state="refused"' in page
    assert db.session.scalars(select(SocialAccount)).all() == []


def test_one_social_account_belongs_to_one_partner(world: World, account: SocialAccount) -> None:
    from tests.factories.partners import PartnerFactory

    bob = log_in(browser(world.app), PartnerFactory(email="bob@example.org").id)

    world.connect(bob)

    request = db.session.scalars(select(ConnectRequest).order_by(ConnectRequest.created_at.desc())).first()
    assert (request.state, request.reason) == ("refused", "taken")
    assert [one.partner_id for one in db.session.scalars(select(SocialAccount))] == [account.partner_id]


@pytest.mark.parametrize(
    "typed",
    [
        "", "x" * 300, "localhost", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "[::1]", "10.0.0.1",
        "①②⑦.0.0.1", "mastodon.social:8080", "https://me:secret@mastodon.social", "ftp://mastodon.social",
        "mastodon", "a..b.fr", "share.example.org", "serveur.local", "metadata.google.internal",
        "javascript:alert(1)", "http://[::1", "mastodon.social/../x y", "\x00.fr", "-a.fr",
    ],
)  # fmt: skip
def test_what_is_no_public_name_is_refused_with_what_was_typed(alice_client: FlaskClient, typed: str) -> None:
    answer = post(alice_client, "/partner/accounts/connect", {"platform": "mastodon", "host": typed})

    assert answer.status_code == 422
    assert db.session.scalars(select(ConnectRequest)).all() == []


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("mastodon.social", "mastodon.social"),
        ("@alice@Mastodon.Social", "mastodon.social"),
        (" alice@mastodon.social ", "mastodon.social"),
        ("https://mastodon.social/@alice", "mastodon.social"),
        ("https://mastodon.social/", "mastodon.social"),
        ("pouët.example.fr", "xn--pout-npa.example.fr"),
        ("mastodon.social.", "mastodon.social"),
    ],
)
def test_a_server_is_found_in_whatever_was_typed(typed: str, host: str) -> None:
    from contentflow.publishing.hosts import host_of

    assert host_of(typed, (), "https://share.example.org") == host


def test_an_unknown_platform_is_not_set_up(alice_client: FlaskClient) -> None:
    for platform in ("instagram", "nowhere", ""):
        answer = post(alice_client, "/partner/accounts/connect", {"platform": platform, "host": "a.fr"})
        assert answer.status_code == 409


# Publishing


def test_words_go_out_once_and_the_share_is_counted(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    row = row_of(alices)
    assert (row.state, row.reason) == ("published", None)
    (there,) = world.there(alices)
    assert there["id"] == row.remote_id
    assert there["content"].startswith("<p>Publicité")
    assert [log.channel for log in db.session.scalars(select(ShareLog))] == ["mastodon"]


def test_a_clip_goes_out_with_its_words(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    give_clip(alices)

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 0.2, 5)

    assert row_of(alices).state == "published"
    (there,) = world.there(alices)
    assert len(there["media_attachments"]) == 1


WHEN = {
    "status": lambda method, path: method == "POST" and path == "/api/v1/statuses",
    "media": lambda method, path: method == "POST" and path == "/api/v2/media",
    "look": lambda method, path: method == "GET" and "/statuses?" in path,
    "medium": lambda method, path: method == "GET" and path.startswith("/api/v1/media/"),
}


@pytest.mark.parametrize("what", ["cut", "late", "reset", "500", "503", "broken"])
@pytest.mark.parametrize("call", ["status", "media"])
def test_whatever_happens_to_a_call_it_is_there_once(
    world: World, account: SocialAccount, call: str, what: str
) -> None:
    alices = a_post(account)
    give_clip(alices)
    world.proxy.plan = once(WHEN[call], what, 2)

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 2)

    assert row_of(alices).state == "published"
    assert len(world.there(alices)) == 1


def test_after_a_lost_answer_nothing_is_tried_for_a_minute_and_then_it_is_looked_for(
    world: World, account: SocialAccount
) -> None:
    alices = a_post(account)
    world.proxy.plan = once(WHEN["status"], "cut")
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    assert (row_of(alices).state, row_of(alices).step) == ("publishing", "look")
    tried = row_of(alices).first_tried_at
    world.proxy.calls.clear()

    with time_machine.travel(tried + timedelta(seconds=50), tick=False):
        run_work(world.app)
    assert world.proxy.calls == []
    with time_machine.travel(tried + timedelta(seconds=75), tick=False):
        run_work(world.app)

    assert row_of(alices).state == "published"
    assert not any(WHEN["status"](*call) for call in world.proxy.calls)


@pytest.mark.parametrize(
    ("status", "state", "reason"),
    [(422, "failed", "rejected"), (403, "failed", "forbidden"), (401, "scheduled", "reauth")],
)
def test_a_clear_refusal_is_no_doubt(
    world: World, account: SocialAccount, status: int, state: str, reason: str
) -> None:
    alices = a_post(account)
    world.server.refuse_posts(status, 1)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason) == (state, reason)
    assert world.there(alices) == []


def test_a_dead_token_asks_for_a_new_connection_once_and_what_was_due_goes_out_after_it(
    world: World, account: SocialAccount
) -> None:
    alices = a_post(account)
    data = urllib.parse.urlencode({"token": decrypt_fields(account.oauth_json)["access_token"]}).encode()
    urllib.request.urlopen(f"{world.server.origin}/oauth/revoke", data).read()
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    run_work(world.app)

    db.session.rollback()
    assert db.session.scalars(select(SocialAccount)).one().state == "reauth"
    assert len([one for one in db.session.scalars(select(CapturedMail)) if "Mastodon" in one.subject]) == 1
    assert world.connect().state == "connected"
    work_for(world.app, 0.1, 5)
    assert row_of(alices).state == "published"
    assert len(world.there(alices)) == 1


def test_nobody_connects_again_and_it_becomes_the_partners_turn(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    with transaction():
        db.session.get_one(SocialAccount, account.id).state = "reauth"

    work_for(world.app, 1.2, 60)

    assert (row_of(alices).state, row_of(alices).reason) == ("needs_hand", "late")


def test_a_fate_that_stays_unclear_is_unknown_after_a_day_and_never_sent_again(
    world: World, account: SocialAccount
) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    world.proxy.plan = lambda method, path: "cut" if WHEN["status"](method, path) else "503"

    work_for(world.app, 26, 900)

    assert row_of(alices).state == "unknown"
    assert sum(WHEN["status"](*call) for call in world.proxy.calls) == 1


def test_five_refusals_in_a_row_let_the_platform_rest_and_one_probe_opens_it(
    world: World, account: SocialAccount
) -> None:
    posts = [a_post(account, f"Post {number}") for number in range(7)]
    world.server.refuse_posts(422, 5)
    for one in posts:
        confirm(world.client, one.id, account=account.id)
    run_work(world.app)
    states = sorted(row_of(one).state for one in posts)
    assert states == ["failed"] * 5 + ["scheduled"] * 2

    work_for(world.app, 0.3, 60)

    assert sorted(row_of(one).state for one in posts) == ["failed"] * 5 + ["published"] * 2


def test_an_archive_in_the_middle_of_a_run_stops_it_before_the_post(
    world: World, account: SocialAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    alices = a_post(account)
    give_clip(alices)
    upload = driver._Api.upload

    def archived_meanwhile(self: Any, *args: Any) -> Any:
        answer = upload(self, *args)
        post(world.client, "/byop/archive", {"sid": alices.id})
        return answer

    monkeypatch.setattr(driver._Api, "upload", archived_meanwhile)

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 0.2, 5)

    assert (row_of(alices).state, row_of(alices).reason) == ("cancelled", "archived")
    assert world.there(alices) == []


def test_a_published_post_is_taken_down_and_counted(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        run_work(world.app)
    assert row_of(alices).counts["likes"] == 0

    assert post(world.client, "/byop/publish/delete", {"assignment": row_of(alices).id}).status_code == 303
    run_work(world.app)

    assert row_of(alices).state == "deleted"
    assert world.there(alices) == []


def test_what_is_gone_there_says_so(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    token = decrypt_fields(account.oauth_json)["access_token"]
    world.server.ask("DELETE", f"/api/v1/statuses/{row_of(alices).remote_id}", token=token)

    with time_machine.travel(clock.now() + timedelta(minutes=11), tick=False):
        run_work(world.app)

    assert row_of(alices).state == "deleted"


def test_disconnecting_revokes_there_erases_here_and_hands_over_what_waits(
    world: World, account: SocialAccount
) -> None:
    alices, token = a_post(account), decrypt_fields(account.oauth_json)["access_token"]
    at = clock.in_france(clock.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    confirm(world.client, alices.id, account=account.id, when="later", at=at)

    assert post(world.client, "/partner/accounts/disconnect", {"account": account.id}).status_code == 303
    run_work(world.app)

    db.session.rollback()
    ended = db.session.scalars(select(SocialAccount)).one()
    assert (ended.state, ended.oauth_json, ended.revoke_json) == ("disconnected", None, None)
    assert (row_of(alices).state, row_of(alices).reason) == ("needs_hand", "disconnected")
    with pytest.raises(urllib.error.HTTPError):
        world.server.ask("GET", "/api/v1/accounts/verify_credentials", token=token)


def test_an_erasure_revokes_there_too(world: World, account: SocialAccount) -> None:
    token = decrypt_fields(account.oauth_json)["access_token"]

    post(world.client, "/partner/erase", {"confirm": "ERASE"})
    run_work(world.app)

    ended = db.session.scalars(select(SocialAccount)).one()
    assert (ended.state, ended.oauth_json, ended.handle) == ("disconnected", None, "")
    with pytest.raises(urllib.error.HTTPError), suppress(ValueError):
        world.server.ask("GET", "/api/v1/accounts/verify_credentials", token=token)


def test_a_lost_key_is_a_new_connection_and_no_crash(world: World, account: SocialAccount) -> None:
    alices = a_post(account)
    with transaction():
        db.session.get_one(SocialAccount, account.id).oauth_json = b"sealed with a key that is gone"
    confirm(world.client, alices.id, account=account.id)

    run_work(world.app)

    db.session.rollback()
    assert db.session.scalars(select(SocialAccount)).one().state == "reauth"


# Every call


@pytest.mark.proof
@pytest.mark.parametrize("more", [SETTINGS])
def test_every_call_may_be_cut(world: World, more: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    # A hundred times each is more posts within ten minutes than are looked through for anybody.
    monkeypatch.setattr(driver, "MAX_PAGES", 1_000)
    Story(world).tell("mastodon", refreshes=False)
