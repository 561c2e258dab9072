"""An asset's way from new to ready, and who is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask import Flask

from contentflow.core import clock
from contentflow.core.broker import broker
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound
from contentflow.pipeline import services, tasks
from contentflow.pipeline.models import Asset
from tests.house import run_work

WORDS = {"title": "Titre", "description": "Texte", "hashtags": "#ia", "cta": "Essaye"}


def make(download_url: str = "") -> str:
    with transaction():
        return services.create_asset_for_byop("alice", **WORDS, download_url=download_url).id


def asset(asset_id: str) -> Asset:
    db.session.rollback()
    return services.get_asset(asset_id)


def test_an_asset_is_new_and_carries_all_that_was_brought(app: Flask):
    made = asset(make("https://video.example.com/1"))

    assert (made.state, made.has_video, made.attempts) == ("new", True, 0)
    assert made.details == {
        "source": "byop",
        "owner_partner_id": "alice",
        "download_url": "https://video.example.com/1",
        **WORDS,
    }


def test_the_worker_makes_words_alone_ready(app: Flask):
    made = make()

    run_work(app)

    assert (asset(made).state, asset(made).lease) == ("ready", None)


def test_the_sweep_finds_an_asset_whose_message_was_lost(app: Flask):
    made = make()
    broker().queue("mail").flush()

    run_work(app)

    assert asset(made).state == "ready"


def test_nothing_is_enqueued_for_an_asset_that_was_rolled_back(app: Flask):
    with pytest.raises(ZeroDivisionError), transaction():
        services.create_asset_for_byop("alice", **WORDS, download_url="")
        raise ZeroDivisionError

    assert broker().queue("mail").pending_count() == 0
    assert db.session.query(Asset).count() == 0


def test_a_second_message_does_nothing(app: Flask):
    told: list[str] = []
    services.on_finished(app, lambda ended: told.append(ended.id))
    made = make()

    tasks.prepare(made)
    tasks.prepare(made)

    assert told == [made]


def test_subscribers_are_told_in_the_transaction_that_writes_the_end(app: Flask):
    made = make()

    def refuse(ended: Asset) -> None:
        assert ended.state == "ready"
        raise ZeroDivisionError

    services.on_finished(app, refuse)
    with pytest.raises(ZeroDivisionError):
        tasks.prepare(made)

    assert asset(made).state == "processing"


def test_an_asset_of_a_dead_worker_is_taken_again_after_its_lease(app: Flask):
    made = make()
    with transaction():
        assert services.claim_words(made)
    assert services.due_words() == []

    with time_machine.travel(clock.now() + timedelta(seconds=31), tick=False):
        run_work(app)

    assert (asset(made).state, asset(made).attempts) == ("ready", 2)


def test_a_worker_that_was_given_up_for_dead_writes_nothing(app: Flask):
    made = make()
    with transaction():
        old = services.claim_words(made)
    with time_machine.travel(clock.now() + timedelta(seconds=31), tick=False), transaction():
        services.claim_words(made)

    assert old is not None
    with transaction():
        services.finish_words(old)

    assert asset(made).state == "processing"


def test_after_five_lost_tries_an_asset_fails_with_a_reason(app: Flask):
    made = make()
    with transaction():
        db.session.get_one(Asset, made).attempts = 5

    tasks.prepare(made)

    assert asset(made).state == "failed"
    assert "interrompue plusieurs fois" in (services.reason_sentence(asset(made).reason) or "")


def test_mended_words_leave_the_rest_of_the_details(app: Flask):
    made = make("https://video.example.com/1")

    with transaction():
        services.update_details(made, title="Autre", description="", hashtags="", cta="")

    assert asset(made).details["title"] == "Autre"
    assert asset(made).details["download_url"] == "https://video.example.com/1"


def test_an_unknown_asset_is_not_found(app: Flask):
    with pytest.raises(NotFound):
        services.get_asset("nobody")
