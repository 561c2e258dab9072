"""Who can be paid, and what is missing for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from contentflow.agreements import services as agreements
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.encryption import encrypt
from contentflow.core.errors import NotFound
from contentflow.partners.models import Partner
from contentflow.payouts.models import BankAccount, BillingProfile
from contentflow.payouts.payees import BankOfPayee, open_iban, payee_of, payees_of

IBAN = "FR1420041010050500013M02606"


def profile(partner: Partner, **given: object) -> BillingProfile:
    fields = {
        "kind": "sole_trader",
        "legal_name": "Éloïse d’Œuvre & Fils",
        "siret": "73282932000074",
        "street": "1 rue de la Paix",
        "postcode": "75002",
        "city": "Paris",
        "vat": "franchise",
        "checked_at": clock.now(),
    }
    return BillingProfile(partner_id=partner.id, **{**fields, **given})


def account(partner: Partner, **given: object) -> BankAccount:
    fields = {
        "iban": encrypt(IBAN),
        "iban_hash": "0" * 64,
        "last_four": "2606",
        "bic": "PSSTFRPPXXX",
        "holder": "Éloïse d’Œuvre",
        "usable_at": clock.now() - timedelta(days=1),
    }
    return BankAccount(partner_id=partner.id, **{**fields, **given})


@pytest.fixture
def mandate(app: Flask) -> Callable[[Partner], str]:
    with transaction():
        version = agreements.publish("mandate", "Je donne mandat.", "cli").version

    def accept(partner: Partner) -> str:
        agreements.accept(partner.id, "mandate", version, "/partner/billing", is_with_code=True)
        return version

    return accept


def test_of_whom_nothing_is_known_everything_is_missing(app: Flask, alice: Partner) -> None:
    payee = payee_of(alice.id)

    assert payee.missing == ("no_identity", "no_mandate", "no_bank")
    assert (payee.number, payee.legal_name, payee.bank, payee.mandate_version) == ("", "", None, None)


def test_who_gave_everything_can_be_paid(alice: Partner, mandate: Callable[[Partner], str]) -> None:
    with transaction():
        version = mandate(alice)
        one, bank = profile(alice), account(alice)
        db.session.add_all([one, bank])
        db.session.flush()
        number, bank_id = one.number, bank.id

    payee = payee_of(alice.id)

    assert payee.missing == ()
    assert payee.number == f"P{number:05d}"
    assert (payee.siren, payee.vat, payee.vat_number) == ("732829320", "franchise", "")
    assert payee.mandate_version == version
    assert payee.mandate_accepted_at is not None
    assert payee.bank == BankOfPayee(bank_id, "2606", "Éloïse d’Œuvre", "PSSTFRPPXXX", payee.bank.usable_at)
    assert open_iban(payee.bank.id) == IBAN


@pytest.mark.parametrize(
    ("given", "of_account", "missing"),
    [
        ({"checked_at": None}, {}, ("no_identity",)),
        ({"frozen_at": clock.now()}, {}, ("frozen",)),
        ({"postcode": "97500"}, {}, ("abroad",)),
        ({"postcode": "98800"}, {}, ("abroad",)),
        ({"postcode": "97150"}, {}, ("abroad",)),
        ({"postcode": "97100"}, {}, ()),
        ({"postcode": "98000"}, {}, ()),
        ({}, {"usable_at": clock.now() + timedelta(days=6)}, ("bank_new",)),
        ({}, {"ended_at": clock.now()}, ("no_bank",)),
    ],
)
def test_each_thing_that_is_missing_is_named(
    alice: Partner, mandate: Callable[[Partner], str], given: dict, of_account: dict, missing: tuple
) -> None:
    with transaction():
        mandate(alice)
        db.session.add_all([profile(alice, **given), account(alice, **of_account)])

    assert payee_of(alice.id).missing == missing


def test_a_new_version_of_the_mandate_is_missing_until_it_is_accepted(
    alice: Partner, mandate: Callable[[Partner], str]
) -> None:
    with transaction():
        mandate(alice)
        db.session.add_all([profile(alice), account(alice)])
    with transaction():
        agreements.publish("mandate", "Je donne un autre mandat.", "cli")

    assert payee_of(alice.id).missing == ("no_mandate",)
    assert payee_of(alice.id).mandate_version is None


def test_many_partners_cost_as_many_statements_as_one(app: Flask, alice: Partner, bob: Partner) -> None:
    statements: list[str] = []

    def count(*arguments: object) -> None:
        statements.append(str(arguments[2]))

    event.listen(db.engine, "before_cursor_execute", count)
    found = payees_of([alice.id, bob.id, alice.id])
    event.remove(db.engine, "before_cursor_execute", count)

    assert list(found) == [alice.id, bob.id]
    assert len(statements) <= 4


def test_a_partner_has_one_open_account(alice: Partner) -> None:
    with transaction():
        db.session.add_all([account(alice, ended_at=clock.now()), account(alice)])

    with pytest.raises(IntegrityError), transaction():
        db.session.add(account(alice))


@pytest.mark.parametrize(
    "given", [{"siret": None}, {"vat": "vat"}, {"vat_number": "FR40732829320"}, {"kind": "friend"}]
)
def test_the_database_refuses_half_an_identity(alice: Partner, given: dict) -> None:
    with pytest.raises(IntegrityError), transaction():
        db.session.add(profile(alice, **given))


def test_an_account_that_is_not_there_opens_nothing(app: Flask, alice: Partner) -> None:
    with transaction():
        erased = account(alice, iban=None)
        db.session.add(erased)
        db.session.flush()
        erased_id = erased.id

    for account_id in (erased_id, "x" * 22):
        with pytest.raises(NotFound):
            open_iban(account_id)


def test_the_export_holds_all_but_the_iban(alice: Partner, alice_client: FlaskClient) -> None:
    with transaction():
        db.session.add_all([profile(alice), account(alice)])

    answer = alice_client.get("/partner/export.json")

    assert IBAN not in answer.get_data(as_text=True)
    assert answer.get_json()["billing"][0]["siret"] == "73282932000074"
    assert answer.get_json()["bank_accounts"][0]["last_four"] == "2606"
