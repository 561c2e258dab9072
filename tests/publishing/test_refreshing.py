"""Tokens that run out: who refreshes, when, and what stays whatever comes of it. No server is asked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.publishing import accounts, bluesky_client, flows, refreshing, tokens
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.oauth import (
    Connected,
    Flow,
    Refreshed,
    RefreshLater,
    RefreshRefused,
    RefreshUnclear,
)
from contentflow.publishing.outcomes import Outcome
from tests.factories.partners import PartnerFactory

HELD = {"access_token": "access-0", "refresh_token": "refresh-0"}


class Platform:
    """Gives out pairs: ``fault`` is raised instead, once, and ``meanwhile`` is done before the answer."""

    def __init__(self) -> None:
        self.spent: list[str] = []
        self.fault: Exception | None = None
        self.meanwhile: Callable[[], object] = lambda: None

    def refresh(self, held: Mapping[str, Any]) -> Refreshed:
        self.spent.append(str(held["refresh_token"]))
        self.meanwhile()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        number = len(self.spent)
        pair = {"access_token": f"access-{number}", "refresh_token": f"refresh-{number}"}
        return Refreshed({**held, **pair}, clock.now() + timedelta(hours=1))


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()
    nothing: Any = None
    monkeypatch.setattr(flows, "FLOWS", {"bluesky": Flow(nothing, nothing, nothing, made.refresh)})
    return made


@pytest.fixture
def account_id(app: Flask) -> str:
    return connected()


def connected() -> str:
    """Return the id of a connected account that holds ``HELD``."""
    found = Connected(host="pds.example.fr", remote_id="did:plc:x", handle="@a", scope="atproto", tokens=HELD)
    partner_id = PartnerFactory().id
    with transaction():
        return accounts.keep(partner_id, "bluesky", found).id


def as_if(account_id: str, **values: Any) -> None:
    with transaction():
        db.session.execute(update(SocialAccount).where(SocialAccount.id == account_id).values(**values))


def due(account_id: str, **values: Any) -> None:
    now = clock.now()
    as_if(
        account_id,
        **{"expires_at": now + timedelta(minutes=4), "refreshed_at": now - timedelta(minutes=11), **values},
    )


def now_of(account_id: str) -> SocialAccount:
    db.session.rollback()
    return db.session.get_one(SocialAccount, account_id, populate_existing=True)


def refusal_of(account_id: str, refused: str = "") -> Outcome:
    with pytest.raises(refreshing.NoTokens) as missing:
        refreshing.usable_tokens(account_id, refused)
    return missing.value.outcome


@pytest.mark.parametrize("left", [None, timedelta(minutes=6), timedelta(hours=1)])
def test_a_token_that_lasts_is_used_as_it_is(
    account_id: str, platform: Platform, left: timedelta | None
) -> None:
    due(account_id, expires_at=clock.now() + left if left else None)

    assert refreshing.usable_tokens(account_id) == HELD
    assert platform.spent == []


def test_the_new_pair_is_committed_before_anybody_uses_it(account_id: str, platform: Platform) -> None:
    due(account_id)

    got = refreshing.usable_tokens(account_id)

    after = now_of(account_id)
    assert tokens.held(after) == got == {"access_token": "access-1", "refresh_token": "refresh-1"}
    assert (after.serial, after.lease, after.leased_until) == (1, None, None)
    assert after.expires_at is not None and after.expires_at > clock.now() + timedelta(minutes=50)


def test_a_token_that_a_call_found_dead_is_refreshed_and_only_that_one(
    account_id: str, platform: Platform
) -> None:
    due(account_id, expires_at=clock.now() + timedelta(hours=1))

    assert refreshing.usable_tokens(account_id, refused="access-of-long-ago")["access_token"] == "access-0"
    assert refreshing.usable_tokens(account_id, refused="access-0")["access_token"] == "access-1"
    assert platform.spent == ["refresh-0"]


def test_never_twice_within_ten_minutes(account_id: str, platform: Platform) -> None:
    due(account_id)
    refreshing.usable_tokens(account_id)

    refused = refusal_of(account_id, refused="access-1")

    assert (refused.kind, platform.spent) == ("later", ["refresh-0"])
    assert refused.seconds is not None and 590 < refused.seconds <= 600
    with time_machine.travel(clock.now() + timedelta(minutes=10, seconds=1), tick=False):
        assert refreshing.usable_tokens(account_id, refused="access-1")["access_token"] == "access-2"


def test_a_clock_that_was_set_back_stops_nobody(account_id: str, platform: Platform) -> None:
    """What was written an hour ahead is no refresh of the last minutes, and no lease."""
    ahead = clock.now() + timedelta(hours=1)
    due(account_id, refreshed_at=ahead, lease="x" * 22, leased_until=ahead)

    assert refreshing.usable_tokens(account_id)["access_token"] == "access-1"


def test_a_worker_that_died_while_refreshing_is_followed_by_another(
    account_id: str, platform: Platform
) -> None:
    due(account_id, lease="x" * 22, leased_until=clock.now() - timedelta(seconds=1))

    assert refreshing.usable_tokens(account_id)["access_token"] == "access-1"


def test_who_waits_too_long_for_another_comes_again_later(
    make_app: Callable[..., Flask], account_id: str, platform: Platform
) -> None:
    with make_app(PUBLISH_TIMEOUT_SECONDS="1").app_context():
        due(account_id, lease="x" * 22, leased_until=clock.now() + timedelta(seconds=3))

        assert refusal_of(account_id).kind == "later"

    assert platform.spent == []


def test_eight_at_once_are_one_refresh_and_all_have_its_token(
    app: Flask, account_id: str, platform: Platform
) -> None:
    due(account_id)
    platform.meanwhile = lambda: time.sleep(0.3)
    got: list[str] = []
    db.session.rollback()

    def refresh() -> None:
        with app.app_context():
            got.append(refreshing.usable_tokens(account_id)["access_token"])
            db.session.rollback()

    threads = [threading.Thread(target=refresh) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (got, platform.spent, now_of(account_id).serial) == (["access-1"] * 8, ["refresh-0"], 1)


def test_a_refused_refresh_is_a_new_connection(account_id: str, platform: Platform) -> None:
    due(account_id)
    platform.fault = RefreshRefused("invalid_grant")

    refused = refusal_of(account_id)

    assert (refused.kind, refused.is_clear, now_of(account_id).lease) == ("reauth", True, None)


def test_a_lost_answer_is_one_more_try(account_id: str, platform: Platform) -> None:
    due(account_id)
    platform.fault = RefreshUnclear()
    assert refusal_of(account_id).kind == "later"

    assert refreshing.usable_tokens(account_id) == {"access_token": "access-2", "refresh_token": "refresh-2"}

    assert tokens.held(now_of(account_id)) == {"access_token": "access-2", "refresh_token": "refresh-2"}


def test_two_lost_answers_are_a_new_connection(account_id: str, platform: Platform) -> None:
    due(account_id)
    kinds = []
    for _ in range(2):
        platform.fault = RefreshUnclear()
        kinds.append(refusal_of(account_id).kind)

    assert kinds == ["later", "reauth"]


def test_what_never_arrived_may_be_tried_again_and_again(account_id: str, platform: Platform) -> None:
    due(account_id)
    for _ in range(4):
        platform.fault = RefreshLater()
        assert refusal_of(account_id).kind == "later"

    assert refreshing.usable_tokens(account_id)["access_token"] == "access-5"


def test_an_account_that_was_disconnected_meanwhile_keeps_nothing(
    account_id: str, platform: Platform
) -> None:
    from contentflow.publishing import revoking

    def disconnect() -> None:
        with transaction():
            revoking.end(db.session.get_one(SocialAccount, account_id))

    due(account_id)
    platform.meanwhile = disconnect

    assert refusal_of(account_id).kind == "later"
    assert now_of(account_id).oauth_json is None
    assert refusal_of(account_id).kind == "reauth"


def test_without_a_refresh_token_it_is_a_new_connection(account_id: str, platform: Platform) -> None:
    due(account_id, oauth_json=tokens.encrypt_fields({"access_token": "access-0", "refresh_token": ""}))

    assert refusal_of(account_id).kind == "reauth"
    assert platform.spent == []


def test_a_rotated_secret_key_goes_on_and_a_lost_one_connects_anew(make_app: Callable[..., Flask]) -> None:
    old, new = "an-old-key-of-enough-length", "a-new-key-of-enough-length"
    with make_app(SECRET_KEY=old).app_context():
        account_id = connected()
        ours = bluesky_client.key()
    with make_app(SECRET_KEY=f"{new},{old}").app_context():
        assert refreshing.usable_tokens(account_id) == HELD
        assert bluesky_client.key() == ours
    with make_app(SECRET_KEY=new).app_context():
        assert refusal_of(account_id).kind == "reauth"
        made = bluesky_client.key()
        assert made["x"] != ours["x"] and bluesky_client.key() == made
