"""TikTok against a stand-in of ours: connect, send to the inbox, never twice."""

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
from contentflow.core.ids import new_id
from contentflow.publishing import tiktok
from contentflow.publishing.models import Assignment, ConnectRequest, SocialAccount
from contentflow.publishing.tokens import decrypt_fields
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.conftest import confirm, give_clip, once, row_of, work_for
from tests.publishing.cutting import Cutting
from tests.publishing.every_call import SETTINGS, Story
from tests.publishing.tiktok_server import CLIENT, TikTokServer


@dataclass
class World:
    app: Flask
    client: FlaskClient
    tiktok: TikTokServer
    proxy: Cutting

    def connect(self, grants: str | None = None) -> SocialAccount | None:
        asked = post(self.client, "/partner/accounts/connect", {"platform": "tiktok", "host": ""})
        assert asked.status_code == 303
        run_work(self.app)
        page = self.client.get(asked.headers["Location"]).get_data(as_text=True)
        going = re.search(r'href="([^"]+/auth\?[^"]*)"', page)[1].replace("&amp;", "&")
        back = self.tiktok.consent(going, grants)
        assert self.client.get(f"/partner/accounts/callback/tiktok?{back}").status_code == 303
        run_work(self.app)
        db.session.rollback()
        return db.session.scalars(select(SocialAccount)).first()

    @property
    def asked_for(self) -> dict[str, str]:
        return {"platform": "tiktok", "host": ""}

    def back(self, going: str) -> str:
        return f"/partner/accounts/callback/tiktok?{self.tiktok.consent(going)}"

    def there(self, post_: Any) -> list[dict[str, Any]]:
        """The whole publications of this post, which its own title tells from others."""
        text = row_of(post_).text
        return [one for one in self.whole if one["asked"]["post_info"]["title"] == text]

    @property
    def whole(self) -> list[dict[str, Any]]:
        """The publications all of whose bytes came."""
        uploads = self.tiktok.uploads.values()
        return [one for one in uploads if len(one["bytes"]) == one["asked"]["source_info"]["video_size"]]


@pytest.fixture
def world(
    make_app: Any, request: pytest.FixtureRequest, more: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(tiktok, "CHUNK_BYTES", 1_500)
    server = TikTokServer()
    proxy = Cutting("127.0.0.1", server.port, keeps_host=True)
    app = make_app(
        TIKTOK_CLIENT_KEY=CLIENT["client_key"],
        TIKTOK_CLIENT_SECRET=CLIENT["client_secret"],
        TIKTOK_AUDITED=getattr(request, "param", "false"),
        TIKTOK_API_URL=proxy.origin,
        TIKTOK_AUTH_URL=f"{proxy.origin}/auth",
        **more,
    )
    with app.app_context():
        from tests.factories.offers import OfferFactory
        from tests.factories.partners import PartnerFactory

        OfferFactory()
        alice = PartnerFactory(email="alice@example.org", name="Alice Martin")
        yield World(app, log_in(browser(app), alice.id), server, proxy)
    proxy.close()
    server.close()


@pytest.fixture
def account(world: World) -> SocialAccount:
    found = world.connect()
    assert found is not None and found.state == "connected"
    return found


@pytest.fixture
def alices(account: SocialAccount) -> Any:
    made = PostFactory(partner_id=account.partner_id, title="Une heure gagnée", hashtags="#ia")
    give_clip(made)
    return made


def test_an_account_is_connected_by_its_name(world: World, account: SocialAccount) -> None:
    assert (account.handle, account.remote_id, account.host) == ("Alice", "open-alice", "tiktok.com")
    assert account.scope == "user.info.basic video.upload"
    assert decrypt_fields(account.oauth_json)["access_token"] in world.tiktok.access


def test_a_right_that_was_unticked_is_said_at_once_and_given_back(world: World) -> None:
    assert world.connect("user.info.basic") is None

    request = db.session.scalars(select(ConnectRequest)).one()
    assert (request.state, request.reason) == ("refused", "scope")
    assert world.tiktok.access == set()


def test_without_an_app_it_is_by_hand(alice_client: FlaskClient) -> None:
    assert 'data-platform="tiktok" data-reach="hand"' in alice_client.get("/partner/accounts").text
    assert post(alice_client, "/partner/accounts/connect", {"platform": "tiktok"}).status_code == 409


def test_a_clip_lands_in_the_inbox_and_is_the_partners_turn(
    world: World, account: SocialAccount, alices: Any
) -> None:
    page = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
    assert 'data-reach="inbox"' in page and 'data-note="lands_in_inbox"' in page

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 0.2, 6)

    row = row_of(alices)
    assert (row.state, row.reason, row.published_at) == ("needs_hand", "inbox", None)
    assert "/l/" not in row.text
    (upload,) = world.whole
    assert upload["is_inbox"] and len(upload["bytes"]) == 4_012
    status = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
    assert "boîte de réception" in status


def is_bytes(method: str, path: str) -> bool:
    return method == "PUT"


