"""Brevo tells of ten thousand mails while the database is away: it repeats after 429, and none is lost."""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError

from contentflow.core import clock, migrate
from contentflow.core.db import db, transaction
from contentflow.mailing.events import BrevoEvent
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.mailing.tasks import enqueue_events
from tests.conftest import POSTGRES
from tests.house import run_work
from tests.mailing.brevo_payloads import payload

pytestmark = pytest.mark.proof
EVENTS, AT_ONCE = 10_000, 500
AWAY_SECONDS = float(os.environ.get("BREVO_AWAY_SECONDS", "6"))
PATIENCE_SECONDS = 50.0


class Relay:
    """Sends as Brevo does: a list again after a timeout or 429, never after another refusal."""

    def __init__(self, app: Flask) -> None:
        self._app, self.dropped, self.answers = app, 0, []

    def tell(self, told: list[dict[str, Any]]) -> None:
        end = time.monotonic() + AWAY_SECONDS + PATIENCE_SECONDS
        while time.monotonic() < end:
            answer = self._app.test_client().post(
                "/webhooks/brevo", json=told, headers={"Authorization": "Bearer the-token"}
            )
            self.answers.append(answer.status_code)
            if answer.status_code == 200:
                return
            if answer.status_code != 429:
                self.dropped += len(told)
                return
            time.sleep(0.5)
        self.dropped += len(told)


class Refusing:
    """SQLite's part: a database that refuses every statement."""

    def stop(self) -> None:
        event.listen(Engine, "before_cursor_execute", self._refuse)

    def start(self) -> None:
        event.remove(Engine, "before_cursor_execute", self._refuse)

    @staticmethod
    def _refuse(*_: Any) -> None:
        raise OperationalError("connection refused", {}, Exception())


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Any:
    """A server that is stopped at once and started again; without PostgreSQL, statements that fail."""
    return request.getfixturevalue("cluster") if POSTGRES else Refusing()


@pytest.fixture
def app(make_app: Callable[..., Flask], database: Any) -> Iterator[Flask]:
    own = {"DATABASE_URL": database.url} if POSTGRES else {}
    app = make_app(BREVO_WEBHOOK_TOKEN="the-token", **own)
    with app.app_context():
        migrate.upgrade()
        yield app


def test_no_event_is_lost_while_the_database_is_away(app: Flask, database: Any, alice: Any) -> None:
    with transaction():
        mails = [
            Delivery(kind="share", recipient_hash=recipient_hash(f"{number}@x.fr"), partner_id=alice.id,
                     state="sent", first_tried_at=clock.now())
            for number in range(EVENTS // 4)
        ]  # fmt: skip
        db.session.add_all(mails)
    names = ("request", "delivered", "opened", "hard_bounce")
    told = [
        payload(name, our_id=mail.id, message_id=f"<{number}@relay>", at=number)
        for number, mail in enumerate(mails)
        for name in (names if number % 50 == 0 else ("request", "delivered", "opened", "click"))
    ]
    random.Random(7).shuffle(told)
    lists = [told[start : start + AT_ONCE] for start in range(0, EVENTS, AT_ONCE)]
    relay = Relay(app)
    relay.tell(lists[0])
    database.stop()
    back = threading.Timer(AWAY_SECONDS, database.start)
    back.start()
    for one in [*lists[1:], *lists[:3]]:  # Some come twice.
        relay.tell(one)
    back.join()

    assert (relay.dropped, 429 in relay.answers) == (0, True)
    assert json.dumps(sorted(set(relay.answers))) == "[200, 429]"
    assert db.session.scalar(select(func.count()).select_from(BrevoEvent)) == EVENTS
    for _ in range(10):
        enqueue_events()
        run_work(app)
    bounced = select(func.count()).select_from(Delivery).where(Delivery.outcome == "bounced")
    db.session.rollback()
    assert db.session.scalar(bounced) == EVENTS // 4 // 50
