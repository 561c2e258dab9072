from __future__ import annotations

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import select, update

from contentflow.consent import services as consents
from contentflow.consent.models import ConsentProof, FirstContact, Subscription
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound
from contentflow.mailing import services as mailing
from contentflow.mailing import tasks
from contentflow.mailing.hooks import register_composer
from contentflow.mailing.models import Delivery, HmacKey
from contentflow.mailing.recipients import recipient_hash
from contentflow.sharekit import sends
from tests.house import run_work
from tests.mailing.letters import (
    delivery_to,
    let_leave,
    readers,
    share,
    states,
    verdicts,
)

READER = "reader@example.org"


def confirm(partner_id: str, address: str = READER) -> None:
    with transaction():
        reader = recipient_hash(address)
        db.session.add(Subscription(recipient_hash=reader, partner_id=partner_id, delivery_id="x"))


def first_contacts() -> int:
    db.session.rollback()
    return len(db.session.scalars(select(FirstContact)).all())


def test_each_entry_is_judged_in_its_order(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, "seen@example.org")
    with transaction():
        consents.suppress("stopped@example.org")

    found = verdicts(
        alice.id,
        alices_post.id,
        "new@example.org, broken, NEW@example.org, seen@example.org, stopped@example.org",
    )

    assert found == ["queued", "invalid", "duplicate", "already_sent", "unavailable"]


def test_a_share_waits_until_it_can_no_longer_be_taken_back(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, READER)

    run_work(app)

    assert states() == ["queued"]
    until = sends.send_result(alice.id, sent.send_id).cancel_until
    assert until is not None and timedelta(seconds=20) < until - clock.now() <= timedelta(seconds=30)


def test_the_proof_of_consent_is_kept_with_text_time_and_origin(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, READER)

    proof = db.session.get(ConsentProof, sent.send_id)

    assert proof is not None
    assert (proof.text, proof.origin) == ("J'atteste que chacun est d'accord.", "kit")
    assert clock.now() - proof.attested_at < timedelta(minutes=1)


def test_an_address_that_said_no_yes_gets_one_mail_from_the_whole_programme(
    app, alice, bob, alices_post
) -> None:
    share(alice.id, alices_post.id, READER)

    assert verdicts(bob.id, "another-post", READER) == ["unavailable"]
    assert verdicts(alice.id, "another-post", READER) == ["unavailable"]


def test_a_yes_brings_more_of_that_partner_and_of_no_other(app, alice, bob, alices_post) -> None:
    share(alice.id, alices_post.id, READER)
    confirm(alice.id)

    assert verdicts(alice.id, "another-post", READER) == ["queued"]
    assert verdicts(bob.id, "another-post", READER) == ["unavailable"]
    assert verdicts(alice.id, alices_post.id, READER) == ["already_sent"]


def test_taking_a_send_back_uses_nothing_up_and_nothing_leaves(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, readers(3))

    with transaction():
        assert sends.cancel_send(alice.id, sent.send_id) == 3
    let_leave()
    run_work(app)

    assert states() == ["cancelled"] * 3
    assert first_contacts() == 0
    assert share(alice.id, alices_post.id, readers(3)).verdicts == ["queued"] * 3


def test_what_left_already_is_not_taken_back(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, READER)
    let_leave()
    run_work(app)

    with transaction():
        assert sends.cancel_send(alice.id, sent.send_id) == 0

    result = sends.send_result(alice.id, sent.send_id)
    assert (result.entries[0].state, result.cancel_until) == ("sent", None)


def test_bob_can_neither_see_nor_cancel_alices_send(app, alice, bob, alices_post) -> None:
    sent = share(alice.id, alices_post.id, READER)

    with pytest.raises(NotFound):
        sends.send_result(bob.id, sent.send_id)
    with pytest.raises(NotFound), transaction():
        sends.cancel_send(bob.id, sent.send_id)
    assert states() == ["queued"]


def test_the_result_shows_every_entry_with_its_verdict_and_state(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, f"{READER}, broken, {READER}")

    entries = sends.send_result(alice.id, sent.send_id).entries

    assert [(one.address, one.eligibility, one.state) for one in entries] == [
        (READER, "queued", "queued"),
        ("broken", "invalid", None),
        (READER, "duplicate", None),
    ]