def is_opening(method: str, path: str) -> bool:
    return path.endswith("/init/")


def is_look(method: str, path: str) -> bool:
    return path.endswith("/fetch/")


@pytest.mark.parametrize("what", ["cut", "late", "reset", "500", "503", "broken"])
@pytest.mark.parametrize("call", [is_bytes, is_opening, is_look])
def test_whatever_happens_to_a_call_it_lands_once(
    world: World, account: SocialAccount, alices: Any, call: Callable[[str, str], bool], what: str
) -> None:
    world.proxy.plan = once(call, what, 2)

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 2)

    assert (row_of(alices).state, row_of(alices).reason, len(world.whole)) == ("needs_hand", "inbox", 1)


@pytest.mark.parametrize(
    ("status", "code", "state", "reason"),
    [
        (200, "spam_risk_user_banned_from_posting", "failed", "forbidden"),
        (200, "something_new", "failed", "rejected"),
        (400, "invalid_params", "failed", "rejected"),
        (403, "spam_risk_too_many_pending_share", "publishing", "busy"),
        (429, "rate_limit_exceeded", "publishing", "busy"),
        (500, "internal_error", "publishing", "busy"),
        (502, "", "publishing", "unclear"),
        (401, "scope_not_authorized", "needs_hand", "inbox"),
    ],
)
def test_another_code_than_ok_is_a_refusal_whatever_the_status(
    world: World, account: SocialAccount, alices: Any, status: int, code: str, state: str, reason: str
) -> None:
    """The 401 is a token that is dead: the next one is good."""
    with transaction():
        db.session.get_one(SocialAccount, account.id).refreshed_at = clock.now() - timedelta(minutes=11)
    world.tiktok.errors["/init/"] = (status, code)

    confirm(world.client, alices.id, account=account.id)
    run_work(world.app)
    if state == "needs_hand":
        work_for(world.app, 0.1, 6)

    assert (row_of(alices).state, row_of(alices).reason) == (state, reason)
    assert len(world.whole) == (state == "needs_hand")


def test_a_video_that_tiktok_found_wrong_is_failed(world: World, account: SocialAccount, alices: Any) -> None:
    world.tiktok.ends = {"status": "FAILED", "fail_reason": "duration_check_failed"}

    confirm(world.client, alices.id, account=account.id)
    work_for(world.app, 0.2, 6)

    assert (row_of(alices).state, row_of(alices).reason) == ("failed", "media")


def test_bytes_go_to_tiktok_alone(world: World, account: SocialAccount) -> None:
    theirs = ("https://open-upload.tiktokapis.com/video/?x=1", f"{world.proxy.origin}/upload/x")
    others = (
        "http://open-upload.tiktokapis.com/",
        "https://tiktokapis.com.evil.example/",
        "https://10.0.0.1/",
    )

    assert all(tiktok._is_theirs(url) for url in theirs)
    assert not any(tiktok._is_theirs(url) for url in (*others, "", "javascript:alert(1)"))


def test_words_alone_go_nowhere(world: World, account: SocialAccount) -> None:
    words = PostFactory(partner_id=account.partner_id)

    assert confirm(world.client, words.id, "words", account=account.id).status_code == 422
    assert db.session.scalars(select(Assignment)).all() == []


# Audited: public, with TikTok's own questions

ANSWERED = {"privacy": "PUBLIC_TO_EVERYONE", "agree": "yes"}
public = pytest.mark.parametrize("world", ["true"], indirect=True)


@public
def test_the_form_asks_what_tiktok_wants_and_nothing_is_chosen(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.tiktok.asked.clear()
    pages = [world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True) for _ in range(2)]
    assert all("data-pending" in page and "data-creator" not in page for page in pages)
    assert world.tiktok.asked == []  # Only the worker speaks to strangers.

    run_work(world.app)
    page = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)

    asked = page.partition("data-creator")[2].partition("data-note")[0]
    assert re.findall(r'name="privacy" value="(\w+)"', asked) == [
        "PUBLIC_TO_EVERYONE",
        "MUTUAL_FOLLOW_FRIENDS",
    ]
    assert "checked" not in asked and re.search(r'name="stitch" value="yes" disabled', asked)
    words = world.client.get(f"/byop/publish?id={alices.id}&what=words").get_data(as_text=True)
    assert "data-creator" not in words  # No video goes there: nothing is asked.
    assert world.tiktok.asked == ["/v2/post/publish/creator_info/query/"]


@public
@pytest.mark.parametrize(
    "answers",
    [{}, {"privacy": "PUBLIC_TO_EVERYONE"}, {"agree": "yes"}, {**ANSWERED, "privacy": "SELF_ONLY"}],
)
def test_an_unanswered_question_is_refused_and_what_was_ticked_stays(
    world: World, account: SocialAccount, alices: Any, answers: dict[str, str]
) -> None:
    world.client.get(f"/byop/publish?id={alices.id}")
    run_work(world.app)
    refused = confirm(world.client, alices.id, account=account.id, comment="yes", **answers)

    assert refused.status_code == 422
    page = refused.get_data(as_text=True)
    assert re.search(r'name="comment" value="yes" checked', page)
    assert db.session.scalars(select(Assignment)).all() == []


