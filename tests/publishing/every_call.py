"""Every call of a platform spoilt in turn: connecting, publishing, refreshing, counting, deleting, revoking.

``PUBLISH_CUTS`` says how often each; each fault of ``FAULTS`` has its turn, and every second time the call
after it is spoilt as well.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any, Protocol

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.publishing import revoking
from contentflow.publishing.models import Assignment, ConnectRequest, SocialAccount
from tests.factories.posts import PostFactory
from tests.factories.renders import give_clip
from tests.house import post, run_work
from tests.publishing.conftest import any_open, confirm, row_of
from tests.publishing.cutting import Cutting

CUTS = int(os.environ.get("PUBLISH_CUTS", "2"))
FAULTS = ("cut", "late", "reset", "middle", "hang", "500", "503", "broken")
# Many posts, and a server that hangs is given up soon (the proxy hangs for longer).
SETTINGS = {"PUBLISH_PER_DAY": "1000", "PUBLISH_TIMEOUT_SECONDS": "3"}


class World(Protocol):
    """``asked_for`` is what the form of connecting says, ``back`` consents and returns the way back."""

    app: Flask
    client: FlaskClient

    @property
    def proxy(self) -> Cutting: ...
    @property
    def asked_for(self) -> dict[str, str]: ...
    def back(self, going: str) -> str: ...
    def there(self, post_: Any) -> list[Any]: ...


def whole(method: str, path: str) -> str:
    return ""


def cut_every_call(
    world: World, name: str, act: Callable[[Any], object], judge: Callable[[Any], str], prepare: Any = None
) -> None:
    """Learn the calls of ``act`` in peace, then spoil each; ``judge`` says what came of it, or fails."""

    def run(plan: Callable[[str, str], str]) -> str:
        world.proxy.plan = whole
        prepared = prepare() if prepare else None
        world.proxy.calls.clear()
        world.proxy.plan = plan
        try:
            act(prepared)
        finally:
            world.proxy.plan = whole
        return judge(prepared)

    def spoil(place: int, turn: int) -> Callable[[str, str], str]:
        def plan(method: str, path: str) -> str:
            now = len(world.proxy.calls) - 1
            return FAULTS[turn % len(FAULTS)] if now == place or (turn % 2 and now == place + 1) else ""

        return plan

    run(whole)
    calls = list(world.proxy.calls)
    ends: Counter[str] = Counter()
    assert calls, "nothing was called"
    for place, call in enumerate(calls):
        for turn in range(CUTS):
            try:
                ends[run(spoil(place, turn))] += 1
            except Exception as error:
                fault = FAULTS[turn % len(FAULTS)]
                raise AssertionError(f"{name}: {fault} at {call}, turn {turn}: {error}") from error
    print(f"{name}: {len(calls)} calls, each {CUTS} times: {dict(ends)}")


def hurry(app: Flask) -> None:
    """Let what waits be due at once: the server's clock is the real one, and proofs are of this minute."""
    for _ in range(20):
        run_work(app)
        if not any_open():
            return
        ago = timedelta(minutes=11)
        with transaction():
            for row in db.session.scalars(
                select(Assignment).where(Assignment.state.in_(("scheduled", "publishing")))
            ):
                row.next_attempt_at = clock.now()
                row.leased_until = clock.now() if row.state == "publishing" else None
                row.last_tried_at = row.last_tried_at - ago if row.last_tried_at else None
            for account in db.session.scalars(select(SocialAccount)):
                account.refreshed_at = account.refreshed_at - ago if account.refreshed_at else None


