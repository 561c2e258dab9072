"""Erasing thousands of posts: the person is out at once, and nobody waits for the rest."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from contentflow.byop import erasure as byop_erasure
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.partners import erasure
from contentflow.partners import services as partners
from contentflow.partners.models import Erasure
from contentflow.pipeline import services as pipeline
from contentflow.portal import services as portal
from tests.factories.posts import PostFactory
from tests.house import browser, post, run_work
from tests.portal.test_erase import TRACES, everything, full_life

__all__ = ["full_life"]
POSTS = 24


@pytest.fixture
def many(app: Flask, alice: Any, offer: Any, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Alice has 24 posts, and a step takes five of them."""
    monkeypatch.setattr(byop_erasure, "AT_ONCE", 5)
    return [PostFactory(partner_id=alice.id, title=f"Une heure gagnée {n}").id for n in range(POSTS)]


def begin(partner_id: str) -> None:
    with transaction():
        portal.erase(partner_id, "ERASE")


def words_left() -> int:
    db.session.rollback()
    left = db.session.scalar(text("SELECT count(*) FROM byop_submissions WHERE title <> ''"))
    db.session.rollback()
    return int(left or 0)


def erasures() -> int:
    left = len(db.session.scalars(db.select(Erasure.partner_id)).all())
    db.session.rollback()
    return left


def test_others_write_between_two_steps(app: Flask, alice: Any, many: list[str], monkeypatch: Any):
    left: list[int] = []

    def meanwhile(_seconds: float) -> None:
        with db.engine.connect() as other:  # Another connection than the eraser's.
            other.execute(text("DELETE FROM heartbeats WHERE name = 'nobody'"))
            other.commit()
        left.append(words_left())

    monkeypatch.setattr(erasure.time, "sleep", meanwhile)
    begin(alice.id)

    assert erasure.finish(alice.id)

    assert sorted({count for count in left if count}) == [4, 9, 14, 19, 24]
    assert (words_left(), erasures()) == (0, 0)


def test_after_the_first_step_nothing_goes_on_in_the_persons_name(
    app: Flask, alice: Any, alice_client: FlaskClient, many: list[str]
):
    fields = {"sid": many[0], "emails": "friend@example.org", "consent": "1", "nonce": "n"}
    post(alice_client, "/byop/email", fields)
    codes = [links.links_of(one)["x"].code for one in (many[0], many[-1])]
    db.session.rollback()

    begin(alice.id)

    assert words_left() == POSTS  # Nothing of this waits for the words.
    assert alice_client.get("/partner/portal").status_code == 303
    assert [browser(app).get(f"/{way}/{code}").status_code for code in codes for way in "lp"] == [410] * 4
    assert partners.find_partner_by_email("alice@example.org") is None
    with time_machine.travel(clock.now() + timedelta(seconds=45)):
        run_work(app)
    states = db.session.scalars(text("SELECT state FROM deliveries")).all()
    db.session.rollback()
    assert states == ["cancelled"]


def test_what_a_killed_process_left_is_erased_by_the_worker(
    app: Flask, alice_client: FlaskClient, full_life: Any, alice: Any, many: Any, monkeypatch: Any
):
    steps = iter(range(2))
    erase = pipeline.erase_assets

    def erase_until_killed(ids: list[str]) -> None:
        if next(steps, None) is None:
            raise SystemExit
        erase(ids)

    monkeypatch.setattr(pipeline, "erase_assets", erase_until_killed)
    with pytest.raises(SystemExit):
        post(alice_client, "/partner/erase", {"confirm": "ERASE"})
    monkeypatch.setattr(pipeline, "erase_assets", erase)
    assert (erasures(), b"Une heure gagn" in everything(app)) == (1, True)

    erasure.finish_left()
    assert erasures() == 1  # It may be at work still.
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        erasure.finish_left()

    assert erasures() == 0
    after = everything(app)
    assert [trace for trace in (*TRACES, *full_life) if trace.encode() in after] == []


def test_a_request_does_not_last_longer_than_people_wait(
    app: Flask, alice: Any, many: list[str], monkeypatch: Any
):
    begin(alice.id)
    monkeypatch.setattr(erasure, "PAUSE_SECONDS", 0.2)

    for seconds in (0.7, 1.4, 2.8, 5.6):  # Other steps come first, however long they take.
        assert erasure.finish(alice.id, seconds=seconds) is False
        if words_left() < POSTS:
            break
    assert 0 < words_left() < POSTS
    with time_machine.travel(clock.now() - timedelta(days=1)):  # A clock that steps back delays nothing.
        erasure.finish_left()

    assert (words_left(), erasures()) == (0, 0)


def test_an_address_goes_from_the_sends_of_others_a_step_at_a_time(
    app: Flask, alice: Any, full_life: Any, monkeypatch: Any
):
    from contentflow.consent import retention

    monkeypatch.setattr(retention, "AT_ONCE", 1)
    begin(alice.id)

    erasure.finish(alice.id)

    assert b"alice@example.org" not in everything(app)
    assert b"friend@example.org" not in everything(app)
