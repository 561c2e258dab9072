"""``/partner/billing``: who stands on the invoices, and the mandate."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.agreements import services as agreements
from contentflow.config import ROOT
from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.ledger.models import LedgerEntry, LedgerTransaction
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.payouts import payees, retention
from contentflow.payouts.models import BillingProfile
from contentflow.payouts.payees import BankOfPayee, Missing, payee_of
from contentflow.payouts.profiles import check_mandate
from tests.conftest import MakeApp
from tests.factories.partners import PartnerFactory
from tests.house import browser, log_in, post
from tests.payouts.conftest import PAYS

GIVEN = {
    "kind": "sole_trader",
    "legal_name": "Éloïse d’Œuvre & Fils",
    "siret": "732 829 320 00074",
    "street": "1 rue de la Paix",
    "postcode": "75002",
    "city": "Paris",
    "vat": "franchise",
    "vat_number": "",
    "mandate": "",
}


def flat(text: str) -> str:
    """Return a text with plain spaces only."""
    return text.replace("\u00a0", " ").replace("\u202f", " ")


def profiles() -> list[BillingProfile]:
    return list(db.session.scalars(select(BillingProfile)))


def test_it_is_off_until_payouts_are_enabled(app: Flask, alice_client: FlaskClient) -> None:
    assert alice_client.get("/partner/billing").status_code == 404
    assert post(alice_client, "/partner/billing", GIVEN).status_code == 404


def test_a_stranger_goes_to_the_login(paying: Flask) -> None:
    for path in ("/partner/billing", "/partner/billing/bank", "/partner/billing/bank/confirm"):
        assert browser(paying).post(path).status_code == 303
    assert browser(paying).get("/partner/billing").headers["Location"].startswith("/partner/login?next=")


def test_changing_takes_a_fresh_login(payee: Partner, payee_client: FlaskClient, time_machine) -> None:
    time_machine.move_to(clock.now() + timedelta(minutes=16))

    assert payee_client.get("/partner/billing").status_code == 200
    answer = post(payee_client, "/partner/billing", GIVEN)

    assert answer.headers["Location"].startswith("/partner/login?next=")
    assert profiles() == []


def test_without_its_token_nothing_is_taken(payee_client: FlaskClient) -> None:
    assert payee_client.post("/partner/billing", data=GIVEN).status_code == 400


def test_what_is_given_is_kept_and_shown(payee: Partner, payee_client: FlaskClient) -> None:
    assert post(payee_client, "/partner/billing", GIVEN).status_code == 303

    payee_now = payee_of(payee.id)
    page = payee_client.get("/partner/billing").get_data(as_text=True)
    assert (payee_now.siret, payee_now.vat, payee_now.missing) == (
        "73282932000074", "franchise", ("no_mandate", "no_bank"),
    )  # fmt: skip
    assert "Éloïse d’Œuvre &amp; Fils" in page
    assert payee_now.number in page
    assert 'data-reason="no_bank"' in page


def test_the_number_stays_when_the_identity_changes(payee: Partner, payee_client: FlaskClient) -> None:
    post(payee_client, "/partner/billing", GIVEN)
    number = payee_of(payee.id).number
    post(
        payee_client,
        "/partner/billing",
        {**GIVEN, "kind": "company", "vat": "vat", "vat_number": "FR44 732 829 320"},
    )

    assert payee_of(payee.id).number == number
    assert payee_of(payee.id).vat_number == "FR44732829320"
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "billing.set")).all()
    assert [entry.after["vat"] for entry in entries] == ["franchise", "vat"]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"siret": ""}, "formalites.entreprises.gouv.fr"),
        ({"siret": "00000000000000"}, "quatorze chiffres"),
        ({"siret": "73282932000075"}, "quatorze chiffres"),
        ({"legal_name": ""}, "en entier"),
        ({"legal_name": "東京"}, "ne peut pas montrer « 東 »"),
        ({"street": ""}, "la rue"),
        ({"city": ""}, "la ville"),
        ({"postcode": ""}, "cinq chiffres"),
        ({"postcode": "1000"}, "établis en France"),
        ({"vat": "vat"}, "numéro de TVA français"),
        ({"vat": "vat", "vat_number": "FR83404833048"}, "celui d’une autre entreprise"),
        ({"vat": "vat", "vat_number": "BE0428759497"}, "établis en France"),
        ({"vat_number": "FR44732829320"}, "choisis « Redevable »"),
        ({"vat": "much"}, "Choisis dans la liste"),
        ({"kind": "friend"}, "Choisis dans la liste"),
        ({"mandate": "2020-01-01-1"}, "a changé entre-temps"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    payee_client: FlaskClient, publish: Callable[..., str], wrong: dict, said: str
) -> None:
    publish()
    answer = post(payee_client, "/partner/billing", {**GIVEN, "street": "9 rue Zola", **wrong})

    page = flat(answer.get_data(as_text=True))
    assert answer.status_code == 422
    assert said in page
    assert "732 829 320 00074" in page or "siret" in wrong
    assert "9 rue Zola" in page or "street" in wrong
    assert profiles() == []


def test_markup_in_a_name_is_words(payee_client: FlaskClient) -> None:
    post(payee_client, "/partner/billing", {**GIVEN, "legal_name": "<script>alert(1)</script>"})

    assert "<script>alert" not in payee_client.get("/partner/billing").get_data(as_text=True)


def test_the_mandate_is_read_and_accepted_in_its_version(
    payee: Partner, payee_client: FlaskClient, publish: Callable[..., str]
) -> None:
    assert "pas encore publié" in payee_client.get("/partner/billing").get_data(as_text=True)
    version = publish("Un mandat\n\nen deux paragraphes <b>.")

    assert "&lt;b&gt;" in payee_client.get("/partner/billing").get_data(as_text=True)
    assert post(payee_client, "/partner/billing", {**GIVEN, "mandate": version}).status_code == 303

    acceptance = agreements.find_acceptance(payee.id, "mandate")
    assert acceptance is not None
    assert (acceptance.origin, acceptance.is_with_code) == ("/partner/billing", False)
    assert payee_of(payee.id).mandate_version == version


def test_saving_without_the_box_takes_no_mandate_back(
    payee: Partner, payee_client: FlaskClient, publish: Callable[..., str]
) -> None:
    version = publish()
    post(payee_client, "/partner/billing", {**GIVEN, "mandate": version})
    post(payee_client, "/partner/billing", GIVEN)

    assert payee_of(payee.id).mandate_version == version


def test_the_doctor_says_that_no_mandate_is_published(paying: Flask, publish: Callable[..., str]) -> None:
    assert "text publish mandate" in (check_mandate() or "")
    publish()
    assert check_mandate() is None


def test_the_draft_that_ships_is_in_force_once_it_is_published_without_its_note(paying: Flask) -> None:
    path = ROOT / "contentflow" / "payouts" / "texts" / "mandate.fr.txt"
    assert "avocat" in path.read_text().partition("\n\n")[0]
    assert agreements.in_force("mandate") is None

    run = paying.test_cli_runner().invoke(args=["text", "publish", "mandate", str(path)])

    published = agreements.in_force("mandate")
    assert published is not None
    assert run.stdout.strip() == published.version
    assert "lawyer" in run.stderr
    assert published.body.startswith("MANDAT DE FACTURATION")


def test_bob_sees_nothing_of_alice(paying: Flask, payee_client: FlaskClient) -> None:
    post(payee_client, "/partner/billing", GIVEN)
    bob = log_in(browser(paying), PartnerFactory(email="bob@example.org").id)

    assert "Œuvre" not in bob.get("/partner/billing").get_data(as_text=True)


def test_the_page_is_english_for_who_reads_english(payee_client: FlaskClient) -> None:
    page = payee_client.get("/partner/billing", headers={"Accept-Language": "en"}).get_data(as_text=True)

    assert "Your bank account" in page
    assert "Ton compte" not in page


def test_who_was_never_paid_leaves_no_identity(payee: Partner, payee_client: FlaskClient) -> None:
    post(payee_client, "/partner/billing", GIVEN)

    post(payee_client, "/partner/erase", {"confirm": "EFFACER"})

    (profile,) = profiles()
    assert (profile.legal_name, profile.siret, profile.checked_at) == (None, None, None)


def pay(partner_id: str) -> None:
    """Write a transaction as a payout does."""
    transaction_id = "t" * 22
    with transaction():
        for account, cents in (("available", -100), ("paid", 100)):
            db.session.add(
                LedgerEntry(
                    transaction_id=transaction_id, account=account, partner_id=partner_id, amount_cents=cents
                )
            )
        db.session.flush()
        db.session.add(LedgerTransaction(id=transaction_id, key="paid:x", kind="sale", partner_id=partner_id))


def test_who_was_paid_is_kept_for_ten_years(payee: Partner, payee_client: FlaskClient, time_machine) -> None:
    post(payee_client, "/partner/billing", GIVEN)
    pay(payee.id)
    post(payee_client, "/partner/erase", {"confirm": "EFFACER"})

    assert profiles()[0].siret == "73282932000074"
    for years, kept in ((9, "73282932000074"), (11, None)):
        time_machine.move_to(f"{2026 + years}-12-20T12:00:00Z")
        retention.erase_old()
        assert profiles()[0].siret == kept


def test_who_is_a_partner_still_is_never_forgotten(
    payee: Partner, payee_client: FlaskClient, time_machine
) -> None:
    post(payee_client, "/partner/billing", GIVEN)
    time_machine.move_to("2046-01-01T12:00:00Z")
    retention.erase_old()

    assert partners.get_partner(payee.id).email is not None
    assert profiles()[0].siret == "73282932000074"


def test_who_is_established_abroad_says_so_and_is_asked_nothing_else(
    payee: Partner, payee_client: FlaskClient, publish: Callable[..., str]
) -> None:
    publish()

    answer = post(payee_client, "/partner/billing", {**dict.fromkeys(GIVEN, ""), "country": "other"})

    assert answer.status_code == 303 and answer.headers["Location"].endswith("/partner/billing#abroad")
    assert payee_of(payee.id).missing == ("abroad",)
    for path in ("/partner/billing", "/partner/payouts", "/partner/earnings"):
        page = payee_client.get(path).get_data(as_text=True)
        assert re.findall(r'data-reason="(\w+)"', page) == ["abroad"]
        assert re.search(r'href="[^"]*#abroad"', page)
    assert '<option selected value="other">' in page_of(payee_client)
    shown = payee_client.get("/partner/earnings").get_data(as_text=True)
    assert "hors taxes, en attente" in shown and "prévu pour le lot" not in shown
    entries = db.session.scalars(select(AuditEntry.act).where(AuditEntry.actor == payee.id)).all()
    assert entries == ["billing.abroad"]


def test_who_comes_back_to_france_gives_an_identity(payee: Partner, payee_client: FlaskClient) -> None:
    for _ in range(2):
        post(payee_client, "/partner/billing", {"country": "other"})

    assert post(payee_client, "/partner/billing", {**GIVEN, "country": "FR", "siret": ""}).status_code == 422
    assert payee_of(payee.id).missing == ("abroad",)
    assert post(payee_client, "/partner/billing", {**GIVEN, "country": "FR"}).status_code == 303

    assert payee_of(payee.id).missing == ("no_mandate", "no_bank")
    assert db.session.scalars(select(AuditEntry.act)).all().count("billing.abroad") == 1


def test_a_country_that_is_no_choice_is_refused(payee_client: FlaskClient) -> None:
    answer = post(payee_client, "/partner/billing", {**GIVEN, "country": "BE"})

    assert answer.status_code == 422 and "Choisis dans la liste" in answer.get_data(as_text=True)
    assert profiles() == []


def test_who_is_frozen_writes_to_the_programme(make_app: MakeApp) -> None:
    app = make_app(**PAYS, PROGRAMME_CONTACT="bonjour@nova.example")
    with app.app_context():
        alice = PartnerFactory(email="alice@example.org")
        with transaction():
            db.session.add(BillingProfile(partner_id=alice.id, frozen_at=clock.now()))
        client = log_in(browser(app), alice.id)

        for path in ("/partner/billing", "/partner/payouts", "/partner/earnings"):
            page = client.get(path).get_data(as_text=True)
            frozen = page.split('data-reason="frozen"')[1].split("</li>")[0]
            assert 'href="mailto:bonjour@nova.example?subject=Versements%20gel%C3%A9s"' in frozen


def test_every_reason_has_words_and_one_action(payee: Partner, payee_client: FlaskClient) -> None:
    bank = BankOfPayee("b", "2606", "Alice", "", clock.now() + timedelta(days=3))
    for missing in Missing:
        found = payee_of(payee.id)._replace(missing=(missing,), bank=bank)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(payees, "payees_of", lambda ids, found=found: dict.fromkeys(ids, found))
            page = payee_client.get("/partner/earnings").get_data(as_text=True)

        line = page.split(f'data-reason="{missing}"')[1].split("</li>")[0]
        assert line.count("<a ") == 1, missing


def page_of(client: FlaskClient) -> str:
    return str(client.get("/partner/billing").get_data(as_text=True))
