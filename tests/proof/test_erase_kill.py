"""Erasing 2,000 posts, killed in the middle: writers hardly wait, and the worker ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import insert, text

from contentflow.byop.models import Submission
from contentflow.config import ROOT
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id, short_code
from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.links.models import Link
from contentflow.partners import erasure
from contentflow.pipeline.models import Asset
from tests.conftest import BASE_ENV

pytestmark = [pytest.mark.proof, pytest.mark.alone]
POSTS = 2_000
ERASER = """
import sys
from contentflow import create_app
from contentflow.core.db import transaction
from contentflow.partners import erasure
from contentflow.portal import services
with create_app().app_context():
    with transaction():
        services.erase(sys.argv[1], "ERASE")
    print("out", flush=True)
    erasure.finish(sys.argv[1], 60)
    print("done", flush=True)
"""


@pytest.fixture
def many(app: Flask, alice: Any, offer: Any) -> None:
    rows: dict[type, list[dict[str, Any]]] = {Asset: [], Submission: [], Link: []}
    for number in range(POSTS):
        asset, post = new_id(), new_id()
        details = {"source": "byop", "owner_partner_id": alice.id, "title": f"Secret {number}"}
        rows[Asset].append(
            {"id": asset, "state": "ready", "details": details, "has_video": False, "partner_id": alice.id}
        )
        common = {"partner_id": alice.id, "asset_id": asset, "offer_id": offer.id}
        terms = {"status": "ready", "revshare_bp": 4000, "nonce": new_id(), "draft_hash": new_id()}
        rows[Submission].append({"id": post, "title": f"Secret {number}", **common, **terms})
        for channel in (*CHANNELS, DIRECT):
            place = {"submission_id": post, "channel": channel, "code": short_code()}
            rows[Link].append({"id": new_id(), "destination": offer.url, **common, **place})
    with transaction():
        for model, values in rows.items():
            db.session.execute(insert(model), values)


def start(app: Flask, partner_id: str) -> subprocess.Popen[str]:
    chosen = app.config["CONTENTFLOW"]
    own = {"DATA_DIR": str(chosen.data_dir), "DATABASE_URL": chosen.database_url}
    return subprocess.Popen(
        [sys.executable, "-c", ERASER, partner_id],
        cwd=ROOT,
        env={**os.environ, **BASE_ENV, **own},
        stdout=subprocess.PIPE,
        text=True,
    )


def longest_wait(eraser: subprocess.Popen[str], enough: int) -> float:
    """Write again and again until so many posts are left; return the seconds that the slowest write took."""
    longest = 0.0
    while eraser.poll() is None and words_left() > enough:
        began = time.monotonic()
        with transaction():
            db.session.execute(text("UPDATE offers SET brand_words = 'x'"))
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.005)
    return longest


def words_left() -> int:
    db.session.rollback()
    left = int(db.session.scalar(text("SELECT count(*) FROM byop_submissions WHERE title <> ''")) or 0)
    db.session.rollback()
    return left


def test_two_thousand_posts_go_in_steps_and_a_kill_leaves_none(app: Flask, alice: Any, many: None):
    eraser = start(app, alice.id)
    assert eraser.stdout is not None and eraser.stdout.readline() == "out\n"

    waited = longest_wait(eraser, POSTS // 2)
    eraser.send_signal(signal.SIGKILL)
    eraser.wait()
    eraser.stdout.close()

    print(f"the slowest write took {waited:.3f} s")
    assert 0 < words_left() < POSTS
    assert waited < 0.8
    with time_machine.travel(clock.now() + timedelta(seconds=61)):
        erasure.finish_left()
    assert words_left() == 0
    assert (
        db.session.scalar(text("SELECT count(*) FROM assets WHERE CAST(metadata AS text) LIKE '%Secret%'"))
        == 0
    )
