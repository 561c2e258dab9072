"""The demo programme: whole at the first run, untouched at the second."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from contentflow import demo, demo_clips
from contentflow.byop.models import Submission
from contentflow.core.db import db
from contentflow.ledger.models import LedgerTransaction
from contentflow.links.channels import CHANNELS
from contentflow.links.models import Click, Link
from contentflow.links.verdicts import Verdict
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset


def seen(partner: str) -> tuple[set[str], set[str]]:
    mine = select(Link.channel, Click.verdict).join(Click, Click.link_id == Link.id).join(Partner)
    rows = db.session.execute(mine.where(Partner.email == partner).distinct()).all()
    return {row.channel for row in rows}, {row.verdict for row in rows}


def test_the_demo_shows_every_verdict_and_channel(app: Flask):
    demo.fill()

    channels, verdicts = seen(demo.ALICE)
    people = db.session.scalars(select(Partner.is_operator)).all()
    assert channels == set(CHANNELS)
    assert verdicts == {str(verdict) for verdict in Verdict}
    assert sorted(people) == [False, False, False, True]


def test_a_second_run_keeps_the_data(app: Flask):
    demo.fill()
    before = db.session.scalar(select(func.count()).select_from(Click))
    db.session.rollback()

    demo.fill()

    assert db.session.scalar(select(func.count()).select_from(Click)) == before


def test_the_welcome_ends_with_a_login_url(app: Flask):
    demo.fill()

    assert demo.welcome().rpartition("https://share.example.org/partner/login/")[2].strip()


def clip_of(number: int) -> Asset:
    own = select(Asset).join(Submission, Submission.asset_id == Asset.id)
    return db.session.scalars(own.where(Submission.nonce == f"demo-{number}")).one()


def test_a_finished_clip_is_public_from_the_first_moment(app: Flask, client: FlaskClient):
    demo.fill()

    own = select(Link.code).where(Link.asset_id == clip_of(0).id, Link.channel == "copy")
    code = db.session.scalars(own).one()
    db.session.rollback()
    assert "<video" in client.get(f"/p/{code}").get_data(as_text=True)
    assert client.get(f"/p/{code}/clip.mp4").data[4:8] == b"ftyp"
    assert client.get(f"/p/{code}/poster.jpg").data.startswith(b"\xff\xd8")


def test_another_video_goes_through_the_pipeline_and_will_wait_for_approval(app: Flask):
    demo.fill()

    asset = clip_of(1)
    assert (asset.state, asset.has_video, asset.approved_render_id) == ("new", True, None)
    assert asset.original_at is not None


def test_without_ffmpeg_the_finished_clip_is_there_and_nothing_fails(
    app: Flask, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(demo_clips, "find_program", lambda: None)

    demo.fill()

    assert (clip_of(0).is_approved, clip_of(1).has_video) == (True, False)


def test_a_render_with_another_mention_is_not_shown(make_app: Any):
    with make_app(AD_DISCLOSURE="Collaboration commerciale").app_context():
        demo.fill()

        assert (clip_of(0).state, clip_of(0).approved_render_id) == ("new", None)
        db.session.rollback()


def test_sales_fall_on_many_days(app: Flask):
    demo.fill()

    days = {at.date() for at in db.session.scalars(select(LedgerTransaction.posted_at)).all()}
    assert len(days) >= 8
