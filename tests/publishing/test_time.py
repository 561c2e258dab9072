"""A publication leaves when a clock in its zone shows what was typed, once, whatever clocks and servers do.

Its platform is one of the tests' own, which takes what it is given: no server is asked.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.broker import broker
from contentflow.core.db import db, transaction
from contentflow.core.queues import THREADS
from contentflow.publishing import accounts, drivers, tasks
from contentflow.publishing.models import Assignment
from contentflow.publishing.oauth import Connected
from contentflow.publishing.outcomes import Outcome, done
from contentflow.publishing.outgoing import Job
from tests.factories.offers import OfferFactory
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory
from tests.house import browser, log_in, post, run_work
from tests.publishing.conftest import confirm, form_of

ROUNDS = int(os.environ.get("PUBLISH_ROUNDS", "5"))


class Platform:
    """``taken`` holds when it took which assignment."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, datetime]] = []
        self.takes_seconds = 0.0

    def publish(self, job: Job) -> Outcome:
        if (why := job.begin()) is not None:
            return why
        time.sleep(self.takes_seconds)
        self.taken.append((job.row.id, clock.now()))
        return done(f"there-{len(self.taken)}", "https://social.example.fr/1")


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    made = make_app(PUBLISH_PER_DAY="1000")
    with made.app_context():
        yield made


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> Platform:
    made = Platform()
    monkeypatch.setattr(drivers, "DRIVERS", {"mastodon": made.publish})
    monkeypatch.setattr(drivers, "COUNTERS", {"mastodon": lambda account, remote_id: {}})
    return made


class Alice:
    """A partner with an account, as of now."""

    def __init__(self, app: Flask) -> None:
        OfferFactory()
        self.id = PartnerFactory(email="alice@example.org").id
        found = Connected(
            host="social.example.fr",
            remote_id="1",
            handle="@alice",
            scope="write",
            tokens={"access_token": "a"},
        )
        with transaction():
            self.account_id = accounts.keep(self.id, "mastodon", found).id
        self.client: FlaskClient = log_in(browser(app), self.id)

    def plans(self, at: str, zone: str) -> str:
        made = PostFactory(partner_id=self.id)
        answer = confirm(
            self.client, made.id, "words", account=self.account_id, when="later", at=at, zone=zone
        )
        assert answer.status_code == 303
        return str(made.id)


def states() -> list[tuple[str, str | None]]:
    db.session.rollback()
    rows = db.session.scalars(select(Assignment).order_by(Assignment.publish_at))
    return [(one.state, one.reason) for one in rows]


@pytest.fixture(params=["UTC", "Europe/Paris", "Pacific/Auckland", "America/New_York"])
def process_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone in which this process lives."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("typed", "zone", "utc"),
    [
        ("2027-03-28T01:59", "Europe/Paris", "2027-03-28T00:59"),
        ("2027-03-28T03:00", "Europe/Paris", "2027-03-28T01:00"),
        ("2027-10-31T02:30", "Europe/Paris", "2027-10-31T00:30"),
        ("2027-10-31T03:00", "Europe/Paris", "2027-10-31T02:00"),
        ("2027-04-04T02:30", "Pacific/Auckland", "2027-04-03T13:30"),
        ("2027-09-26T03:00", "Pacific/Auckland", "2027-09-25T14:00"),
        ("2028-02-29T09:30", "Europe/Paris", "2028-02-29T08:30"),
    ],
)
def test_it_leaves_at_the_minute_that_was_typed_and_once(
    app: Flask, platform: Platform, process_zone: str, typed: str, zone: str, utc: str
) -> None:
    """The changes of the clocks in Paris and Auckland, a leap day; an hour that comes twice is the first."""
    moment = datetime.fromisoformat(utc).replace(tzinfo=UTC)
    with time_machine.travel(moment - timedelta(days=1), tick=False) as now:
        alice = Alice(app)
        sid = alice.plans(typed, zone)
        shown = alice.client.get(f"/byop/publish?id={sid}").get_data(as_text=True)
        now.move_to(moment - timedelta(seconds=1))
        run_work(app)
        assert (platform.taken, states()) == ([], [("scheduled", None)])

        now.move_to(moment)
        for _ in range(4):  # Also an hour later, when Paris shows the same time again.
            run_work(app)
            now.shift(timedelta(minutes=30))

    assert typed[-5:] in shown
    assert [at for _, at in platform.taken] == [moment]
    assert states() == [("published", None)]


