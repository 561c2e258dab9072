"""After “stop” no address stands where nothing needs it; its keyed hash goes on stopping."""

from __future__ import annotations

import pytest
from sqlalchemy import select, update

from contentflow.consent import services as consents
from contentflow.consent.models import ConsentProof, FirstContact, Subscription
from contentflow.consent.tokens import make_token
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing import tasks
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.sharekit import sends
from tests.consent.test_subscriptions import READER
from tests.house import browser, run_work
from tests.mailing.letters import let_leave, share, states, verdicts
from tests.mailing.test_retention import everything_kept

OTHER = "other@example.org"


def token_of(delivery_id: str) -> str:
    with transaction():
        return make_token("unsubscribe", delivery_id)


def one_to(partner_id: str, address: str = READER) -> Delivery:
    found = select(Delivery).where(Delivery.partner_id == partner_id, Delivery.recipient == address)
    return db.session.scalars(found.order_by(Delivery.created_at.desc())).first()


@pytest.fixture
def mailed(app, alice, bob, alices_post):
    """The reader said yes to Alice and Bob, got a mail of each, and waits for another of each."""
    with transaction():
        reader = recipient_hash(READER)
        for partner in (alice, bob):
            yes = Subscription(recipient_hash=reader, partner_id=partner.id, delivery_id="x")
            db.session.add(yes)
    share(alice.id, alices_post.id, f"{READER}, {OTHER}")
    let_leave()
    run_work(app)
    sent = one_to(alice.id)
    with transaction():
        for partner_id, state in ((bob.id, "sent"), (bob.id, "queued"), (alice.id, "queued")):
            db.session.add(copy_of(sent, partner_id, state))
    return {"alice": token_of(sent.id), "bob": token_of(one_to(bob.id).id)}


def copy_of(sent: Delivery, partner_id: str, state: str) -> Delivery:
    return Delivery(
        kind="share",
        recipient=READER,
        recipient_hash=sent.recipient_hash,
        partner_id=partner_id,
        send_id="another",
        context=dict(sent.context),
        state=state,
        next_attempt_at=clock.now(),
    )


def test_after_a_stop_of_everything_no_share_mail_holds_the_address(app, mailed) -> None:
    assert browser(app).post(f"/unsubscribe/{mailed['alice']}").status_code == 200

    assert READER not in everything_kept()
    assert OTHER in everything_kept()
    assert states() == ["cancelled", "cancelled", "sent", "sent", "sent"]


def test_after_a_stop_of_one_person_only_their_mails_lose_it(app, alice, bob, mailed) -> None:
    browser(app).post(f"/unsubscribe/{mailed['alice']}", data={"scope": "partner"})

    db.session.rollback()
    left = db.session.scalars(select(Delivery).where(Delivery.recipient == READER)).all()
    assert {one.partner_id for one in left} == {bob.id}
    assert sorted(one.state for one in left) == ["queued", "sent"]


def test_the_hash_alone_goes_on_stopping(app, alice, bob, mailed) -> None:
    browser(app).post(f"/unsubscribe/{mailed['bob']}")

    assert verdicts(alice.id, "another-post", READER) == ["unavailable"]
    assert verdicts(bob.id, "another-post", READER) == ["unavailable"]


def test_the_stop_page_still_knows_who_shared_and_a_second_press_is_nothing(app, mailed) -> None:
    client = browser(app)
    client.post(f"/unsubscribe/{mailed['alice']}")

    assert "Alice Martin" in client.get(f"/unsubscribe/{mailed['alice']}").get_data(as_text=True)
    assert client.post(f"/unsubscribe/{mailed['alice']}").status_code == 200


@pytest.mark.parametrize("state", ["queued", "sending"])
def test_what_may_have_left_is_never_tried_again_without_its_address(
    app, alice, alices_post, state: str
) -> None:
    share(alice.id, alices_post.id, READER)
    tried = one_to(alice.id).id
    with transaction():
        over = {"first_tried_at": clock.now(), "transport": "smtp", "next_attempt_at": clock.now()}
        values = {"state": state, "lease": "x", "leased_until": clock.now(), **over}
        db.session.execute(update(Delivery).where(Delivery.id == tried).values(**values))

    browser(app).post(f"/unsubscribe/{token_of(tried)}")
    tasks.send(tried)

    assert READER not in everything_kept()
    assert states() == ["unknown"]
    assert db.session.scalars(select(FirstContact.delivery_id)).all() == [tried]


def test_an_operators_stop_drops_the_address_too(app, mailed) -> None:
    with transaction():
        consents.suppress(READER)

    assert READER not in everything_kept()


def test_the_proof_of_the_send_stays_without_the_address(app, alice, mailed) -> None:
    browser(app).post(f"/unsubscribe/{mailed['alice']}")

    db.session.rollback()
    proof = db.session.scalars(select(ConsentProof)).one()
    assert proof.text and [one[0] for one in proof.answers] == [OTHER]
    assert [one.address for one in sends.send_result(alice.id, proof.send_id).entries] == [OTHER]


def test_the_stop_page_says_what_is_true(app, mailed) -> None:
    client = browser(app)
    asked = client.get(f"/unsubscribe/{mailed['alice']}").get_data(as_text=True)
    unknown = client.get("/unsubscribe/unknown").get_data(as_text=True)
    stopped = client.post(f"/unsubscribe/{mailed['alice']}").get_data(as_text=True)

    assert "et rien d’autre" not in asked
    for page in (asked, unknown):
        assert "Dès votre clic" in page and "30 jours après chaque envoi" in page
    assert "effacée de nos envois" in stopped
