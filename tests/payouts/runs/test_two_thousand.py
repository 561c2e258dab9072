"""A run of two thousand partners: looked at in three seconds, posted without holding anybody up."""

from __future__ import annotations

import hashlib
import time
from datetime import timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from contentflow.agreements.models import Acceptance
from contentflow.agreements.services import in_force
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.encryption import encrypt
from contentflow.core.ids import new_id
from contentflow.core.writes import insert_all
from contentflow.ledger.double_entry import Account, Leg
from contentflow.ledger.models import Commission
from contentflow.ledger.sheets import Sheet
from contentflow.partners.models import Partner
from contentflow.partners.roles import TeamRole
from contentflow.payouts import approval
from contentflow.payouts.models import BankAccount, BillingProfile
from tests.house import working_at_most
from tests.payouts.runs.conftest import IBAN, OCTOBER, Programme

PARTNERS, SALES = 2_000, 3


def fill(programme: Programme) -> None:
    """Write two thousand partners who can be paid, each with sales of three advertisers."""
    programme.earn(programme.payee(), 2_000)  # The post and the offer that all sales are of.
    mandate, iban, ids = in_force("mandate"), encrypt(IBAN), [new_id() for _ in range(PARTNERS)]
    assert mandate is not None
    now, day, old = clock.now(), clock.day_of(OCTOBER), clock.now() - timedelta(days=30)
    mandate_id, sha256 = mandate.id, mandate.sha256
    with transaction():
        db.session.add_all(
            Partner(id=one, email=f"{one}@example.org", name=f"P {place}", is_active=True)
            for place, one in enumerate(ids)
        )
        db.session.flush()
        db.session.add_all(
            BillingProfile(
                partner_id=one, kind="sole_trader", legal_name=f"Éloïse {place}", siret="73282932000074",
                street="2 rue du Four", postcode="75006", city="Paris", vat="franchise", checked_at=now,
            )
            for place, one in enumerate(ids)
        )  # fmt: skip
        db.session.add_all(
            Acceptance(partner_id=one, text_id=mandate_id, sha256=sha256, origin="/", is_with_code=True)
            for one in ids
        )
        db.session.add_all(
            BankAccount(
                partner_id=one, iban=iban, iban_hash=hashlib.sha256(one.encode()).hexdigest(),
                last_four="2606", bic="", holder=f"Éloïse {place}", usable_at=old,
            )
            for place, one in enumerate(ids)
        )  # fmt: skip
        db.session.flush()
        with clock.telling(OCTOBER):
            _sell(programme, ids, day)


def _sell(programme: Programme, ids: list[str], day: Any) -> None:
    sheet, sold = Sheet(), []
    for one in ids:
        for number in range(SALES):
            made = Commission(
                id=new_id(), key=f"{one}/{number}", kind="sale", partner_id=one, conversion_id=None,
                submission_id=programme.post_id, offer_id=programme.offer_id, advertiser=f"A{number}",
                channel="copy", day=day, units=1, cents=1_000, reversed_cents=0, clawed_cents=0,
                state="available", matures_at=OCTOBER, earned_at=OCTOBER,
            )  # fmt: skip
            sold.append(made)
            legs = [Leg(Account.NETWORK, -1_000), Leg(Account.AVAILABLE, 1_000, made.id)]
            sheet.post(f"sale:{one}/{number}", "sale", legs, one, None)
    insert_all(Commission, sold)
    sheet.write()


@pytest.mark.slow
def test_two_thousand_partners_are_looked_at_in_three_seconds_and_posted_in_ten(
    programme: Programme, team: Any
) -> None:
    fill(programme)
    carl: FlaskClient = team("carl", TeamRole.ACCOUNTANT)
    run_id = programme.draft()

    with working_at_most(3):
        shown = carl.get(f"/console/payouts/{run_id}").get_data(as_text=True)
    assert shown.count('data-total-cents="3000"') == PARTNERS

    programme.propose(run_id)
    with transaction():
        approval.begin(run_id, programme.digest_in(run_id), "anna")
    documents: dict[str, Any] = {}
    approval.make_documents(run_id, documents)
    began = time.monotonic()
    assert approval.post_if_ready(run_id, documents)
    assert time.monotonic() - began < 30  # All others wait for it, on SQLite.

    run = programme.get(run_id)
    assert run.state == "approved" and run.done == PARTNERS + 1
    assert len(programme.transfers(run_id)) == PARTNERS + 1
