"""What an operator does at the command line."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.publishing import administration, restored
from contentflow.publishing.models import Assignment, SocialAccount
from tests.publishing.conftest import confirm


def run(app: Flask, *arguments: str) -> tuple[int, Any]:
    result = app.test_cli_runner().invoke(args=[*arguments, "--json"])
    return result.exit_code, json.loads(result.stdout) if result.stdout.strip() else None


def test_platforms_are_listed_with_what_is_true_of_them(app: Flask) -> None:
    code, listed = run(app, "platform", "list")

    found = {one["platform"]: one for one in listed}
    assert code == 0
    assert found["mastodon"] == {
        "platform": "mastodon", "set_up": True, "reach": "public", "paused": False, "accounts": 0,
    }  # fmt: skip
    assert found["instagram"]["reach"] == "hand"
    assert len(found) == 10


def test_a_pause_is_shown_ended_and_on_record(app: Flask) -> None:
    assert run(app, "platform", "pause", "mastodon")[0] == 0
    assert {one["platform"] for one in run(app, "platform", "list")[1] if one["paused"]} == {"mastodon"}
    assert run(app, "platform", "resume", "mastodon")[0] == 0
    assert not any(one["paused"] for one in run(app, "platform", "list")[1])
    db.session.rollback()
    assert [one.act for one in db.session.scalars(select(AuditEntry).order_by(AuditEntry.recorded_at))] == [
        "platform.pause",
        "platform.resume",
    ]


def test_an_unknown_platform_is_no_command(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["platform", "pause", "myspace"]).exit_code != 0


@pytest.mark.parametrize("state", ["published", "failed"])
def test_an_unknown_publication_is_settled_once(
    app: Flask, alice_client: FlaskClient, clip_post: Any, state: str
) -> None:
    confirm(alice_client, clip_post.id, platform="x")
    row = db.session.scalars(select(Assignment)).one()
    row_id = row.id
    db.session.rollback()
    assert run(app, "assignment", "settle", row_id, state)[0] == 1
    with transaction():
        db.session.get_one(Assignment, row_id).state = "unknown"

    assert [one["id"] for one in run(app, "assignment", "list", "--state", "unknown")[1]] == [row_id]
    assert run(app, "assignment", "settle", row_id, state)[0] == 0
    assert run(app, "assignment", "settle", row_id, state)[0] == 1
    db.session.rollback()
    assert db.session.get_one(Assignment, row_id).state == state
    assert db.session.scalars(select(AuditEntry)).one().act == f"assignment.{state}"


def test_an_address_that_is_none_settles_nothing(app: Flask) -> None:
    assert run(app, "assignment", "settle", "x" * 22, "published", "--url", "javascript:alert(1)")[0] == 1


def test_doctor_names_what_rests_and_what_nobody_knows(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    assert administration.check_publishing() is None
    confirm(alice_client, clip_post.id, platform="x")
    with transaction():
        db.session.scalars(select(Assignment)).one().state = "unknown"
    assert "assignment list" in str(administration.check_publishing())
    run(app, "platform", "pause", "mastodon")
    assert "mastodon" in str(administration.check_publishing())


def test_what_the_original_may_have_published_is_left_to_its_partner(
    app: Flask, alice_client: FlaskClient, clip_post: Any
) -> None:
    account = SocialAccount(id="A" * 22, partner_id=clip_post.partner_id, platform="mastodon", host="a.fr")
    account.remote_id, account.handle, account.scope = "1", "@a@a.fr", ""
    with transaction():
        db.session.add(account)
    confirm(alice_client, clip_post.id, platform="x")
    confirm(alice_client, clip_post.id, account="A" * 22)
    with transaction():
        db.session.execute(update(Assignment).values(created_at=clock.now() - timedelta(hours=1)))
        assert restored.give_up_doubtful(clock.now() - timedelta(minutes=1), clock.now()) == 1

    db.session.rollback()
    states = {one.platform: one.state for one in db.session.scalars(select(Assignment))}
    assert states == {"mastodon": "unknown", "x": "needs_hand"}


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, ""),
        ({"YOUTUBE_CLIENT_ID": "x"}, "YOUTUBE_CLIENT_SECRET"),
        ({"TIKTOK_CLIENT_SECRET": "x"}, "TIKTOK_CLIENT_SECRET"),
        ({"YOUTUBE_CLIENT_ID": "x", "YOUTUBE_CLIENT_SECRET": "y"}, "YOUTUBE_AUDITED"),
        ({"YOUTUBE_CLIENT_ID": "x", "YOUTUBE_CLIENT_SECRET": "y", "YOUTUBE_AUDITED": "true"}, ""),
        ({"TIKTOK_CLIENT_KEY": "x", "TIKTOK_CLIENT_SECRET": "y"}, ""),
    ],
)
def test_the_doctor_names_a_platform_that_cannot_work(
    make_app: Any, chosen: dict[str, str], said: str
) -> None:
    with make_app(**chosen).app_context():
        found = str(administration.check_publishing() or "")

    assert said in found and bool(said) == bool(found)
