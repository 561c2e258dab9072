"""Posts that may go out: of words, and with an approved clip."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.publishing.models import Assignment
from tests.factories.renders import give_clip
from tests.house import post, run_work


@pytest.fixture
def more() -> dict[str, str]:
    """Settings of a world, where a test gives some."""
    return {}


@pytest.fixture
def clip_post(app: Flask, alices_post: Any) -> Any:
    """Alice's post with an approved clip."""
    give_clip(alices_post)
    return alices_post


def form_of(client: FlaskClient, sid: str, what: str = "clip") -> dict[str, Any]:
    """Return the hidden fields of a post's page, as a browser would send them."""
    page = client.get(f"/byop/publish?id={sid}&what={what}").get_data(as_text=True)
    names = ("sid", "what", "render", "seen", "nonce")
    return {name: re.search(rf'name="{name}" value="([^"]*)"', page)[1] for name in names}


def confirm(client: FlaskClient, sid: str, what: str = "clip", **fields: Any) -> Any:
    return post(client, "/byop/publish", {**form_of(client, sid, what), "when": "now", **fields})


def row_of(post_: Any) -> Assignment:
    db.session.rollback()
    return db.session.scalars(select(Assignment).where(Assignment.submission_id == post_.id)).one()


def work_for(app: Flask, hours: float, step: float = 40.0) -> None:
    """Let the worker work while the time goes on."""
    start = clock.now()
    with time_machine.travel(start, tick=False) as now:
        for _ in range(int(hours * 3_600 / step)):
            run_work(app)
            if not any_open():
                return
            now.shift(timedelta(seconds=step))


def any_open() -> bool:
    db.session.rollback()
    open_ = Assignment.state.in_(("scheduled", "publishing"))
    return db.session.scalar(select(Assignment.id).where(open_).limit(1)) is not None


def once(which: Callable[[str, str], bool], what: str, times: int = 1) -> Callable[[str, str], str]:
    left = [times]

    def plan(method: str, path: str) -> str:
        if which(method, path) and left[0]:
            left[0] -= 1
            return what
        return ""

    return plan
