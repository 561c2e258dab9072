"""Brevo's own double opt-in as an option: it puts the question, and its list is kept in step."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, update

from contentflow.consent import services as consents
from contentflow.contacts import invitations, list_sync, list_tasks, retention
from contentflow.contacts.models import ListChange
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import Breaker, Delivery
from contentflow.mailing.sending import claim
from contentflow.mailing.transports import chosen
from tests.contacts.steps import BOOK, Person, let_leave
from tests.house import browser, post, run_work
from tests.mailing.standin_brevo import Brevo


@pytest.fixture
def brevo() -> Iterator[Brevo]:
    standin = Brevo()
    yield standin
    standin.close()


@pytest.fixture
def app(make_app: Callable[..., Flask], brevo: Brevo) -> Iterator[Flask]:
    app = make_app(
        BREVO_API_KEY="key", BREVO_API_URL=brevo.url, BREVO_DOI_TEMPLATE_ID="7", BREVO_LIST_ID="3",
        EMAIL_FROM="programme@share.example.org", SMTP_URL="", MAIL_RETRY_SECONDS="1,1",
        MAIL_TIMEOUT_SECONDS="1",
    )  # fmt: skip
    with app.app_context():
        yield app


@pytest.fixture
def ann(people: Callable[..., Person]) -> Person:
    return people("ann@example.org")


def invite(app: Flask, *people: Person) -> None:
    for person in people:
        assert person.be_invited() == "invited"
    let_leave(app)


def link_of(brevo: Brevo, address: str = "ann@example.org") -> str:
    (url,) = (one["redirectionUrl"] for one in brevo.asked_to_join if one["email"] == address)
    assert url.startswith("https://share.example.org/subscribe/")
    return urlsplit(url).path


def the_mail() -> Delivery:
    db.session.rollback()
    return db.session.scalars(select(Delivery)).one()


def untold() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(ListChange.address)))


@pytest.mark.parametrize("status", ["201", "204"])
def test_brevo_puts_the_question_once_and_no_mail_of_ours_leaves(app, brevo, ann, status) -> None:
    brevo.contacts_mode = status
    invite(app, ann)
    let_leave(app)

    (asked,) = brevo.asked_to_join
    assert (asked["email"], asked["includeListIds"], asked["templateId"]) == ("ann@example.org", [3], 7)
    assert asked["attributes"]["PARTNER"] in asked["attributes"]["PROMISE"]
    assert asked["attributes"]["STOP"].startswith("https://share.example.org/unsubscribe/")
    assert brevo.messages == {}
    assert (the_mail().state, the_mail().transport, the_mail().message_id) == ("sent", "brevo_doi", None)


def test_the_redirect_page_still_asks_and_the_proof_says_brevo(app, brevo, ann, alice_client) -> None:
    invite(app, ann)
    link = link_of(brevo)

    page = browser(app).get(f"{link}?utm_source=brevo")
    assert page.status_code == 200
    assert ann.state == "invited"
    assert browser(app).post(link, data={"answer": "yes"}).status_code == 200

    assert (ann.state, ann.contact.proof_origin) == ("confirmed", "brevo")
    shown = alice_client.get(f"{BOOK}/{ann.contact.id}").get_data(as_text=True)
    assert "confirmé chez Brevo, puis le bouton de notre page" in shown


@pytest.mark.parametrize(
    "mode", ["accept then reset", "accept then hang", "500", "408 x", "503 html", "202", "garbage"]
)
def test_a_question_of_unknown_fate_is_never_put_again(app, brevo, ann, mode) -> None:
    brevo.contacts_mode = "500" if mode == "408 x" else mode
    invite(app, ann)
    with time_machine.travel(clock.now() + timedelta(minutes=5)):
        brevo.contacts_mode = "201"
        let_leave(app)

    assert the_mail().state == "unknown"
    assert len(brevo.asked_to_join) == mode.startswith("accept")
    assert ann.be_invited() == "already"


def test_a_worker_that_dies_after_the_claim_asks_nobody_twice(app, brevo, ann) -> None:
    assert ann.be_invited() == "invited"
    with transaction():
        db.session.execute(update(Delivery).values(next_attempt_at=clock.now()))
    transport = chosen()
    assert transport is not None
    with transaction():
        taken = claim(the_mail().id, transport)
    assert taken is not None
    transport.send(taken.message, taken.to, taken.delivery_id)  # And its worker dies here.

    with time_machine.travel(clock.now() + timedelta(hours=1)):
        let_leave(app)

    assert len(brevo.asked_to_join) == 1
    assert the_mail().state == "unknown"


def test_many_questions_leave_each_once(app, brevo, people) -> None:
    invite(app, *(people(f"a{number}@example.org") for number in range(6)))

    assert sorted(one["email"] for one in brevo.asked_to_join) == [f"a{n}@example.org" for n in range(6)]


def test_settings_that_are_wrong_at_brevo_ask_nobody_and_stop_no_other_mail(app, brevo, ann) -> None:
    brevo.contacts_mode = "400 invalid_parameter: An active DOI template does not exist"
    invite(app, ann)
    for number in range(1, 9):
        with time_machine.travel(clock.now() + timedelta(minutes=number)):
            let_leave(app)

    assert db.session.scalars(select(Breaker).where(Breaker.opened_at.is_not(None))).all() == []
    assert (the_mail().state, ann.state) == ("failed", "imported")


def test_an_address_that_brevo_refuses_was_not_asked(app, brevo, ann) -> None:
    brevo.contacts_mode = "400 invalid_parameter: Invalid email address"
    invite(app, ann)

    assert (the_mail().state, ann.state) == ("failed", "imported")


def test_an_account_that_is_refused_waits_and_then_asks(app, brevo, ann) -> None:
    brevo.contacts_mode = "401"
    invite(app, ann)
    assert the_mail().state == "queued"

    brevo.contacts_mode = "201"
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        let_leave(app)

    assert (the_mail().state, len(brevo.asked_to_join)) == ("sent", 1)


def test_without_the_list_our_own_mail_asks(make_app, brevo, alice) -> None:
    app = make_app(
        BREVO_API_KEY="key", BREVO_API_URL=brevo.url, BREVO_DOI_TEMPLATE_ID="7", SMTP_URL="",
        EMAIL_FROM="programme@share.example.org",
    )  # fmt: skip
    with app.app_context():
        ann = Person(app, browser(app), alice.id, "ann@example.org")
        from tests.house import log_in

        log_in(ann.client, alice.id)
        ann.join()
        invite(app, ann)

    assert brevo.asked_to_join == []
    assert len(brevo.messages) == 1


# The list


def test_the_list_holds_who_is_confirmed_and_nobody_else(app, brevo, people, alice_client) -> None:
    stays, stops, refuses, forgets, erased = folk = [people(f"{name}@example.org") for name in "abcde"]
    invite(app, *folk)
    brevo.members |= {one.address for one in folk}  # All pressed Brevo's own button.
    links = {one.address: link_of(brevo, one.address) for one in folk}
    for one in folk:
        said = "no" if one is refuses else "yes"
        assert browser(app).post(links[one.address], data={"answer": said}).status_code == 200
    run_work(app)
    assert brevo.members == {one.address for one in folk} - {refuses.address}

    with transaction():
        consents.suppress(stops.address, cause="complaint")
    post(alice_client, f"{BOOK}/forget", {"contact": forgets.contact.id})
    stop = next(one["attributes"]["STOP"] for one in brevo.asked_to_join if one["email"] == erased.address)
    browser(app).post(urlsplit(stop).path.replace("unsubscribe", "preferences"), data={"scope": "erase"})
    run_work(app)

    assert brevo.members == {stays.address}
    assert untold() == []


def test_who_never_pressed_our_button_leaves_the_list_with_the_address(app, brevo, ann) -> None:
    invite(app, ann)
    brevo.members.add("ann@example.org")

    with time_machine.travel(clock.now() + timedelta(days=31)):
        invitations.expire_unanswered()
        run_work(app)

    assert brevo.members == set()
    assert untold() == []


def test_an_old_contact_leaves_the_list_too(app, brevo, ann) -> None:
    invite(app, ann)
    browser(app).post(link_of(brevo))
    run_work(app)
    assert brevo.members == {"ann@example.org"}

    with time_machine.travel(clock.now() + timedelta(days=3 * 365 + 2)):
        retention.erase_old()
        run_work(app)

    assert brevo.members == set()


def test_who_was_confirmed_before_the_list_was_set_enters_it_once(
    app, brevo, people, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(list_sync, "AT_ONCE", 2)
    folk = [people(f"{name}@example.org") for name in "abc"]
    invite(app, *folk)
    for one in folk:
        browser(app).post(link_of(brevo, one.address))
    with transaction():
        db.session.execute(delete(ListChange))  # As if the list had not been set yet.

    list_sync.note_everybody()
    run_work(app)
    told = len(brevo.list_calls)
    list_sync.note_everybody()
    run_work(app)

    assert brevo.members == {one.address for one in folk}
    assert (told, len(brevo.list_calls)) == (3, 3)


def test_one_book_less_keeps_who_is_confirmed_in_another(
    app, brevo, ann, bob, bob_client, alice_client
) -> None:
    invite(app, ann)
    browser(app).post(link_of(brevo))
    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()
    post(bob_client, f"{BOOK}/forget", {"contact": bobs.contact.id})
    run_work(app)

    assert brevo.members == {"ann@example.org"}


@pytest.mark.parametrize("mode", ["401", "500", "429", "accept then reset"])
def test_what_could_not_be_told_is_told_later(app, brevo, ann, mode) -> None:
    invite(app, ann)
    browser(app).post(link_of(brevo))
    brevo.contacts_mode = mode
    run_work(app)
    assert untold() == ["ann@example.org"]

    brevo.contacts_mode = "201"
    with time_machine.travel(clock.now() + timedelta(hours=2)):
        run_work(app)

    assert brevo.members == {"ann@example.org"}
    assert untold() == []


def test_a_change_while_it_is_told_is_told_again(app, ann) -> None:
    with transaction():
        list_sync.note([ann.contact])
    with transaction():
        ((taken, _, is_inside),) = list_sync.claim_some()
    assert not is_inside
    with transaction():
        list_sync.note([ann.contact])

    with transaction():
        list_sync.settle([taken])

    assert untold() == ["ann@example.org"]


def test_ten_calls_a_second_at_most_and_the_others_follow(app, brevo, alice) -> None:
    from contentflow.contacts.models import Contact
    from contentflow.mailing.recipients import recipient_hash

    with transaction():
        folk = [
            Contact(
                partner_id=alice.id, address=f"a{number}@example.org", state="confirmed", origin="add",
                address_hash=recipient_hash(f"a{number}@example.org"), tags="", clicks=0,
            )
            for number in range(24)
        ]  # fmt: skip
        db.session.add_all(folk)
        db.session.flush()
        list_sync.note(folk)
    for _number in range(30):
        list_tasks.tell_list("due")
        if not untold():
            break
        time.sleep(0.2)

    times = [at for at, _, _ in brevo.list_calls]
    assert all(sum(begin <= at < begin + 0.8 for at in times) <= 10 for begin in times)
    assert len(brevo.members) == 24


def test_an_address_that_cannot_be_told_is_forgotten_after_30_days(app, ann) -> None:
    with transaction():
        list_sync.note([ann.contact])

    with time_machine.travel(clock.now() + timedelta(days=31)):
        list_sync.erase_untold()

    assert untold() == []


def test_without_a_list_nothing_is_kept_for_brevo(make_app, alice) -> None:
    app = make_app()
    with app.app_context():
        from tests.house import log_in

        ann = Person(app, log_in(browser(app), alice.id), alice.id, "ann@example.org")
        ann.join()
        ann.say_yes()

        assert untold() == []


def test_the_invite_page_says_that_brevo_asks(app, ann, alice_client) -> None:
    page = alice_client.get(f"{BOOK}/invite?contact={ann.contact.id}").get_data(as_text=True)

    assert "La question part par Brevo" in page
    assert re.search(r"<iframe", page) is None
