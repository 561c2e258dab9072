"""The one question: who is asked, how it is answered, and that nobody is asked twice."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import time_machine
from sqlalchemy import select, update

from contentflow.consent import services as consents
from contentflow.consent.models import Subscription, Suppression
from contentflow.contacts import invitations
from contentflow.contacts.models import Contact, Invitation
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import CapturedMail, Delivery
from tests.contacts.steps import BOOK, Person, add, contacts_of, let_leave, mails_to, verdicts_in
from tests.house import browser, post, run_work


def test_a_yes_on_the_page_is_kept_with_text_time_origin_and_hash_of_the_ip(people) -> None:
    ann = people("ann@example.org")

    ann.say_yes()

    (yes,) = db.session.scalars(select(Subscription))
    assert (ann.state, yes.origin) == ("confirmed", "invitation")
    assert "Alice Martin pourra vous écrire" in yes.text
    assert re.fullmatch(r"[0-9a-f]{64}", yes.ip_hash)
    assert ann.contact.proof_text == yes.text
    assert ann.contact.last_yes_at == ann.contact.proof_at == yes.created_at


def test_the_mail_names_who_asks_and_carries_both_ways_out(app, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()

    (mail,) = mails_to("ann@example.org")

    assert "Alice Martin" in mail.subject and mail.sender.startswith("Alice Martin via ContentFlow")
    assert mail.headers["List-Unsubscribe"] == f"<https://share.example.org{ann.link('unsubscribe')}>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "publicitaires" in mail.text and "jamais deux fois" in mail.text


def test_a_scanner_that_follows_every_link_confirms_nobody(app, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    mail = mails_to("ann@example.org")[-1]
    links = set(re.findall(r"https://share\.example\.org(/[^\s\"<>]+)", mail.text + mail.html))

    for link in links:
        for method in ("GET", "HEAD", "OPTIONS"):
            browser(app).open(link, method=method)

    assert ann.state == "invited"
    assert db.session.scalars(select(Subscription)).all() == []
    assert db.session.scalars(select(Suppression)).all() == []


def test_without_attestation_nobody_is_asked(alice_client, people) -> None:
    ann = people("ann@example.org")

    response = post(alice_client, f"{BOOK}/invite", {"contact": ann.contact.id})

    assert response.status_code == 422
    assert ann.state == "imported"


def test_a_contact_is_asked_once(app, people) -> None:
    ann = people("ann@example.org")
    assert ann.be_invited() == "invited"
    let_leave(app)

    assert ann.be_invited() == "already"
    let_leave(app)

    assert len(mails_to("ann@example.org")) == 1


def test_the_same_press_again_answers_as_it_did(app, people) -> None:
    ann = people("ann@example.org")

    assert [ann.be_invited(nonce="n"), ann.be_invited(nonce="n")] == ["invited", "invited"]
    let_leave(app)

    assert len(mails_to("ann@example.org")) == 1


def test_another_partner_does_not_ask_within_30_days(app, bob, bob_client, people) -> None:
    people("ann@example.org").be_invited()
    let_leave(app)
    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()

    assert bobs.be_invited() == "unavailable"

    with time_machine.travel(clock.now() + timedelta(days=31)):
        assert bobs.be_invited() == "invited"


@pytest.mark.parametrize(("days_away", "second"), [(31, "invited"), (29, "unavailable")])
def test_a_worker_that_was_away_asks_nobody_twice_in_30_days(
    app, bob, bob_client, people, days_away: int, second: str
) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()
    with time_machine.travel(clock.now() + timedelta(days=days_away), tick=False) as now:
        if days_away < 30:  # It leaves late, and the other asks two days after that.
            let_leave(app)
            now.shift(timedelta(days=2))
        assert bobs.be_invited() == second
        let_leave(app)

        assert len(mails_to("ann@example.org")) == 1


def test_who_said_no_is_asked_by_nobody_again(app, bob, bob_client, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    assert ann.answer("no").status_code == 200
    assert ann.state == "refused"

    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()

    with time_machine.travel(clock.now() + timedelta(days=400)):
        assert bobs.be_invited() == "unavailable"
    assert bobs.state == "imported"  # Nobody learns of it.


def test_a_no_after_a_stop_weighs_as_a_no(app, bob, bob_client, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    ann.stop("partner")
    ann.answer("no")

    assert consents.refused_by([ann.contact.address_hash])


def test_a_later_answer_may_be_the_other_one(people, app) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()

    states = []
    for word in ("yes", "yes", "no", "no", "yes"):
        assert ann.answer(word).status_code == 200
        states.append(ann.state)

    assert states == ["confirmed", "confirmed", "refused", "refused", "confirmed"]


def test_a_post_without_an_answer_is_a_yes_and_another_word_is_refused(people, app) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()

    assert browser(app).post(ann.link(), data={"answer": "maybe"}).status_code == 422
    assert ann.state == "invited"
    assert browser(app).post(ann.link()).status_code == 200
    assert ann.state == "confirmed"


def test_an_invitation_older_than_30_days_is_gone_and_so_is_the_address(people, app, alice) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    link = ann.link()

    with time_machine.travel(clock.now() + timedelta(days=30, minutes=1)):
        invitations.expire_unanswered()
        assert browser(app).get(link).status_code == 410
        assert browser(app).post(link, data={"answer": "yes"}).status_code == 410

    (gone,) = contacts_of(alice.id).values()
    assert (gone.state, gone.address, gone.name) == ("expired", None, "")
    assert db.session.scalars(select(Subscription)).all() == []
    assert len(db.session.scalars(select(Invitation.id)).all()) == 1


def test_who_was_forgotten_is_not_asked_again_by_the_same_partner(people, app, alice_client, alice) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    with time_machine.travel(clock.now() + timedelta(days=31)):
        invitations.expire_unanswered()

    assert verdicts_in(add(alice_client, "ann@example.org")) == ["already"]
    (gone,) = contacts_of(alice.id).values()
    sent = {"contact": gone.id, "consent": "y"}
    assert verdicts_in(post(alice_client, f"{BOOK}/invite", sent)) == ["unavailable"]


def test_invitations_are_paced_over_days_in_their_order(make_app, alice) -> None:
    from tests.house import log_in

    app = make_app(INVITES_PER_DAY="3")
    with app.app_context():
        client = log_in(browser(app), alice.id)
        add(client, "\n".join(f"a{number}@example.org" for number in range(8)))
        ids = [one.id for one in contacts_of(alice.id).values()]

        found = verdicts_in(post(client, f"{BOOK}/invite", {"contact": ids, "consent": "y"}))
        let_leave(app)

        assert found == ["invited"] * 8
        assert _states() == ["scheduled"] * 5 + ["sent"] * 3
        for day, left in ((1, 6), (2, 8)):
            with time_machine.travel(clock.now() + timedelta(days=day, minutes=1)):
                run_work(app)
                let_leave(app)
                assert _states().count("sent") == left


def _states() -> list[str]:
    db.session.rollback()
    return sorted(db.session.scalars(select(Delivery.state)))


def test_the_claim_counts_the_last_24_hours_once_more(make_app, alice) -> None:
    from tests.house import log_in

    app = make_app(INVITES_PER_DAY="2")
    with app.app_context():
        client = log_in(browser(app), alice.id)
        add(client, "\n".join(f"a{number}@example.org" for number in range(5)))
        ids = [one.id for one in contacts_of(alice.id).values()]
        post(client, f"{BOOK}/invite", {"contact": ids, "consent": "y"})
        with transaction():  # The worker was away for days: all of them are due.
            db.session.execute(update(Delivery).values(state="queued", next_attempt_at=clock.now()))

        let_leave(app)

        assert _states().count("sent") == 2


def test_an_invitation_uses_none_of_the_one_share_mail_of_rule_4(app, alice, alices_post, people) -> None:
    from tests.mailing.letters import verdicts

    people("ann@example.org").be_invited()
    let_leave(app)

    assert verdicts(alice.id, alices_post.id, "ann@example.org") == ["queued"]


def test_who_stops_before_it_leaves_gets_no_question(app, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    with transaction():
        consents.suppress("ann@example.org")

    let_leave(app)

    assert mails_to("ann@example.org") == []
    assert ann.state == "unsubscribed"


def test_a_question_that_failed_was_not_put(app, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    with transaction():
        db.session.execute(update(Delivery).values(recipient=None, next_attempt_at=clock.now()))
    run_work(app)
    db.session.rollback()
    assert ann.state == "imported"

    assert ann.be_invited() == "invited"


def test_a_stop_of_everything_is_not_lifted_by_a_yes(app, people) -> None:
    ann = people("ann@example.org")
    ann.be_invited()
    ann.read_mail()
    ann.stop("all")

    ann.answer("yes")

    assert ann.state == "unsubscribed"


def test_bounces_and_complaints_stand_in_every_book(app, bob, bob_client, people) -> None:
    ann = people("ann@example.org")
    bobs = Person(app, bob_client, bob.id, "ann@example.org")
    bobs.join()

    with transaction():
        consents.suppress("ann@example.org", cause="bounce")
    assert (ann.state, bobs.state) == ("bounced", "bounced")
    with transaction():
        consents.suppress("ann@example.org", partner_id=bob.id, cause="complaint")
    assert (ann.state, bobs.state) == ("bounced", "unsubscribed")


def test_a_yes_to_a_shared_mail_puts_its_reader_into_the_book(app, alice, alices_post) -> None:
    from tests.mailing.letters import share

    share(alice.id, alices_post.id, "reader@example.org")
    let_leave(app)
    link = re.search(r"/subscribe/\S+", mails_to("reader@example.org")[0].text)
    assert link is not None

    browser(app).post(link[0])

    reader = contacts_of(alice.id)["reader@example.org"]
    assert (reader.state, reader.origin, reader.proof_origin) == ("confirmed", "mail", "mail")


def test_two_partners_who_ask_the_same_person_at_once_ask_once(
    app, alice, bob, alice_client, bob_client
) -> None:
    from threading import Barrier, Thread

    from contentflow.partners.models import Partner

    found, start = [], Barrier(2)
    for client in (alice_client, bob_client):
        add(client, "\n".join(f"a{number}@example.org" for number in range(10)))

    def ask(partner_id: str) -> None:
        with app.app_context():
            partner = db.session.get_one(Partner, partner_id)
            ids = list(db.session.scalars(select(Contact.id).where(Contact.partner_id == partner_id)))
            start.wait()
            with transaction():
                partner = db.session.get_one(Partner, partner_id)
                verdicts = invitations.invite(partner, ids, "", True, "n", "fr")
            found.extend(one.verdict for one in verdicts)

    threads = [Thread(target=ask, args=(one.id,)) for one in (alice, bob)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(found) == ["invited"] * 10 + ["unavailable"] * 10


def test_old_contacts_are_erased_and_who_left_is_forgotten(app, alice, people) -> None:
    from contentflow.contacts import retention

    people("ann@example.org").say_yes()
    ben = people("ben@example.org")
    ben.say_yes()
    ben.stop("partner")

    with time_machine.travel(clock.now() + timedelta(days=31)):
        retention.erase_old()
        assert set(contacts_of(alice.id)) == {"ann@example.org", None}
    with time_machine.travel(clock.now() + timedelta(days=3 * 365 + 1)):
        retention.erase_old()
        assert set(contacts_of(alice.id)) == {None}


def test_erasure_takes_the_book_and_keeps_only_hashes(app, alice, alice_client, people) -> None:
    people("ann@example.org").say_yes()

    assert post(alice_client, "/partner/erase", {"confirm": "ERASE"}).status_code == 303

    assert contacts_of(alice.id) == {}
    assert db.session.scalars(select(CapturedMail)).all() == []
    (kept,) = db.session.scalars(select(Invitation))
    assert kept.contact_id is None


@pytest.mark.parametrize("setting", [{"INVITES_PER_DAY": "0"}, {"SHARE_EMAIL_ENABLED": "false"}])
def test_where_invitations_are_off_nobody_is_asked(make_app, alice, setting) -> None:
    from tests.house import log_in

    app = make_app(**setting)
    with app.app_context():
        client = log_in(browser(app), alice.id)
        add(client, "ann@example.org")
        (ann,) = contacts_of(alice.id).values()

        response = post(client, f"{BOOK}/invite", {"contact": ann.id, "consent": "y"})

        assert response.status_code == 422
