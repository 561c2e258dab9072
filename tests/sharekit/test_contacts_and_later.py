"""Sharing to contacts by tag, and sending later: who is reached, the cap of the day, taking back."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from contentflow.consent import services as consents
from contentflow.consent.models import ConsentProof
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.sharekit.scheduling import TimeIsPast, TimeIsTooFar, UnreadableTime, read_at
from contentflow.web import limits
from contentflow.web.limits import LimitEntry
from tests.contacts.steps import Person, add, let_leave, mails_to
from tests.house import browser, log_in, post, run_work

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """The database's clock cannot be frozen: read the frozen one instead."""
    monkeypatch.setattr(limits, "database_now", lambda: clock.now().timestamp())


@pytest.fixture
def friends(app: Flask, alice, alice_client) -> list[Person]:
    """Two contacts of alice with the tag “amis”: ann said yes, ben was not asked."""
    add(alice_client, "ann@example.org, ben@example.org", tags="amis")
    found = [Person(app, alice_client, alice.id, f"{name}@example.org") for name in ("ann", "ben")]
    found[0].say_yes()
    return found


def share(client, submission_id: str, path: str = "/byop/email", **fields: Any) -> TestResponse:
    return post(client, path, {"sid": submission_id, "consent": "y", "nonce": "n", **fields})


def verdicts(response: TestResponse) -> dict[str, str]:
    page = response.get_data(as_text=True)
    return dict(re.findall(r'data-recipient="([^"]*)" data-verdict="(\w+)"', page))


def result(client, response: TestResponse) -> TestResponse:
    assert response.status_code == 303, response.get_data(as_text=True)
    return client.get(response.headers["Location"])


def states() -> dict[str, str]:
    db.session.rollback()
    found = db.session.execute(
        select(Delivery.recipient, Delivery.state).where(Delivery.kind == "share")
    ).all()
    return {recipient: state for recipient, state in found}


def in_days(days: float) -> str:
    return (clock.now() + timedelta(days=days)).isoformat()


def test_by_tag_only_the_confirmed_are_reached_beside_free_addresses(
    alice_client, alices_post, friends
) -> None:
    shown = result(alice_client, share(alice_client, alices_post.id, emails="new@example.org", tags="Amis"))

    assert verdicts(shown) == {
        "new@example.org": "queued",
        "ann@example.org": "queued",
        "ben@example.org": "not_confirmed",
    }
    assert set(states()) == {"new@example.org", "ann@example.org"}


def test_contacts_are_named_by_their_ids_too(alice_client, alices_post, friends) -> None:
    ids = [one.contact.id for one in friends]

    shown = result(alice_client, share(alice_client, alices_post.id, contacts=ids))

    assert verdicts(shown) == {"ann@example.org": "queued", "ben@example.org": "not_confirmed"}


def test_a_free_address_in_the_book_still_gets_its_one_mail(alice_client, alices_post, friends) -> None:
    shown = result(alice_client, share(alice_client, alices_post.id, emails="ben@example.org", tags="amis"))

    assert verdicts(shown) == {"ben@example.org": "queued", "ann@example.org": "queued"}


def test_the_plan_says_all_of_it_and_writes_nothing(app, alice_client, alices_post, friends) -> None:
    before = _rows()

    shown = share(
        alice_client, alices_post.id, "/byop/email/plan", tags="amis", emails="x@y, new@example.org"
    )

    assert shown.status_code == 200
    assert verdicts(shown) == {
        "x@y": "invalid",
        "new@example.org": "queued",
        "ann@example.org": "queued",
        "ben@example.org": "not_confirmed",
    }
    assert 'data-left-today="200"' in shown.get_data(as_text=True)
    assert _rows() == before


def _rows() -> list[int]:
    db.session.rollback()
    tables = (Delivery.id, ConsentProof.send_id)
    return [db.session.scalar(select(func.count(column))) or 0 for column in tables]