class Story:
    """What a person does on a platform, and what must be so after it whatever happened to a call."""

    def __init__(self, world: World, what: str = "clip", **answers: str) -> None:
        self.world, self.what, self.answers, self.number = world, what, answers, 0

    # Connecting

    def connect(self, _prepared: Any = None) -> None:
        asked = post(self.world.client, "/partner/accounts/connect", self.world.asked_for)
        assert asked.status_code == 303
        run_work(self.world.app)
        page = unescape(self.world.client.get(asked.headers["Location"]).get_data(as_text=True))
        if found := re.search(r'href="(http[^"]+/auth(?:orize)?\?[^"]*)"', page):
            assert self.world.client.get(self.world.back(found[1])).status_code == 303
            run_work(self.world.app)

    def is_connected_or_refused(self, _prepared: Any) -> str:
        """Nothing in between; who was refused connects the next time."""
        db.session.rollback()
        newest = select(ConnectRequest).order_by(ConnectRequest.created_at.desc()).limit(1)
        request = db.session.scalars(newest).one()
        state = request.state
        assert state in ("connected", "refused"), (state, request.reason)
        account = self.account()
        assert account is None or account.oauth_json is not None
        if state == "refused":
            self.connect()
        assert self.account() is not None and self.account().state == "connected"  # type: ignore[union-attr]
        return state

    def account(self) -> SocialAccount | None:
        db.session.rollback()
        return db.session.scalar(select(SocialAccount).where(SocialAccount.state != "disconnected"))

    def connected(self) -> SocialAccount:
        """Return the account, connected; whatever else is there waits no more, and is of another day."""
        with transaction():
            other_day = clock.now() - timedelta(days=2)
            db.session.execute(update(Assignment).values(next_attempt_at=None, publish_at=other_day))
        found = self.account()
        if found is None or found.state != "connected":
            self.connect()
            found = self.account()
        assert found is not None and found.state == "connected"
        return found

    # Publishing

    def new_post(self) -> Any:
        account = self.connected()
        self.number += 1
        made = PostFactory(partner_id=account.partner_id, title=f"Heure {self.number}", hashtags="#ia")
        if self.what == "clip":
            give_clip(made)
        return made

    def publish(self, made: Any) -> None:
        account = self.account()
        assert account is not None
        answer = confirm(self.world.client, made.id, self.what, account=account.id, **self.answers)
        assert answer.status_code == 303
        hurry(self.world.app)

    def is_there_once(self, made: Any) -> str:
        """Published and there once; an account that must be connected again is, and then it goes out."""
        account, end = self.account(), "published"
        assert account is not None
        if account.state == "reauth":
            assert row_of(made).state == "scheduled"
            end = "published, connected again"
            self.connect()
            hurry(self.world.app)
        row = row_of(made)
        state = (row.state, row.reason, len(self.world.there(made)))
        assert state == ("published", None, 1), state
        return end

    def post_with_a_token_that_ends(self) -> Any:
        made = self.new_post()
        with transaction():
            in_use = select(SocialAccount).where(SocialAccount.state == "connected")
            account = db.session.scalars(in_use).one()
            account.expires_at = clock.now() + timedelta(minutes=4)
            account.refreshed_at = clock.now() - timedelta(minutes=11)
        return made

    # Afterwards

    def published(self) -> Any:
        made = self.new_post()
        self.publish(made)
        assert row_of(made).state == "published"
        return made

    def count(self, made: Any) -> None:
        with transaction():
            db.session.get_one(Assignment, row_of(made).id).next_attempt_at = clock.now()
        run_work(self.world.app)

    def is_still_there(self, made: Any) -> str:
        state = (row_of(made).state, len(self.world.there(made)))
        assert state == ("published", 1), state
        return "still there"

    def delete(self, made: Any) -> None:
        answer = post(self.world.client, "/byop/publish/delete", {"assignment": row_of(made).id})
        assert answer.status_code == 303
        run_work(self.world.app)

    def is_gone_when_we_say_so(self, made: Any) -> str:
        end = row_of(made).state
        there = len(self.world.there(made))
        assert (end, there) != ("deleted", 1)
        for _ in range(3):
            if row_of(made).state != "deleted":
                self.count(made)
        assert (row_of(made).state, len(self.world.there(made))) == ("deleted", 0)
        return "deleted" if end == "deleted" else "deleted at the next try"

    def disconnect(self, account: SocialAccount) -> None:
        answer = post(self.world.client, "/partner/accounts/disconnect", {"account": account.id})
        assert answer.status_code == 303
        run_work(self.world.app)

    def is_told(self, account: SocialAccount) -> str:
        """Erased here at once, and told there, by the next hour's maintenance where it was lost."""
        db.session.rollback()
        ended = db.session.get_one(SocialAccount, account.id)
        assert (ended.state, ended.oauth_json) == ("disconnected", None)
        end = "told" if ended.revoke_json is None else "told an hour later"
        db.session.rollback()
        revoking.revoke_left()
        db.session.rollback()
        assert db.session.get_one(SocialAccount, account.id).revoke_json is None
        return end

    def tell(
        self, platform: str, *, refreshes: bool = True, deletes: bool = True, counts: bool = True
    ) -> None:
        """Cut every call of every chapter."""
        self.connected()
        cut_every_call(self.world, f"{platform} connect", self.connect, self.is_connected_or_refused)
        publish = self.publish, self.is_there_once
        cut_every_call(self.world, f"{platform} publish", *publish, self.new_post)
        if refreshes:
            ends = self.post_with_a_token_that_ends
            cut_every_call(self.world, f"{platform} refresh and publish", *publish, ends)
        if counts:
            cut_every_call(self.world, f"{platform} count", self.count, self.is_still_there, self.published)
        if deletes:
            gone = self.is_gone_when_we_say_so
            cut_every_call(self.world, f"{platform} delete", self.delete, gone, self.published)
        cut_every_call(self.world, f"{platform} revoke", self.disconnect, self.is_told, self.connected)
