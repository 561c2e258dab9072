"""The book: look, add, tag, forget."""

from __future__ import annotations

import json
import re

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.mailing.models import SenderPause
from tests.contacts.steps import BOOK, add, contacts_of, verdicts_in
from tests.house import post


def test_many_addresses_are_pasted_at_once_and_each_has_its_verdict(alice_client, alice) -> None:
    typed = "ann@example.org, Ben <ben@example.org>\nBEN@example.org; broken; a@b, x@mailinator.com"

    found = verdicts_in(add(alice_client, typed, tags="amis, paris"))

    assert found == ["added", "added", "duplicate_in_file", "malformed", "malformed", "disposable"]
    book = contacts_of(alice.id)
    assert set(book) == {"ann@example.org", "ben@example.org"}
    assert book["ann@example.org"].tags == "|amis|paris|"


def test_adding_again_changes_no_state_and_adds_tags(people, alice_client) -> None:
    ann = people("ann@example.org")
    ann.say_yes()

    assert verdicts_in(add(alice_client, "ANN@example.org", tags="vip")) == ["already"]

    assert (ann.state, ann.contact.tags) == ("confirmed", "|vip|")


def test_nothing_typed_is_refused(alice_client) -> None:
    assert add(alice_client, " ").status_code == 422


def test_the_book_is_searched_by_words_tags_and_states(alice_client, people) -> None:
    add(alice_client, "ann@example.org", tags="Été")
    people("ben@example.net").say_yes()

    def shown(**wanted: str) -> list[str]:
        page = alice_client.get(BOOK, query_string=wanted).get_data(as_text=True)
        return [name for name in ("ann@", "ben@") if f'">{name}' in page]

    assert shown() == ["ann@", "ben@"]
    assert shown(q="ANN") == ["ann@"]
    assert shown(tag="été") == ["ann@"]
    assert shown(state="confirmed") == ["ben@"]
    assert shown(q="%") == []
    assert shown(tag="x\0") == shown(state="nothing") == []


def test_the_list_goes_on_by_cursors(alice_client) -> None:
    add(alice_client, "\n".join(f"a{number}@example.org" for number in range(60)))

    first = alice_client.get(BOOK).get_data(as_text=True)

    assert first.count("data-contact=") == 50
    assert "before=" in first


def test_tags_are_given_and_taken(alice_client, alice) -> None:
    add(alice_client, "ann@example.org", tags="Paris")
    ann = contacts_of(alice.id)["ann@example.org"].id

    post(alice_client, f"{BOOK}/tag", {"contact": ann, "tags": "PARIS, vip"})
    assert contacts_of(alice.id)["ann@example.org"].tags == "|Paris|vip|"
    post(alice_client, f"{BOOK}/tag", {"contact": ann, "tags": "paris", "remove": "1"})

    assert contacts_of(alice.id)["ann@example.org"].tags == "|vip|"


def test_acts_without_a_contact_or_with_too_many_are_refused(alice_client) -> None:
    many = [f"{number:022d}" for number in range(201)]

    for act in ("tag", "forget", "invite"):
        assert post(alice_client, f"{BOOK}/{act}", {"tags": "a", "consent": "y"}).status_code == 422
        sent = {"contact": many, "tags": "a", "consent": "y"}
        assert post(alice_client, f"{BOOK}/{act}", sent).status_code == 422


def test_bob_meets_alices_contact_as_if_it_did_not_exist(bob_client, people) -> None:
    ann = people("ann@example.org").contact.id

    assert bob_client.get(f"{BOOK}/{ann}").status_code == 404
    for act in ("tag", "forget", "invite"):
        sent = {"contact": ann, "tags": "a", "consent": "y"}
        assert post(bob_client, f"{BOOK}/{act}", sent).status_code == 404
    assert people("other@example.org").client.get(f"{BOOK}/{ann}").status_code == 200


def test_forgetting_erases_the_address_and_keeps_the_stop(app, alice_client, alice, people) -> None:
    ann = people("ann@example.org")
    ann.say_yes()
    ann.stop("partner")
    contact = ann.contact.id

    assert post(alice_client, f"{BOOK}/forget", {"contact": contact}).status_code == 303

    assert contacts_of(alice.id) == {}
    assert verdicts_in(add(alice_client, "ann@example.org")) == ["unavailable"]


def test_a_forgotten_contact_that_is_added_again_is_not_asked_again(alice_client, people) -> None:
    ann = people("ann@example.org")
    assert ann.be_invited() == "invited"
    post(alice_client, f"{BOOK}/forget", {"contact": ann.contact.id})

    ann.join()

    # Its waiting question was taken back by the forgetting, so it was never put.
    assert ann.be_invited() == "invited"


def test_the_export_holds_the_book_with_its_proofs(alice_client, people) -> None:
    people("ann@example.org").say_yes()

    (held,) = json.loads(alice_client.get("/partner/export.json").data)["contacts"]

    assert set(held) == {"id", "address", "name", "tags", "state", "origin", "at", "proof"}
    assert (held["address"], held["state"], held["tags"]) == ("ann@example.org", "confirmed", [])
    assert "Alice Martin" in held["proof"]["text"]
    assert (held["proof"]["origin"], held["proof"]["at"][-1]) == ("invitation", "Z")


def test_the_page_of_a_contact_shows_its_proof_and_its_mails(alice_client, people) -> None:
    ann = people("ann@example.org")
    ann.say_yes()

    page = alice_client.get(f"{BOOK}/{ann.contact.id}").get_data(as_text=True)

    assert ann.contact.proof_text.split(" :")[0] in page.replace("&#39;", "'")
    assert ann.contact.proof_ip_hash[:16] in page
    assert 'data-state="confirmed"' in page
    assert "Invitation" in page


def test_a_paused_partner_reads_why_in_the_book_and_invites_nobody(app, alice, alice_client, people) -> None:
    ann = people("ann@example.org")
    counts = {"sent": 100, "bounced": 9, "complained": 0}
    with transaction():
        db.session.add(SenderPause(scope=alice.id, **counts, paused_at=clock.now()))

    refused = post(alice_client, f"{BOOK}/invite", {"contact": ann.contact.id, "consent": "y"})

    why = "Tes envois sont en pause : sur 100 adresses, refusées pour de bon : 9."
    for page in (BOOK, f"{BOOK}/invite?contact={ann.contact.id}"):
        assert why in alice_client.get(page).get_data(as_text=True)
    assert refused.status_code == 429
    assert why in refused.get_data(as_text=True)
    assert refused.headers["Retry-After"] == "86400"
    assert ann.state == "imported"


def test_the_acts_on_chosen_contacts_bring_their_token_and_the_question_none(people, alice_client) -> None:
    people("ann@example.org")
    page = alice_client.get(BOOK).get_data(as_text=True)
    form = page[page.index('id="contacts-chosen"') :].partition("</form>")[0]
    buttons = re.findall(r"<button[^>]*>", form)

    posts = [button for button in buttons if 'formmethod="post"' in button]
    assert len(posts) == 3
    assert all('name="csrf_token"' in button for button in posts)
    assert form.count("csrf_token") == 3


def test_a_tag_is_taken_off_by_the_button_s_own_address(people, alice_client) -> None:
    ann = people("ann@example.org")
    post(alice_client, f"{BOOK}/tag", {"contact": ann.contact.id, "tags": "vip"})
    assert ann.contact.tags == "|vip|"

    post(alice_client, f"{BOOK}/tag?remove=1", {"contact": ann.contact.id, "tags": "vip"})

    assert ann.contact.tags == ""
