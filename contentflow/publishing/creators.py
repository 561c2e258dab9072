"""What a TikTok account's owner may choose for a post: asked by the worker, kept for some seconds.

A page never waits for TikTok: it shows what is kept, or asks the worker for it and looks again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from contentflow.core import clock
from contentflow.core.broker import enqueue_now
from contentflow.core.db import db, transaction
from contentflow.publishing.models import SocialAccount
from contentflow.publishing.plan import Plan
from contentflow.publishing.platforms import Creator

ASK = "publishing.creator"
# A form that is opened asks anew; one that is shown again with its mistakes keeps its questions for an hour.
OPENED, AGAIN = timedelta(seconds=60), timedelta(hours=1)
# That TikTok did not say is kept for less: whoever loads the page again asks again.
SILENCE = timedelta(seconds=10)


class CreatorAnswer(NamedTuple):
    """``creator`` is None while it is waited for, and where TikTok did not say."""

    creator: Creator | None = None
    is_pending: bool = False


def answers(
    plans: Iterable[Plan], accounts: Mapping[str, SocialAccount], max_age: timedelta
) -> dict[str, CreatorAnswer]:
    """Return what is kept for each account that TikTok has questions for; the worker asks for the others."""
    asking = [one.target.account_id for one in plans if one.asks_creator and not one.is_refused]
    found = {account_id: _kept(accounts[account_id], max_age) for account_id in asking if account_id}
    for account_id, answer in found.items():
        if answer.is_pending:
            enqueue_now(ASK, account_id)
    return found


def _kept(account: SocialAccount, max_age: timedelta) -> CreatorAnswer:
    told = account.limits.get("creator")
    life = max_age if told else SILENCE
    age = clock.now() - datetime.fromisoformat(account.limits.get("creator_at") or "1970-01-01T00:00:00Z")
    if not timedelta(0) <= age <= life:
        return CreatorAnswer(is_pending=True)
    if not told:
        return CreatorAnswer()
    may, allows = tuple(told["privacies"]), frozenset(told["allows"])
    return CreatorAnswer(Creator(told["name"], told["username"], may, allows))


def ask(account_id: str) -> None:
    """Task: ask TikTok and keep what it says. A second message about it does nothing."""
    from contentflow.publishing.tiktok import (
        creator_of,  # What speaks to platforms is no part of a web process.
    )

    account = db.session.get(SocialAccount, account_id)
    is_asked = account is not None and account.state == "connected" and _kept(account, OPENED).is_pending
    db.session.rollback()
    if not is_asked:
        return
    creator = creator_of(account_id)
    told = None
    if creator is not None:
        told = {
            "name": creator.name,
            "username": creator.username,
            "privacies": list(creator.privacies),
            "allows": sorted(creator.allows),
        }
    with transaction():
        found = db.session.get(SocialAccount, account_id, with_for_update=True, populate_existing=True)
        if found is not None:
            found.limits = {**found.limits, "creator": told, "creator_at": clock.iso(clock.now())}
