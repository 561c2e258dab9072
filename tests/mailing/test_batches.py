"""Share mails that leave together: claimed at once, written down at once, and each still stopped alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from contentflow.consent import services as consents
from contentflow.consent.models import FirstContact
from contentflow.core.db import db, transaction
from contentflow.mailing import sending, tasks, transports
from contentflow.mailing.messages import Message
from contentflow.mailing.models import Delivery
from contentflow.mailing.transports import SendOutcome
from contentflow.sharekit import share_mail
from tests.mailing.letters import delivery_to, let_leave, readers, share, states


class Instant:
    """A service that accepts at once; ``after(to)`` runs after each message."""

    name = "instant"

    def __init__(self, knows_again: bool = True) -> None:
        self.knows_again = knows_again
        self.reached: list[str] = []
        self.messages: list[Message] = []
        self.after: Callable[[str], object] = lambda to: None
        self.outcome = SendOutcome("sent", message_id="m")

    def send(self, message: Message, to: str, delivery_id: str) -> SendOutcome:
        self.reached.append(to)
        self.messages.append(message)
        self.after(to)
        return self.outcome


@pytest.fixture
def instant(monkeypatch: pytest.MonkeyPatch) -> Instant:
    service = Instant()
    monkeypatch.setattr(transports, "chosen", lambda: service)
    return service


@pytest.fixture
def first_id(app: Flask, alice: Any, alices_post: Any) -> str:
    """The first of twelve share mails that are due: a thread's part of them are three."""
    share(alice.id, alices_post.id, readers(12))
    let_leave()
    return delivery_to("reader0@example.org").id


def commits_of(act: Callable[[], object]) -> int:
    found: list[object] = []
    note = found.append
    event.listen(db.engine, "commit", note)
    try:
        act()
    finally:
        event.remove(db.engine, "commit", note)
    return len(found)


def test_many_mails_cost_few_transactions(instant: Instant, first_id: str) -> None:
    commits = commits_of(lambda: tasks.send(first_id))

    assert states() == ["sent"] * 12
    assert len(set(instant.reached)) == 12
    assert commits < 2 * 12


def statements_of_a_claim(ids: list[str], service: Instant) -> int:
    found: list[str] = []

    def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        found.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with transaction():
            assert len(sending.claim_batch(ids, service)) == len(ids)
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len(found)


def test_a_claim_of_many_asks_no_more_than_one_of_two(instant: Instant, first_id: str) -> None:
    ids = list(db.session.scalars(select(Delivery.id)))

    few = statements_of_a_claim(ids[:2], instant)

    assert statements_of_a_claim(ids[2:], instant) == few


def test_each_recipient_has_links_of_their_own(instant: Instant, first_id: str) -> None:
    tasks.send(first_id)

    stops = {message.headers["List-Unsubscribe"] for message in instant.messages}
    assert len(stops) == 12
    for message in instant.messages:
        stop = message.headers["List-Unsubscribe"].strip("<>")
        assert stop in message.html and stop in message.text
        for mark in (share_mail.STOP_MARK, share_mail.YES_MARK):
            assert mark not in message.html + message.text + str(message.headers)


def test_one_who_says_stop_while_their_mail_waits_for_its_batch_gets_none(
    instant: Instant, first_id: str
) -> None:
    waiting: list[str] = []

    def stop(to: str) -> None:
        if not waiting:
            claimed = select(Delivery.recipient).where(Delivery.state == "sending")
            waiting.extend(one for one in db.session.scalars(claimed) if one and one != to)
            db.session.rollback()
            with transaction():
                consents.suppress(waiting[0])

    instant.after = stop

    tasks.send(first_id)

    assert waiting and waiting[0] not in instant.reached
    assert states() == ["cancelled"] + ["sent"] * 11
    assert len(db.session.scalars(select(FirstContact)).all()) == 11


def test_what_a_batch_did_not_begin_is_due_again_and_counts_no_try(instant: Instant, first_id: str) -> None:
    instant.outcome = SendOutcome("throttled", "429", wait_seconds=60)

    tasks.send(first_id)

    assert len(instant.reached) == 1
    db.session.rollback()
    found = db.session.execute(select(Delivery.state, Delivery.attempts, Delivery.first_tried_at)).all()
    assert {tuple(one) for one in found} == {("queued", 0, None)}


def test_a_slow_service_lets_a_batch_go_after_a_second(
    instant: Instant, first_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "MAX_BATCH_SECONDS", -1.0)
    monkeypatch.setattr(tasks, "MAX_TASK_SECONDS", -1.0)

    tasks.send(first_id)

    assert (len(instant.reached), states()) == (1, ["queued"] * 11 + ["sent"])


def test_a_mail_that_cannot_be_composed_holds_up_no_other_of_its_batch(
    instant: Instant, first_id: str
) -> None:
    broken = delivery_to("reader1@example.org").id
    with transaction():
        row = db.session.get_one(Delivery, broken)
        row.context = {"title": "a word is missing"}

    tasks.send(first_id)

    assert states() == ["queued"] + ["sent"] * 11
    assert "reader1@example.org" not in instant.reached


def test_where_asking_twice_makes_two_messages_each_mail_is_claimed_alone(
    instant: Instant, first_id: str
) -> None:
    instant.knows_again = False

    tasks.send(first_id)

    assert len(instant.reached) == 1
    assert states() == ["queued"] * 11 + ["sent"]


def test_mails_of_another_partner_are_in_no_batch_of_this_one(
    instant: Instant, first_id: str, bob: Any, alices_post: Any
) -> None:
    share(bob.id, alices_post.id, ["bobs@example.org"])
    let_leave()

    batch = tasks._batch(first_id, instant)

    assert len(batch) == 3
    senders = db.session.scalars(select(Delivery.partner_id).where(Delivery.id.in_(batch)))
    assert bob.id not in set(senders)


def pause(monkeypatch: pytest.MonkeyPatch, service: Instant, seconds: float) -> None:
    """Let each call take so long, by a clock that nobody waits for."""
    now = [0.0]
    monkeypatch.setattr(tasks.time, "monotonic", lambda: now[0])

    def pass_on(_: str) -> None:
        now[0] += seconds

    service.after = pass_on


@pytest.mark.parametrize(("seconds", "batch"), [(0.001, 100), (0.02, 25), (0.125, 4), (3.0, 1)])
def test_as_many_are_claimed_as_a_service_takes_in_half_a_second(
    app: Flask,
    instant: Instant,
    first_id: str,
    seconds: float,
    batch: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pause(monkeypatch, instant, seconds)

    tasks._send(tasks._batch(first_id, instant), instant)

    assert app.extensions["mail_pace"].batch == batch


def test_a_slow_service_is_given_few_and_none_of_them_is_written_twice(
    app: Flask, alice: Any, instant: Instant, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    share(alice.id, alices_post.id, readers(60))
    let_leave()
    pause(monkeypatch, instant, 0.25)
    written = 0

    def count(claims: Any, transport: Any) -> list[sending.MailClaim]:
        nonlocal written
        found = claim_batch(claims, transport)
        written += len(found)
        return found

    claim_batch = tasks.claim_batch
    monkeypatch.setattr(tasks, "claim_batch", count)
    monkeypatch.setattr(tasks, "MAX_TASK_SECONDS", 4.0)

    tasks.send(delivery_to("reader0@example.org").id)
    claimed_at_first = 15  # A thread's part of sixty.

    assert len(instant.reached) == len(set(instant.reached))
    assert written <= len(instant.reached) + claimed_at_first