def test_a_contact_of_bobs_is_refused(alice_client, alices_post, app, bob, bob_client) -> None:
    bobs = Person(app, bob_client, bob.id, "bobs@example.org")
    bobs.join()

    for path in ("/byop/email", "/byop/email/plan"):
        assert share(alice_client, alices_post.id, path, contacts=bobs.contact.id).status_code == 404
    assert states() == {}


def test_a_send_for_later_leaves_when_it_is_due_and_not_before(
    app, alice_client, alice, alices_post, friends
) -> None:
    result(alice_client, share(alice_client, alices_post.id, tags="amis", at=in_days(2)))
    assert states() == {"ann@example.org": "scheduled"}
    let_leave(app)
    assert states() == {"ann@example.org": "scheduled"}

    with time_machine.travel(clock.now() + timedelta(days=2, minutes=1)):
        run_work(app)

    assert states() == {"ann@example.org": "sent"}


def test_a_send_for_later_can_be_cancelled_until_it_leaves(app, alice_client, alices_post, friends) -> None:
    sent = share(alice_client, alices_post.id, tags="amis", at=in_days(2))
    send_id = re.search(r"send=(\w+)", sent.headers["Location"])[1]

    assert post(alice_client, "/byop/email/cancel", {"send": send_id}).status_code == 303

    with time_machine.travel(clock.now() + timedelta(days=3)):
        run_work(app)
    assert states() == {"ann@example.org": "cancelled"}


def test_who_unsubscribes_or_bounces_before_it_is_due_gets_nothing(
    app, alice, alice_client, alices_post, friends
) -> None:
    emails = "eve@example.org\nida@example.org"
    add(alice_client, emails)
    for name in emails.split():
        Person(app, alice_client, alice.id, name).say_yes()
    sent = share(alice_client, alices_post.id, emails=emails, tags="amis", at=in_days(1))
    assert sent.status_code == 303
    friends[0].stop("partner")
    with transaction():
        consents.suppress("eve@example.org", cause="bounce")

    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        run_work(app)

    assert [mail.subject for mail in mails_to("ida@example.org")][-1] == alices_post.title
    assert sorted(_all_states()) == ["cancelled", "cancelled", "sent"]


def _all_states() -> list[str]:
    db.session.rollback()
    return list(db.session.scalars(select(Delivery.state).where(Delivery.kind == "share")))


def test_a_yes_taken_back_before_it_is_due_is_looked_at_when_it_leaves(
    app, alice_client, alices_post, friends
) -> None:
    share(alice_client, alices_post.id, tags="amis", at=in_days(1))
    friends[0].answer("no")

    with time_machine.travel(clock.now() + timedelta(days=1, minutes=1)):
        run_work(app)

    assert _all_states() == ["cancelled"]


@pytest.mark.parametrize(
    "at", ["yesterday", "2026-13-01 10:00", -1, 31, "2020-01-01", "9999-12-31T23:59+14:00", "\0"]
)
def test_a_time_that_is_none_is_past_or_too_far_is_refused(alice_client, alices_post, at: str | int) -> None:
    at = in_days(at) if isinstance(at, int) else at
    for path in ("/byop/email", "/byop/email/plan"):
        response = share(alice_client, alices_post.id, path, emails="new@example.org", at=at)

        assert response.status_code == 422
        assert 'id="at-error"' in response.get_data(as_text=True)
    assert states() == {}


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-12-24T18:30", datetime(2026, 12, 24, 17, 30, tzinfo=UTC)),
        ("2026-12-24 18:30:15", datetime(2026, 12, 24, 17, 30, 15, tzinfo=UTC)),
        ("2026-12-24T18:30Z", datetime(2026, 12, 24, 18, 30, tzinfo=UTC)),
        ("2026-12-24T18:30+02:00", datetime(2026, 12, 24, 16, 30, tzinfo=UTC)),
        ("  ", None),
    ],
)
def test_a_time_without_a_zone_is_the_time_in_paris(text: str, moment: datetime | None) -> None:
    assert read_at(text, NOW) == moment


