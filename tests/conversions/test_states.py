"""Pending, approved, rejected, corrected: the network's latest word counts, and every cent follows it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from contentflow.conversions import exporting, networks, services
from contentflow.conversions.errors import ConflictingReplay, InvalidPayload
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, Network
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import contracts, holds
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, LedgerTransaction

Says = Callable[..., services.Recorded]


@pytest.fixture
def says(network: Network) -> Says:
    """Let the network report, in a transaction of its own."""

    def say(transaction_id: str = "T1", amount: int | None = 1_000, **more: Any) -> services.Recorded:
        fields = {"type": "sale", "click_id": "", "currency": "EUR", "at": clock.now(), **more}
        if fields["type"] == "refund":
            fields.setdefault("refund_of", transaction_id)
        signed = fields.pop("is_signed", False)
        with transaction():
            again = db.session.merge(network, load=False)
            said = services.record(
                again, Report(transaction=transaction_id, amount=amount, **fields), is_signed=signed
            )
            db.session.flush()
            assert said.conversion.id
        return said

    return say


def sums(partner: Any) -> tuple[int, int, int]:
    assert ledger.check_ledger() is None
    found = ledger.balances(partner.id)
    return found["pending"], found["held"], found["available"]


def kinds() -> list[str]:
    found = select(LedgerTransaction.kind).order_by(LedgerTransaction.posted_at, LedgerTransaction.id)
    return list(db.session.scalars(found))


def later(days: int) -> time_machine.travel:
    return time_machine.travel(clock.now() + timedelta(days=days), tick=False)


def test_a_pending_sale_waits_however_long_and_matures_only_after_its_approval(
    app: Flask, alice, click, says
):
    it = click()
    says(click_id=it, state="pending")
    with later(400):
        ledger.mature_due()
        assert sums(alice) == (400, 0, 0)
        assert ledger.next_maturity(alice.id) is None
        says(click_id=it, state="approved")
        assert ledger.next_maturity(alice.id) == clock.now() + timedelta(days=30)
    with later(429):
        ledger.mature_due()
        assert sums(alice) == (400, 0, 0)
    with later(431):
        ledger.mature_due()

    assert sums(alice) == (0, 0, 400)
    assert kinds() == ["sale", "approve", "release"]


def test_a_pending_sale_counts_for_no_contract_until_it_is_approved(app: Flask, alice, click, says):
    says(amount=260_000, click_id=click(), state="pending")
    assert (sums(alice), contracts.standings(alice.id)) == ((104_000, 0, 0), [])

    says(amount=None, state="approved")

    assert sums(alice) == (99_999, 4_001, 0)
    assert contracts.standings(alice.id)[0].is_held


def test_a_rejected_sale_is_taken_back_and_another_one_has_its_room(app: Flask, alice, click, says):
    says("T1", 260_000, click_id=click())
    says("T2", 10_000, click_id=click())
    assert sums(alice) == (99_999, 8_001, 0)

    says("T1", None, state="rejected")

    assert sums(alice) == (4_000, 0, 0)
    assert kinds().count("reject") == 1


def test_no_state_is_final(app: Flask, alice, click, says):
    it = click()
    expected = {"pending": (400, 0, 0), "approved": (400, 0, 0), "rejected": (0, 0, 0)}
    order = [
        "rejected",
        "pending",
        "approved",
        "approved",
        "rejected",
        "approved",
        "pending",
        "rejected",
        "pending",
    ]
    for state in order:
        said = says(click_id=it, state=state)
        assert (said.conversion.state, sums(alice)) == (state, expected[state])

    assert len({row.id for row in db.session.scalars(select(Conversion))}) == 1


def test_a_correction_books_the_difference_up_and_down(app: Flask, alice, click, says):
    it = click()
    says(click_id=it)

    assert says(amount=2_000, click_id=it).verdict == "corrected"
    assert sums(alice) == (800, 0, 0)
    assert says(amount=500, click_id=it).verdict == "corrected"
    assert sums(alice) == (200, 0, 0)

    notes = list(
        db.session.scalars(select(LedgerTransaction.note).where(LedgerTransaction.kind == "correct"))
    )
    assert sorted(notes) == ["corrected 1000>2000", "corrected 2000>500"]


def test_a_correction_up_matures_with_its_sale(app: Flask, alice, click, says):
    it = click()
    says(click_id=it)
    with later(20):
        says(amount=2_000, click_id=it)
    with later(31):
        ledger.mature_due()

    assert sums(alice) == (0, 0, 800)


@pytest.mark.parametrize(
    "word", [{"state": "rejected", "amount": None}, {"amount": 100}, {"state": "pending"}]
)
def test_what_takes_available_money_is_a_named_clawback(app: Flask, alice, click, says, word):
    says(click_id=click())
    with later(31):
        ledger.mature_due()

        says(**word)

    assert kinds().count("clawback") == 1
    assert sums(alice)[2] < 400
    assert db.session.scalar(select(LedgerTransaction.note).where(LedgerTransaction.kind == "clawback"))


def test_the_latest_word_is_the_one_that_changed_last_whatever_came_first(app: Flask, alice, click, says):
    it, now = click(), clock.now()
    says(click_id=it, state="rejected", changed_at=now)

    said = says(click_id=it, state="pending", changed_at=now - timedelta(hours=1))

    assert (said.verdict, said.conversion.state) == ("outdated", "rejected")
    assert sums(alice) == (0, 0, 0)
    assert says(click_id=it, state="approved", changed_at=now + timedelta(seconds=1)).verdict == "moved"
    assert sums(alice) == (400, 0, 0)


def test_a_report_that_names_no_state_leaves_it(app: Flask, alice, click, says):
    it = click()
    says(click_id=it, first_state="pending")
    says(click_id=it, state="rejected")

    said = says(click_id=it, first_state="pending")

    assert (said.verdict, said.conversion.state) == ("replay", "rejected")


def test_a_replay_books_nothing(app: Flask, click, says):
    it = click()
    first = says(click_id=it, state="pending")

    again = says(click_id=it, state="pending")

    assert (again.verdict, again.conversion.id) == ("replay", first.conversion.id)
    assert kinds() == ["sale"]


def test_two_networks_with_one_transaction_number_have_two_sales(app: Flask, alice, click, says):
    says(click_id=click())
    it = click()
    with transaction():
        other, _ = networks.add_network("kwanko", "cli", "kwanko")
        report = Report(
            transaction="T1", type="sale", click_id=it, amount=1_000, currency="EUR", at=clock.now()
        )
        services.record(other, report)

    assert sums(alice) == (800, 0, 0)


def test_a_rejected_refund_gives_back_what_it_took(app: Flask, alice, click, says):
    says(click_id=click())
    says("R1", 500, type="refund", refund_of="T1")
    assert sums(alice) == (200, 0, 0)

    says("R1", None, type="refund", refund_of="T1", state="rejected")

    assert sums(alice) == (400, 0, 0)


def test_a_refund_before_its_sale_and_larger_than_it_takes_all_of_it(app: Flask, alice, click, says):
    says("R1", 5_000, type="refund", refund_of="T1")
    says(click_id=click(), state="pending")
    assert sums(alice) == (0, 0, 0)

    says(amount=10_000)

    assert sums(alice) == (2_000, 0, 0)


def test_what_an_operator_took_by_name_no_network_gives_back(app: Flask, alice, click, says):
    it = click()
    says(click_id=it)
    commission = db.session.scalars(select(Commission)).one()
    with transaction():
        ledger.claw_back(commission.id, 100, "fraud", "cli")

    says(click_id=it, state="rejected")
    assert sums(alice) == (0, 0, 0)
    says(click_id=it, state="approved")

    assert sums(alice) == (300, 0, 0)


def test_what_is_held_as_suspicious_stays_held_through_every_word(app: Flask, alice, click, says):
    it = click(verdict="self")
    says(click_id=it, state="pending")
    assert sums(alice) == (0, 400, 0)
    for word in ({"state": "approved"}, {"amount": 2_000}, {"state": "rejected"}, {"state": "approved"}):
        says(**{"amount": None, **word})

    assert sums(alice) == (0, 800, 0)
    with transaction():
        for hold, commission in holds.list_holds():
            holds.release(commission, hold.reason, "cli")
    assert sums(alice) == (800, 0, 0)
    says(amount=3_000)
    assert sums(alice) == (1_200, 0, 0)


def test_a_sale_of_nobody_follows_the_click_that_its_network_names_later(app: Flask, alice, click, says):
    says(click_id="cut-off", state="pending")

    said = says(click_id=click(), state="pending")

    assert said.verdict == "attributed"
    assert sums(alice) == (400, 0, 0)


def test_a_correction_in_another_currency_meets_its_rate(app: Flask, alice, click, says):
    with transaction():
        networks.set_rate("USD", "0.5", "cli")
    says(click_id=click())

    says(amount=1_000, currency="USD")

    assert sums(alice) == (200, 0, 0)


def test_the_signed_form_keeps_its_conflict_and_moves_the_state(app: Flask, alice, click, says):
    it = click()
    says(click_id=it, is_signed=True, state="pending")

    with pytest.raises(ConflictingReplay):
        says(amount=1_001, click_id=it, is_signed=True)
    said = says(click_id=it, is_signed=True, state="rejected")

    assert said.conversion.state == "rejected"
    assert sums(alice) == (0, 0, 0)


def test_a_refund_of_another_sale_than_before_is_refused(app: Flask, says):
    says("R1", 500, type="refund", refund_of="T1")

    with pytest.raises(InvalidPayload):
        says("R1", 500, type="refund", refund_of="T2")


def test_the_export_tells_the_state_and_a_rejected_sale_earns_nothing(app: Flask, alice, click, says):
    says(click_id=click(), state="rejected")

    (row,) = exporting.export_conversions(alice.id)

    assert (row["state"], row["earned_cents"], row["amount_cents"]) == ("rejected", 0, 1_000)
    assert datetime.fromisoformat(row["at"]).tzinfo is not None
