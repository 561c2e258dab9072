"""Times and counts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask, render_template_string

from contentflow.web.filters import ago, moment

NOON = datetime(2026, 11, 24, 11, 0, 30, tzinfo=UTC)
CLICKS = "{{ ngettext('%(num)s clic', '%(num)s clics', count) }}"


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=59), "à l’instant"),
        (timedelta(minutes=1), "il\u00a0y\u00a0a\u00a01\u00a0minute"),
        (timedelta(days=21), "il\u00a0y\u00a0a\u00a03\u00a0semaines"),
        (timedelta(seconds=-5), "à l’instant"),
    ],
)
def test_an_age_is_one_unbroken_word(app: Flask, age: timedelta, words: str):
    with app.test_request_context(), time_machine.travel(NOON, tick=False):
        assert ago(NOON - age) == words


def test_a_moment_has_no_seconds_and_is_of_paris(app: Flask):
    with app.test_request_context():
        assert moment(NOON) == "24 nov. 2026, 12:00"


@pytest.mark.parametrize(("count", "words"), [(0, "0 clic"), (1, "1 clic"), (2, "2 clics")])
def test_nought_is_singular_in_french(app: Flask, count: int, words: str):
    with app.test_request_context():
        assert render_template_string(CLICKS, count=count) == words