@pytest.mark.parametrize(
    ("text", "error"),
    [("demain", UnreadableTime), ("2026-11-28T13:00", TimeIsPast), ("2027-01-28", TimeIsTooFar)],
)
def test_other_times_are_refused_with_their_reason(text: str, error: type[ValueError]) -> None:
    with pytest.raises(error):
        read_at(text, NOW)


@pytest.fixture
def small_cap(make_app, alice):
    app = make_app(SHARE_EMAIL_DAILY_LIMIT="3")
    with app.app_context():
        yield app, log_in(browser(app), alice.id)


def readers(first: int, count: int) -> str:
    return "\n".join(f"r{number}@example.org" for number in range(first, first + count))


def test_the_cap_is_that_of_the_day_a_mail_is_due(small_cap, alices_post) -> None:
    _app, client = small_cap
    assert share(client, alices_post.id, emails=readers(0, 3), at=in_days(3)).status_code == 303

    over = share(client, alices_post.id, emails=readers(3, 1), at=in_days(3.5), nonce="m")
    fits = share(client, alices_post.id, emails=readers(4, 3), nonce="o")

    assert over.status_code == 429
    # Four days from now the three of that day are a day old.
    assert abs(int(over.headers["Retry-After"]) - 4 * 86_400) < 60
    assert fits.status_code == 303
    assert len(states()) == 6


def test_two_days_caps_are_never_heaped_into_one(small_cap, alices_post) -> None:
    _app, client = small_cap
    assert share(client, alices_post.id, emails=readers(0, 3), at=in_days(0.5)).status_code == 303

    assert share(client, alices_post.id, emails=readers(3, 1), nonce="m").status_code == 429
    assert share(client, alices_post.id, emails=readers(3, 1), at=in_days(1.4), nonce="o").status_code == 429
    assert share(client, alices_post.id, emails=readers(3, 1), at=in_days(1.6), nonce="p").status_code == 303


def test_a_cancelled_send_stays_in_the_cap_of_its_day(small_cap, alices_post) -> None:
    _app, client = small_cap
    sent = share(client, alices_post.id, emails=readers(0, 3), at=in_days(2))
    send_id = re.search(r"send=(\w+)", sent.headers["Location"])[1]
    post(client, "/byop/email/cancel", {"send": send_id})

    assert share(client, alices_post.id, emails=readers(5, 1), at=in_days(2), nonce="m").status_code == 429
    (entry,) = db.session.scalars(select(LimitEntry).where(LimitEntry.name.startswith("share_email")))
    assert entry.is_planned and abs(entry.taken_at - (clock.now() + timedelta(days=2)).timestamp()) < 60


def test_what_was_held_up_waits_for_a_place_when_it_leaves(small_cap, alices_post) -> None:
    app, client = small_cap
    share(client, alices_post.id, emails=readers(0, 3), at=in_days(1))
    share(client, alices_post.id, emails=readers(3, 3), at=in_days(2.1), nonce="m")
    with transaction():  # The worker was away until both were due.
        db.session.execute(update(Delivery).values(state="queued", next_attempt_at=clock.now()))

    run_work(app)

    assert sorted(_all_states()) == ["scheduled"] * 3 + ["sent"] * 3


def test_the_same_press_again_is_the_send_that_was(alice_client, alices_post, friends) -> None:
    at = in_days(2)
    first = share(alice_client, alices_post.id, tags="amis", at=at)
    again = share(alice_client, alices_post.id, tags="amis", at=at)
    other = share(alice_client, alices_post.id, tags="amis", emails="new@example.org", at=at)

    assert first.headers["Location"] == again.headers["Location"] != other.headers["Location"]
    assert len(_all_states()) == 2


def test_the_kit_offers_the_tags_of_the_book_and_a_time(alice_client, alices_kit, friends) -> None:
    page = alice_client.get(alices_kit).get_data(as_text=True)

    assert 'name="tags" value="amis"' in page
    assert 'type="datetime-local"' in page