@public
def test_an_answered_form_goes_out_public_with_its_label(
    world: World, account: SocialAccount, alices: Any
) -> None:
    confirm(world.client, alices.id, account=account.id, comment="yes", stitch="yes", **ANSWERED)
    work_for(world.app, 0.2, 6)

    row = row_of(alices)
    assert (row.state, row.remote_id) == ("published", "7400")
    assert row.remote_url == "https://www.tiktok.com/@alice.tok/video/7400"
    (upload,) = world.whole
    assert upload["asked"]["post_info"] == {
        "title": row.text,
        "privacy_level": "PUBLIC_TO_EVERYONE",
        "disable_comment": False,
        "disable_duet": True,
        "disable_stitch": True,  # Ticked, and shut by TikTok.
        "brand_content_toggle": True,
        "brand_organic_toggle": False,
    }


@public
def test_what_was_chosen_and_is_gone_before_it_leaves_is_looked_at_again(
    world: World, account: SocialAccount, alices: Any
) -> None:
    confirm(world.client, alices.id, account=account.id, **ANSWERED)
    world.tiktok.privacies = ["SELF_ONLY"]

    run_work(world.app)

    assert (row_of(alices).state, row_of(alices).reason, world.whole) == ("draft", "changed", [])


@public
def test_a_tiktok_that_does_not_answer_leaves_the_page_whole(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.proxy.plan = lambda method, path: "503"

    world.client.get(f"/byop/publish?id={alices.id}")
    run_work(world.app)

    page = world.client.get(f"/byop/publish?id={alices.id}")

    assert page.status_code == 200 and "TikTok ne dit pas" in page.get_data(as_text=True)
    assert "data-pending" not in page.get_data(as_text=True)


@public
def test_what_tiktok_said_is_asked_anew_for_a_form_opened_later_and_kept_for_one_shown_again(
    world: World, account: SocialAccount, alices: Any
) -> None:
    world.client.get(f"/byop/publish?id={alices.id}")
    run_work(world.app)
    world.tiktok.asked.clear()

    with time_machine.travel(clock.now() + timedelta(seconds=61), tick=False):
        refused = confirm(world.client, alices.id, account=account.id, privacy="PUBLIC_TO_EVERYONE")
        assert re.search(r'name="privacy" value="PUBLIC_TO_EVERYONE" checked', refused.get_data(as_text=True))
        assert "data-pending" in world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
        run_work(world.app)

    assert world.tiktok.asked == ["/v2/post/publish/creator_info/query/"]


@public
def test_two_accounts_are_answered_each_for_itself(world: World, account: SocialAccount, alices: Any) -> None:
    with transaction():
        kept = db.session.get_one(SocialAccount, account.id)
        other = SocialAccount(
            id=new_id(), partner_id=kept.partner_id, platform="tiktok", host="tiktok.com", remote_id="open-2",
            handle="Alice 2", scope=kept.scope, oauth_json=kept.oauth_json, expires_at=kept.expires_at,
        )  # fmt: skip
        db.session.add(other)
        other_id = other.id
    world.client.get(f"/byop/publish?id={alices.id}")
    run_work(world.app)
    page = world.client.get(f"/byop/publish?id={alices.id}").get_data(as_text=True)
    both = {"account": [account.id, other_id]}
    first = {f"privacy-{account.id}": "PUBLIC_TO_EVERYONE", f"agree-{account.id}": "yes"}
    second = {f"privacy-{other_id}": "MUTUAL_FOLLOW_FRIENDS", f"agree-{other_id}": "yes"}

    refused = confirm(world.client, alices.id, **both, **first)
    taken = confirm(world.client, alices.id, **both, **first, **second, **{f"duet-{other_id}": "yes"})

    assert all(f'name="privacy-{one}"' in page for one in (account.id, other_id))
    assert 'name="privacy"' not in page
    assert (refused.status_code, taken.status_code) == (422, 303)
    assert f'name="privacy-{account.id}" value="PUBLIC_TO_EVERYONE" checked' in refused.get_data(as_text=True)
    assert not re.search(rf'name="privacy-{other_id}" value="\w+" checked', refused.get_data(as_text=True))
    chosen = {one.account_id: one.labels for one in db.session.scalars(select(Assignment))}
    assert {key: labels["privacy"] for key, labels in chosen.items()} == {
        account.id: "PUBLIC_TO_EVERYONE",
        other_id: "MUTUAL_FOLLOW_FRIENDS",
    }
    assert (chosen[account.id]["duet"], chosen[other_id]["duet"]) == (False, True)


# Every call


@pytest.mark.proof
@public
@pytest.mark.parametrize("more", [SETTINGS])
def test_every_call_may_be_cut(world: World, more: dict[str, str]) -> None:
    Story(world, **ANSWERED).tell("tiktok", deletes=False, counts=False)
