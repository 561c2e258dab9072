"""Partners: one row an address, however it is written; and the commands."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from contentflow.core.db import transaction
from contentflow.core.errors import NotFound
from contentflow.partners import addresses, services
from contentflow.partners.errors import NameTooLong, NotAnAddress, UnknownPartner
from contentflow.partners.models import Partner
from tests.house import browser
from tests.partners.login_steps import press, rows, stored


def count() -> int:
    return len(stored(Partner.id))


def run(app: Flask, *arguments: str):
    return app.test_cli_runner().invoke(args=["partner", *arguments])


@pytest.mark.parametrize("typed", ["alice@example.org", " ALICE@Example.ORG ", "Alice@example.org"])
def test_a_known_address_is_the_same_partner(alice, typed):
    with transaction():
        again = services.add_partner(typed, "Somebody Else", is_operator=True)
        assert (again.id, again.name, again.is_operator) == (alice.id, "Alice Martin", False)

    assert count() == 1


def test_a_domain_with_accents_is_one_address_in_both_its_forms(app):
    assert addresses.normal("Zoe@Été.example.org") == addresses.normal("zoe@xn--t-9fab.example.org")


def test_a_tag_makes_another_partner_with_the_same_mailbox(app, alice):
    with transaction():
        other = services.add_partner("alice+shop@example.org")
        assert other.id != alice.id

    assert addresses.mailbox("alice+shop+2@example.org") == "alice@example.org"


@pytest.mark.parametrize(
    "typed", ["", "alice", "alice@", "@example.org", "a b@example.org", "a@b@example.org"]
)
def test_what_is_no_address_is_refused_and_nothing_is_written(app, typed):
    with pytest.raises(NotAnAddress), transaction():
        services.add_partner(typed)

    assert count() == 0


def test_a_name_is_one_line_and_never_cut(app):
    with transaction():
        assert services.add_partner("a@example.org", " Zoé\n\tMartin\x07 ").name == "Zoé Martin"
    with pytest.raises(NameTooLong), transaction():
        services.add_partner("b@example.org", "x" * 101)

    assert count() == 1


def test_a_partner_is_found_or_not(app, alice):
    assert services.get_partner(alice.id).email == "alice@example.org"
    assert services.find_partner_by_email("nobody@example.org") is None
    assert services.find_partner_by_email("no address") is None
    with pytest.raises(NotFound):
        services.get_partner("x" * 22)


def test_a_link_for_nobody_is_refused_and_nothing_is_written(app):
    with pytest.raises(UnknownPartner), transaction():
        services.make_login_link("nobody@example.org")

    assert rows()["login_requests"] == 0


def test_the_export_names_the_partner(alice):
    exported = alice.to_dict()

    assert list(exported) == ["id", "email", "name", "created_at"]
    assert exported["email"] == "alice@example.org" and exported["created_at"].endswith("Z")


# Commands


def test_partner_add_prints_the_id_alone_and_again(app):
    first, second = run(app, "add", "zoe@example.org", "--name", "Zoé"), run(app, "add", "ZOE@example.org")

    partner = services.find_partner_by_email("zoe@example.org")
    assert first.stdout == second.stdout == f"{partner.id}\n"
    assert partner.name == "Zoé" and not partner.is_operator


def test_partner_add_can_add_an_operator_and_print_json(app):
    result = run(app, "add", "olga@example.org", "--operator", "--json")

    partner = services.find_partner_by_email("olga@example.org")
    assert json.loads(result.stdout) == {"id": partner.id}
    assert partner.is_operator


def test_partner_add_refuses_with_a_sentence(app):
    result = run(app, "add", "no address")

    assert result.exit_code == 1 and "The @ is missing" in result.output
    assert count() == 0


def test_what_is_pasted_into_a_terminal_loses_its_unseen_marks(app, alice):
    known = run(app, "add", "\u202aali\u200bce@example.org\u202c")
    other = run(app, "add", "zoe@example.org", "--name", "\u200bZoé 👩\u200d🎨\u200e")

    assert known.stdout.strip() == alice.id
    with app.app_context():
        assert services.get_partner(other.stdout.strip()).name == "Zoé 👩\u200d🎨"


def test_login_link_prints_a_url_that_logs_in(app, alice):
    url = run(app, "login-link", "alice@example.org").output.strip()
    as_json = json.loads(run(app, "login-link", "alice@example.org", "--json").output)

    assert url.startswith("https://share.example.org/partner/login/")
    assert press(browser(app), url.removeprefix("https://share.example.org")).status_code == 410
    path = as_json["url"].removeprefix("https://share.example.org")
    assert press(browser(app), path).status_code == 303


def test_login_link_for_an_unknown_address_is_a_sentence_and_1(app):
    result = run(app, "login-link", "nobody@example.org")

    assert result.exit_code == 1
    assert "No partner" in result.output
