"""A post's links and the counts of their clicks."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select

from contentflow.core.db import db, transaction
from contentflow.core.registry import registry
from contentflow.links import services
from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.links.models import Click, Link
from tests.links.visitors import LAPTOP, PHONE, link_of, visit


def test_a_post_has_one_link_a_channel_and_a_direct_one(app: Flask, alices_post: Any) -> None:
    links = services.links_of(alices_post.id)

    assert set(links) == {*CHANNELS, DIRECT}
    assert all(len(link.code) == 7 and link.code.isalnum() for link in links.values())
    assert len({link.code for link in links.values()}) == len(links)
    assert {link.destination for link in links.values()} == {"https://nova.example.com/?c={click_id}"}


def test_a_code_that_is_taken_is_drawn_again(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = link_of(alices_post).code
    drawn = iter([taken, taken, *(f"fresh{number:02}" for number in range(20))])
    monkeypatch.setattr(services, "short_code", lambda: next(drawn))
    with transaction():
        db.session.execute(delete(Link).where(Link.code != taken))
        db.session.execute(Link.__table__.update().values(variant="b"))

    with transaction():
        made = services.make_links(
            alices_post.id, alices_post.partner_id, alices_post.asset_id, alices_post.offer_id, "https://a.b/"
        )
        codes = [link.code for link in made]

    assert codes[0] == "fresh00"
    assert taken not in codes


def test_a_links_address_is_the_public_one(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)

    assert services.link_url(link) == f"https://share.example.org/l/{link.code}"


def test_a_link_is_found_by_its_code_as_it_is_written(app: Flask, alices_post: Any) -> None:
    code = link_of(alices_post).code

    found = services.find_link(code)

    assert found is not None
    assert found.channel == "whatsapp"
    assert services.find_link(code.swapcase()) is None


def test_disabling_a_post_leaves_the_others_alone(app: Flask, alices_post: Any) -> None:
    with transaction():
        services.disable_links("another post")

    assert all(link.disabled_at is None for link in services.links_of(alices_post.id).values())


def test_clicks_are_counted_by_verdict_and_valid_ones_by_channel(app: Flask, alices_post: Any) -> None:
    whatsapp, x = (f"/l/{link_of(alices_post, channel).code}" for channel in ("whatsapp", "x"))
    for path, agent in ((whatsapp, PHONE), (whatsapp, PHONE), (whatsapp, LAPTOP), (x, PHONE), (x, "curl/8")):
        visit(app, path, agent)

    ids = [alices_post.id, "a post without clicks"]

    assert services.verdict_counts(ids) == {
        alices_post.id: {"valid": 3, "duplicate": 1, "bot": 1},
        "a post without clicks": {},
    }
    assert services.valid_by_channel(ids) == {
        alices_post.id: {"whatsapp": 2, "x": 1},
        "a post without clicks": {},
    }


def test_no_posts_have_no_counts(app: Flask) -> None:
    assert services.verdict_counts([]) == {}


def test_valid_clicks_a_day_are_by_french_day_and_hold_empty_days(app: Flask, alices_post: Any) -> None:
    moments = [(1, 23, 59), (2, 0, 0), (2, 1, 1), (4, 12, 0)]
    for day, hour, minute in moments:
        with time_machine.travel(dt.datetime(2026, 3, day, hour, minute, tzinfo=dt.UTC), tick=False):
            visit(app, f"/l/{link_of(alices_post).code}", ip=f"203.0.113.{day}{hour}")

    with time_machine.travel(dt.datetime(2026, 3, 4, 22, 30, tzinfo=dt.UTC), tick=False):
        counted = services.daily_valid(alices_post.partner_id, 3)

    assert counted == [(dt.date(2026, 3, 2), 3), (dt.date(2026, 3, 3), 0), (dt.date(2026, 3, 4), 1)]


def test_the_export_lists_each_link(app: Flask, alices_post: Any) -> None:
    rows = registry().exports["links"](alices_post.partner_id)

    assert len(rows) == len(CHANNELS) + 1
    code = link_of(alices_post).code
    assert {
        "code": code,
        "url": f"https://share.example.org/l/{code}",
        "submission_id": alices_post.id,
        "channel": "whatsapp",
        "variant": "",
    } in rows


def test_nobody_exports_anothers_clicks(app: Flask, alices_post: Any, bob: Any) -> None:
    visit(app, f"/l/{link_of(alices_post).code}")

    assert registry().exports["clicks"](bob.id) == []
    assert len(registry().exports["clicks"](alices_post.partner_id)) == 1


def test_the_erasure_of_a_partner_disables_their_links(app: Flask, alices_post: Any) -> None:
    with transaction():
        services.disable_links_of_partner(alices_post.partner_id)

    assert db.session.scalars(select(Link).where(Link.disabled_at.is_(None))).all() == []
    assert db.session.scalars(select(Click)).all() == []
