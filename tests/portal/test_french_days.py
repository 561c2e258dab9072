"""A day is a day in France: sums of clicks, charts, reports and what clicks earn."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
import time_machine
from babel.dates import format_date
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.links.models import Click, LinkDay, PartnerDay

# Around midnight in Paris, in winter and in summer, and around both changes of the clock.
MOMENTS = [
    ("2026-01-14 22:59:59", "2026-01-14"),
    ("2026-01-14 23:00:00", "2026-01-15"),
    ("2026-07-14 21:59:59", "2026-07-14"),
    ("2026-07-14 22:00:00", "2026-07-15"),
    ("2026-03-28 22:59:59", "2026-03-28"),
    ("2026-03-28 23:00:00", "2026-03-29"),
    ("2026-03-29 00:59:59", "2026-03-29"),
    ("2026-03-29 21:59:59", "2026-03-29"),
    ("2026-03-29 22:00:00", "2026-03-30"),
    ("2026-10-24 21:59:59", "2026-10-24"),
    ("2026-10-24 22:00:00", "2026-10-25"),
    ("2026-10-25 22:59:59", "2026-10-25"),
    ("2026-10-25 23:00:00", "2026-10-26"),
    ("2026-12-31 23:00:00", "2027-01-01"),
    ("2024-03-31 21:30:00", "2024-03-31"),
    ("2025-10-26 22:59:00", "2025-10-26"),
]


@pytest.mark.parametrize(("moment", "day"), MOMENTS)
def test_a_click_counts_on_its_day_in_france(alices_post, click, moment: str, day: str):
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    click("x", clicked_at=at)

    assert clock.day_of(at) == date.fromisoformat(day)
    for table in (LinkDay, PartnerDay):
        assert list(db.session.scalars(select(table.day))) == [date.fromisoformat(day)]


def test_every_evening_of_three_years_falls_on_the_day_that_the_zone_says(alices_post):
    own, start = links.links_of(alices_post.id)["x"], datetime(2024, 1, 1, 0, 30, tzinfo=UTC)
    hours = [
        start + timedelta(days=day, hours=hour) for day in range(3 * 365) for hour in (0, 20, 21, 22, 23)
    ]
    expected = {}
    for at in hours:
        expected[clock.day_of(at)] = expected.get(clock.day_of(at), 0) + 1
    with transaction():
        links.add_clicks(
            Click(
                link_id=own.id,
                partner_id=own.partner_id,
                clicked_at=at,
                verdict="valid",
                agent_class="mobile",
            )
            for at in hours
        )

    assert {
        day: number for day, number in db.session.execute(select(LinkDay.day, LinkDay.clicks))
    } == expected


def test_a_changed_verdict_moves_on_the_same_day(alices_post, click):
    found = click("x", clicked_at=datetime(2026, 7, 14, 22, 30, tzinfo=UTC))

    with transaction():
        db.session.get_one(Click, found).verdict = "bot"

    rows = db.session.execute(select(LinkDay.day, LinkDay.verdict, LinkDay.clicks)).all()
    assert sorted(tuple(row) for row in rows) == [
        (date(2026, 7, 15), "bot", 1),
        (date(2026, 7, 15), "valid", 0),
    ]


def test_the_days_of_the_chart_end_today_in_france(alice_client, alice, alices_post, click):
    with time_machine.travel(datetime(2026, 11, 27, 23, 30, tzinfo=UTC)):
        click("x", clicked_at=clock.now())
        days = links.daily_valid(alice.id, 30)

    assert days[-1] == (date(2026, 11, 28), 1)
    assert len(days) == 30


def test_the_report_names_the_day_in_france(alice_client, alices_post, click):
    click("x", clicked_at=clock.start_of(clock.today()) + timedelta(minutes=30))  # by UTC it was yesterday

    page = alice_client.get("/partner/earnings/clicks").get_data(as_text=True)

    assert format_date(clock.today(), "long", locale="fr") in page
    assert format_date(clock.today() - timedelta(days=1), "long", locale="fr") not in page
    assert "UTC" not in page


def test_a_day_has_its_first_moment_in_france():
    assert clock.start_of(date(2026, 7, 15)) == datetime(2026, 7, 14, 22, tzinfo=UTC)
    assert clock.start_of(date(2026, 10, 26)) - clock.start_of(date(2026, 10, 25)) == timedelta(hours=25)
