"""A partner refuses an invoice: a credit note while nothing was sent, else somebody answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from contentflow.core.db import db, transaction
from contentflow.partners.models import Partner
from contentflow.payouts import contesting, filing, settling, tasks
from contentflow.payouts.errors import ContestOver, NoFile, UnknownPayout, WhyMissing
from contentflow.payouts.invoicing import credit_note_of, document_of
from contentflow.payouts.models import BankAccount
from contentflow.payouts.run_models import Invoice, Payout
from tests.payouts.runs.conftest import IBAN, NOVEMBER, Programme


@pytest.fixture
def alice(programme: Programme) -> Partner:
    partner = programme.payee()
    programme.earn(partner, 5_000)
    return partner


def payout_of(partner: Partner) -> Payout:
    db.session.rollback()
    return db.session.scalars(select(Payout).where(Payout.partner_id == partner.id)).one()


def contest(partner: Partner, why: str = "The rate is wrong.") -> None:
    payout_id = payout_of(partner).id
    with transaction():
        contesting.contest(partner.id, payout_id, why)


def test_before_it_was_fetched_a_credit_note_cancels_it_and_the_money_is_available(
    programme: Programme, alice: Partner
) -> None:
    run_id = programme.run()

    contest(alice)

    payout = payout_of(alice)
    note = credit_note_of(alice.id, payout.id)
    invoice = db.session.get_one(Invoice, note.cancels_id)
    assert payout.state == "cancelled"
    assert (invoice.label, note.label) == ("P00001-2026-0001", "P00001-2026-0002")
    assert note.accepted_at is not None and note.total_cents == invoice.total_cents
    assert note.facts["kind"] == "261"
    assert note.facts["corrects"] == ["P00001-2026-0001", "2026-11-06"]
    assert b"corrects=('P00001-2026-0001'" in document_of(note)
    assert programme.balances(alice) == {"available": 5_000}
    assert programme.get(run_id).state == "closed"
    with pytest.raises(NoFile), transaction():
        filing.fetch_file(run_id, "anna")


def test_the_others_stay_in_the_file_and_it_never_changes_once_fetched(
    programme: Programme, alice: Partner
) -> None:
    bob = programme.payee("bob")
    programme.earn(bob, 7_000)
    run_id = programme.run()
    contest(alice)

    with transaction():
        content = filing.fetch_file(run_id, "anna")
    contest(bob)
    with transaction():
        again = filing.fetch_file(run_id, "anna")

    assert again == content and content.count(b"<CdtTrfTxInf>") == 1
    assert payout_of(bob).state == "sending"
    assert programme.balances(bob) == {"paying": 7_000}


def test_who_was_erased_meanwhile_stays_in_the_file(programme: Programme, alice: Partner) -> None:
    bob = programme.payee("bob")
    programme.earn(bob, 7_000)
    run_id = programme.run()
    with transaction():
        db.session.execute(
            update(BankAccount).where(BankAccount.partner_id == bob.id).values(iban=None, holder="")
        )

    contest(alice)

    with transaction():
        content = filing.fetch_file(run_id, "anna")
    assert IBAN.encode() in content and "Bob d’Œuvre &amp; Fils".encode() in content


def test_what_was_cancelled_is_invoiced_anew_by_the_next_run(
    programme: Programme, alice: Partner, frozen: Any
) -> None:
    programme.run()
    contest(alice)
    frozen.move_to(NOVEMBER + timedelta(days=30))
    programme.earn(alice, 1_000, NOVEMBER)

    programme.run("2026-11")

    db.session.rollback()
    payout = db.session.scalars(select(Payout).where(Payout.state == "due")).one()
    assert payout.net_cents == 6_000
    assert payout.lines == [{"advertiser": "Lumière", "kind": "sale", "month": "", "cents": 6_000}]
    labels = db.session.scalars(select(Invoice.label).order_by(Invoice.label)).all()
    assert labels == ["P00001-2026-0001", "P00001-2026-0002", "P00001-2026-0003"]


def test_what_the_bank_gave_back_is_cancelled_too(programme: Programme, alice: Partner) -> None:
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")
    with transaction():
        settling.settle(payout_of(alice).id, "rejected", "AC04", "", "anna")

    contest(alice)

    assert programme.balances(alice) == {"available": 5_000}
    assert payout_of(alice).state == "cancelled"


def test_a_second_contest_is_refused(programme: Programme, alice: Partner) -> None:
    programme.run()
    contest(alice)

    with pytest.raises(ContestOver):
        contest(alice)


def test_after_the_period_it_is_accepted(programme: Programme, alice: Partner, frozen: Any) -> None:
    programme.run()
    frozen.shift(timedelta(days=30))
    tasks.accept_silence()
    assert db.session.scalars(select(Invoice)).one().accepted_at is None
    frozen.shift(timedelta(days=1))
    tasks.accept_silence()

    with pytest.raises(ContestOver):
        contest(alice)

    assert db.session.scalars(select(Invoice)).one().accepted_at is not None


@pytest.mark.parametrize("why", ["", "  ", "x" * 501])
def test_a_contest_says_why(programme: Programme, alice: Partner, why: str) -> None:
    programme.run()

    with pytest.raises(WhyMissing):
        contest(alice, why)

    assert payout_of(alice).state == "due"


def test_nobody_contests_another_partners(programme: Programme, alice: Partner) -> None:
    programme.run()
    mallory = programme.payee("mallory")
    payout_id = payout_of(alice).id

    for wanted in (payout_id, "x", "0" * 22, "a\x00"):
        with pytest.raises(UnknownPayout), transaction():
            contesting.contest(mallory.id, wanted, "mine")
