"""The demo programme: whole at the first run, untouched at the second."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import func, select

from contentflow import demo
from contentflow.core.db import db
from contentflow.links.channels import CHANNELS
from contentflow.links.models import Click, Link
from contentflow.links.verdicts import Verdict
from contentflow.partners.models import Partner


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