def test_a_failed_mail_uses_nothing_up(app, alice, bob, alices_post) -> None:
    share(alice.id, alices_post.id, READER)
    with transaction():
        db.session.execute(update(Delivery).values(recipient=None, next_attempt_at=clock.now()))

    run_work(app)

    assert states() == ["cancelled"]
    assert verdicts(alice.id, alices_post.id, READER) == ["queued"]
    assert verdicts(bob.id, "another-post", READER) == ["queued"]


def test_a_withdrawn_post_takes_its_waiting_mail_back(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(2))

    with transaction():
        assert mailing.cancel_waiting(alices_post.id) == 2

    assert states() == ["cancelled", "cancelled"]


def test_a_mail_that_may_have_left_is_not_called_cancelled(app, alice, alices_post) -> None:
    sent = share(alice.id, alices_post.id, READER)
    with transaction():
        db.session.execute(update(Delivery).values(first_tried_at=clock.now(), transport="mailbox"))
        assert sends.cancel_send(alice.id, sent.send_id) == 0
        consents.suppress(READER)
    let_leave()

    run_work(app)

    assert states() == ["unknown"]


def test_one_who_unsubscribed_after_the_plan_gets_nothing(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, READER)
    with transaction():
        consents.suppress(READER)
    let_leave()

    run_work(app)

    assert states() == ["cancelled"]


def test_the_claim_itself_asks_who_may_be_written_to(app, alice, alices_post) -> None:
    share(alice.id, alices_post.id, readers(2))
    with transaction():
        first = select(FirstContact).where(
            FirstContact.recipient_hash == recipient_hash("reader0@example.org")
        )
        db.session.delete(db.session.scalars(first).one())
    let_leave()

    run_work(app)

    assert states() == ["cancelled", "sent"]
    assert delivery_to("reader0@example.org").state == "cancelled"


def test_login_mail_goes_before_share_mail(app, alice, alices_post, monkeypatch) -> None:
    from contentflow.mailing.messages import Message
    from contentflow.mailing.transports.mailbox import Mailbox

    order: list[str] = []
    leave = Mailbox.send

    def note(self: Mailbox, message: Message, to: str, delivery_id: str) -> object:
        order.append(to)
        return leave(self, message, to, delivery_id)

    monkeypatch.setattr(Mailbox, "send", note)
    register_composer(app, "login", lambda _: Message("Bonjour", "Texte", "<p>Texte</p>"))
    share(alice.id, alices_post.id, readers(20))
    let_leave()
    tasks.enqueue_due()
    with transaction():
        mailing.queue_login("partner@example.org", "request", "fr")

    run_work(app)

    assert order[0] == "partner@example.org"
    assert len(order) == 21


def test_two_partners_who_write_to_the_same_stranger_at_once_reach_him_once(
    app: Flask, alice, bob, alices_post
) -> None:
    start, found = Barrier(2), []

    def send(partner_id: str) -> None:
        with app.app_context():
            start.wait()
            # Bob's send hangs on the same post only because the row must name one.
            found.extend(share(partner_id, alices_post.id, readers(30)).verdicts)

    threads = [Thread(target=send, args=(one.id,)) for one in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found.count("queued") == 30
    assert states() == ["queued"] * 30
    assert first_contacts() == 30


def test_the_key_of_the_hashes_is_made_once_whoever_asks_first(make_app) -> None:
    apps, start, found = [make_app() for _ in range(4)], Barrier(4), set()

    def ask(app: Flask) -> None:
        with app.app_context():
            start.wait()
            found.add(recipient_hash(READER))
            found.add(recipient_hash("READER@example.org"))

    threads = [Thread(target=ask, args=(app,)) for app in apps]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 1
    with apps[0].app_context():
        assert len(db.session.scalars(select(HmacKey)).all()) == 1


def test_a_key_whose_making_was_rolled_back_is_not_used(app) -> None:
    with pytest.raises(ZeroDivisionError), transaction():
        lost = recipient_hash(READER)
        raise ZeroDivisionError

    assert recipient_hash(READER) != lost
    assert recipient_hash(READER) == recipient_hash(READER)