def test_a_clock_that_is_set_back_publishes_nothing_twice(app: Flask, platform: Platform) -> None:
    moment = datetime(2027, 5, 3, 8, 0, tzinfo=UTC)
    with time_machine.travel(moment - timedelta(hours=5), tick=False) as now:
        alice = Alice(app)
        alice.plans("2027-05-03T10:00", "Europe/Paris")
        alice.plans("2027-05-03T10:30", "Europe/Paris")
        now.move_to(moment)
        run_work(app)
        assert len(platform.taken) == 1

        now.move_to(moment - timedelta(hours=2))
        run_work(app)
        assert (len(platform.taken), states()) == (1, [("published", None), ("scheduled", None)])
        now.move_to(moment + timedelta(minutes=30))
        run_work(app)

    assert [at for _, at in platform.taken] == [moment, moment + timedelta(minutes=30)]
    assert states() == [("published", None)] * 2


def test_a_claim_of_a_clock_that_was_days_ahead_is_taken_over(app: Flask, platform: Platform) -> None:
    alice = Alice(app)
    confirm(alice.client, PostFactory(partner_id=alice.id).id, "words", account=alice.account_id)
    with transaction():
        row = db.session.scalars(select(Assignment)).one()
        row.state, row.lease = "publishing", "x" * 22
        row.leased_until = clock.now() + timedelta(days=3)

    run_work(app)
    with time_machine.travel(clock.now() + timedelta(seconds=1), tick=False):
        run_work(app)

    assert (states(), len(platform.taken)) == ([("published", None)], 1)


def test_after_a_day_off_only_what_is_hardly_late_goes_out(app: Flask, platform: Platform) -> None:
    """Nothing bursts out: what is over PUBLISH_LATE_MINUTES late is the partner's turn."""
    begin = datetime(2027, 5, 3, 4, 0, tzinfo=UTC)
    with time_machine.travel(begin, tick=False) as now:
        alice = Alice(app)
        for hour in range(8, 20):
            alice.plans(f"2027-05-03T{hour:02}:00", "Europe/Paris")
        alice.plans("2027-05-04T09:30", "Europe/Paris")
        alice.plans("2027-05-04T11:00", "Europe/Paris")

        now.move_to(datetime(2027, 5, 4, 8, 0, tzinfo=UTC))  # Ten o'clock in Paris.
        run_work(app)
        assert len(platform.taken) == 1
        now.move_to(datetime(2027, 5, 4, 9, 0, tzinfo=UTC))
        run_work(app)

    assert states() == [("needs_hand", "late")] * 12 + [("published", None)] * 2
    assert len(platform.taken) == 2


# At once


def at_once(app: Flask, acts: list[Callable[[], object]]) -> None:
    """Do these in threads that begin together."""
    db.session.rollback()
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], object]) -> None:
        with app.app_context():
            gate.wait()
            act()
            db.session.remove()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_presses_and_two_tabs_at_once_are_one_assignment(app: Flask, platform: Platform) -> None:
    """A double press has the same nonce and meets what was made; a second tab has another and is refused."""
    alice = Alice(app)
    given = {"account": alice.account_id, "when": "now"}
    for number in range(ROUNDS):
        sid = str(PostFactory(partner_id=alice.id).id)
        first, other = form_of(alice.client, sid, "words"), form_of(alice.client, sid, "words")
        said: list[tuple[str, int]] = []

        def press(name: str, form: dict[str, Any], said: list[tuple[str, int]]) -> None:
            client = log_in(browser(app), alice.id)
            said.append((name, post(client, "/byop/publish", {**form, **given}).status_code))

        acts = [("pressed", first), ("pressed", first), ("tab", other)]
        at_once(app, [partial(press, name, form, said) for name, form in acts])
        # The back button, and the same form again.
        again = post(alice.client, "/byop/publish", {**first, **given}).status_code

        db.session.rollback()
        made = db.session.scalars(select(Assignment).where(Assignment.submission_id == sid)).all()
        assert len(made) == 1, (number, said)
        pressed = [status for name, status in said if name == "pressed"]
        (tab,) = [status for name, status in said if name == "tab"]
        is_first = made[0].nonce == first["nonce"]
        expected = ([303, 303], 409, 303) if is_first else ([409, 409], 303, 409)
        assert (pressed, tab, again) == expected, number
    run_work(app)
    assert len(platform.taken) == ROUNDS


def test_four_workers_on_one_row_publish_it_once(app: Flask, platform: Platform) -> None:
    alice = Alice(app)
    platform.takes_seconds = 0.05
    for _ in range(ROUNDS):
        made = PostFactory(partner_id=alice.id)
        confirm(alice.client, made.id, "words", account=alice.account_id)
        for queue in THREADS:
            broker().queue(queue).flush()
        row_id = db.session.scalars(select(Assignment.id).where(Assignment.submission_id == made.id)).one()

        at_once(app, [partial(tasks.publish, row_id)] * 4)

    assert len(platform.taken) == len({row_id for row_id, _ in platform.taken}) == ROUNDS
    assert states() == [("published", None)] * ROUNDS
