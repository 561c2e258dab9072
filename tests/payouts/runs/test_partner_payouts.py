"""The partner's page of payouts: what comes, what is missing, invoices of their own and nobody else's."""

from __future__ import annotations

import os
import re
from datetime import date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from contentflow.core.db import db, transaction
from contentflow.partners.models import Partner
from contentflow.payouts import filing, invoicing, settling, showing
from contentflow.payouts.models import BankAccount, BillingProfile
from contentflow.payouts.run_models import Invoice, Payout
from tests.house import browser, log_in, post
from tests.payouts.runs.conftest import NOVEMBER, Programme


@pytest.fixture
def alice(programme: Programme) -> Partner:
    partner = programme.payee()
    programme.earn(partner, 5_000)
    return partner


@pytest.fixture
def hers(programme: Programme, alice: Partner) -> FlaskClient:
    return log_in(browser(programme.app), alice.id)


def page(client: FlaskClient) -> str:
    return str(client.get("/partner/payouts").get_data(as_text=True))


def payout_id() -> str:
    db.session.rollback()
    return db.session.scalars(select(Payout)).one().id


def test_what_comes_and_when_stands_first(hers: FlaskClient, frozen: Any) -> None:
    assert 'data-next-cents="5000" data-next-day="2026-12-05"' in page(hers)


@pytest.mark.parametrize(
    ("day", "planned"), [(4, date(2026, 11, 5)), (5, date(2026, 11, 5)), (6, date(2026, 12, 5))]
)
def test_the_next_run_is_on_the_next_day_that_was_set(
    alice: Partner, frozen: Any, day: int, planned: date
) -> None:
    frozen.move_to(NOVEMBER.replace(day=day))

    assert showing.outlook(alice.id).day == planned


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: update(BillingProfile).values(checked_at=None), "no_identity"),
        (lambda: update(BillingProfile).values(postcode="98713"), "abroad"),
        (lambda: update(BillingProfile).values(frozen_at=NOVEMBER), "frozen"),
        (lambda: update(BankAccount).values(ended_at=NOVEMBER), "no_bank"),
        (lambda: update(BankAccount).values(usable_at=NOVEMBER + timedelta(days=3)), "bank_new"),
    ],
)
def test_what_is_missing_is_said(hers: FlaskClient, change: Any, reason: str) -> None:
    with transaction():
        db.session.execute(change())

    assert f'data-reason="{reason}"' in page(hers)


def test_a_payout_shows_its_state_and_its_invoice(programme: Programme, hers: FlaskClient) -> None:
    run_id = programme.run()
    assert f'data-payout="{payout_id()}" data-state="due" data-total-cents="5000"' in page(hers)

    answer = hers.get(f"/partner/payouts/{payout_id()}/invoice.pdf")

    invoice = db.session.scalars(select(Invoice)).one()
    assert answer.mimetype == "application/pdf"
    assert answer.get_data() == invoicing.document_of(invoice)
    with transaction():
        filing.fetch_file(run_id, "anna")
    assert 'data-state="sending"' in page(hers)
    with transaction():
        settling.settle(payout_id(), "rejected", "AC04", "", "anna")
    shown = page(hers)
    assert 'data-state="rejected"' in shown and "le compte est clos" in shown
    assert 'data-again-cents="5000"' in shown


def test_a_payout_that_is_not_approved_is_nobodys_to_see(programme: Programme, hers: FlaskClient) -> None:
    programme.propose(programme.draft())

    assert "data-payout" not in page(hers)
    assert hers.get(f"/partner/payouts/{payout_id()}/invoice.pdf").status_code == 404


def test_a_document_that_is_not_what_was_made_is_never_handed_out(
    programme: Programme, hers: FlaskClient
) -> None:
    programme.run()
    invoice = db.session.scalars(select(Invoice)).one()
    assert invoicing.check_documents() is None
    invoicing.path_of(invoice.id).write_bytes(b"%PDF-other")

    assert hers.get(f"/partner/payouts/{payout_id()}/invoice.pdf").status_code == 404
    assert invoice.label in str(invoicing.check_documents())


def test_mallory_finds_nothing_of_alices(programme: Programme, hers: FlaskClient) -> None:
    programme.run()
    mallory = log_in(browser(programme.app), programme.payee("mallory").id)

    for path in ("invoice.pdf", "credit-note.pdf"):
        assert mallory.get(f"/partner/payouts/{payout_id()}/{path}").status_code == 404
    assert post(mallory, "/partner/payouts/contest", {"payout": payout_id(), "why": "x"}).status_code == 404
    assert payout_id() not in page(mallory)


def test_a_contest_by_its_form(programme: Programme, hers: FlaskClient) -> None:
    programme.run()

    refused = post(hers, "/partner/payouts/contest", {"payout": payout_id(), "why": ""})
    assert refused.status_code == 422 and "Écris en une phrase" in refused.get_data(as_text=True)
    assert post(hers, "/partner/payouts/contest", {"payout": payout_id(), "why": "no"}).status_code == 303

    shown = page(hers)
    assert 'data-state="cancelled"' in shown
    note = hers.get(f"/partner/payouts/{payout_id()}/credit-note.pdf")
    assert note.status_code == 200 and "P00001-2026-0002" in note.headers["Content-Disposition"]
    again = post(hers, "/partner/payouts/contest", {"payout": payout_id(), "why": "no"})
    assert again.status_code == 409


def test_a_contest_after_the_file_left_is_for_the_team(programme: Programme, hers: FlaskClient) -> None:
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")

    assert post(hers, "/partner/payouts/contest", {"payout": payout_id(), "why": "no"}).status_code == 303

    assert 'data-state="sending"' in page(hers) and "l’équipe te répond" in page(hers)


def test_the_export_names_payouts_and_no_iban(programme: Programme, alice: Partner) -> None:
    programme.run()

    [held] = showing.export_payouts(alice.id)

    assert (held["invoice"], held["total_cents"], held["state"]) == ("P00001-2026-0001", 5_000, "due")
    assert "FR14" not in str(held)


def test_documents_of_approvals_that_came_to_nothing_go_after_a_day(
    programme: Programme, alice: Partner
) -> None:
    programme.run()
    invoice = db.session.scalars(select(Invoice)).one()
    folder = invoicing.path_of(invoice.id).parent
    old = (NOVEMBER - timedelta(days=2)).timestamp()
    for name in ("orphan.pdf", "orphan.new", "young.pdf"):
        (folder / name).write_bytes(b"x")
    for name in ("orphan.pdf", "orphan.new", f"{invoice.id}.pdf"):
        os.utime(folder / name, (old, old))
    os.utime(folder / "young.pdf", (NOVEMBER.timestamp(), NOVEMBER.timestamp()))

    invoicing.sweep_folder()

    assert sorted(path.name for path in folder.iterdir()) == sorted([f"{invoice.id}.pdf", "young.pdf"])


def test_earnings_lead_to_payouts(hers: FlaskClient) -> None:
    shown = hers.get("/partner/earnings").get_data(as_text=True)

    assert re.search(r'href="/partner/payouts"', shown) and 'data-next-cents="5000"' in shown
