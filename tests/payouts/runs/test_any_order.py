"""Credits, refunds, holds, accounts, runs, rejects, returns, contests, in any order: never a cent astray."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import func, select

from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.ledger import holds
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, LedgerEntry, LedgerTransaction
from contentflow.partners.models import Partner
from contentflow.payouts import approval, contesting, filing, runs, settling
from contentflow.payouts.drafting import preview
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun, Transfer
from tests.payouts.runs import reports
from tests.payouts.runs.conftest import Programme

PARTNERS = st.integers(0, 1)
NUMBERS = st.integers(0, 50)


class Months(RuleBasedStateMachine):
    """A programme and its months; each example has partners of its own and goes on in time."""

    programme: ClassVar[Programme]
    clock: ClassVar[Any]
    month: ClassVar[int] = 2026 * 12 + 9
    made: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        Months.made += 1
        self.partners = [
            self.programme.payee(f"p{self.made}x{number}", vat=vat)
            for number, vat in enumerate(("franchise", "vat"))
        ]
        self.credited = {partner.id: 0 for partner in self.partners}
        self.sold: list[Commission] = []
        self._tell_time(12)

    def _tell_time(self, day: int) -> None:
        self.clock.move_to(datetime(Months.month // 12, Months.month % 12 + 1, day, 9, tzinfo=UTC))

    def _now(self) -> datetime:
        return datetime(Months.month // 12, Months.month % 12 + 1, 12, 9, tzinfo=UTC)

    @rule(who=PARTNERS, cents=st.integers(500, 90_000))
    def earn(self, who: int, cents: int) -> None:
        partner = self.partners[who]
        self.sold.append(self.programme.earn(partner, cents, self._now()))
        self.credited[partner.id] += cents

    @rule(which=NUMBERS, part=st.integers(1, 4))
    def refund(self, which: int, part: int) -> None:
        if self.sold:
            sold = self.sold[which % len(self.sold)]
            cents = db.session.get_one(Commission, sold.id, populate_existing=True).left_cents * part // 4
            if cents:
                self.programme.refund(sold, cents)
                self.credited[sold.partner_id] -= cents

    @rule(which=NUMBERS)
    def hold(self, which: int) -> None:
        if self.sold:
            sold = self.sold[which % len(self.sold)]
            with transaction():
                ledger.lock_payee(sold.partner_id)
                holds.hold(db.session.get_one(Commission, sold.id), ["burst"])

    @rule(which=NUMBERS)
    def release(self, which: int) -> None:
        if self.sold:
            with suppress(Refused), transaction():
                holds.release_commission(self.sold[which % len(self.sold)].id, "cli")

    @rule(who=PARTNERS)
    def change_account(self, who: int) -> None:
        self.programme.change_account(self.partners[who])

    @rule()
    def next_month(self) -> None:
        Months.month += 1
        self._tell_time(12)

    @rule()
    def draft(self) -> None:
        last = Months.month - 1
        with suppress(Refused), transaction():
            runs.draft(f"{last // 12}-{last % 12 + 1:02d}", "cli")

    @rule(which=NUMBERS)
    def propose(self, which: int) -> None:
        self._with(which, "draft", lambda run_id: runs.propose(run_id, self._digest(run_id), "olga"))

    @rule(which=NUMBERS)
    def approve(self, which: int) -> None:
        run_id = self._with(
            which, "proposed", lambda run_id: approval.begin(run_id, self._digest(run_id), "anna")
        )
        if run_id:
            with suppress(Refused):
                approval.finish(run_id)

    @rule(who=PARTNERS)
    def pay_a_month(self, who: int) -> None:
        self.earn(who, 5_000)
        self.next_month()
        self.draft()
        self.propose(0)
        self.approve(0)

    @rule(which=NUMBERS)
    def withdraw(self, which: int) -> None:
        state = "proposed" if which % 2 else "draft"
        self._with(which, state, lambda run_id: runs.withdraw(run_id, "not so", "olga"))

    @rule(which=NUMBERS)
    def fetch(self, which: int) -> None:
        self._with(which, "approved", lambda run_id: filing.fetch_file(run_id, "anna"))

    @rule(which=NUMBERS, outcome=st.sampled_from(["paid", "rejected", "returned", "half"]))
    def report(self, which: int, outcome: str) -> None:
        every = list(db.session.scalars(select(Transfer).order_by(Transfer.end_to_end_id)))
        if every:
            one = every[which % len(every)]
            cents = one.total_cents // 2 if outcome == "half" else one.total_cents
            content = reports.rejects(one.end_to_end_id)
            if outcome != "rejected":
                direction = "CRDT" if outcome == "returned" else "DBIT"
                content = reports.statement(reports.entry(one.end_to_end_id, cents, direction))
            for _ in range(2):  # the same report again
                with transaction():
                    settling.read_report(content, "anna")

    @rule(which=NUMBERS)
    def contest(self, which: int) -> None:
        every = list(db.session.execute(select(Payout.id, Payout.partner_id).order_by(Payout.id)))
        if every:
            payout_id, partner_id = every[which % len(every)]
            with suppress(Refused), transaction():
                contesting.contest(partner_id, payout_id, "no")

    def _with(self, which: int, state: str, act: Callable[[str], object]) -> str:
        found = list(db.session.scalars(select(PayoutRun.id).where(PayoutRun.state == state)))
        if not found:
            return ""
        run_id = found[which % len(found)]
        with suppress(Refused), transaction():
            act(run_id)
            return run_id
        return ""

    def _digest(self, run_id: str) -> str:
        return preview(runs.get_run(run_id)).digest

    @invariant()
    def every_cent_is_where_it_belongs(self) -> None:
        db.session.rollback()
        for partner in self.partners:
            accounts = ledger.balances(partner.id)
            assert sum(accounts.values()) == self.credited[partner.id]
            self._account_for(partner, accounts)

    def _account_for(self, partner: Partner, accounts: Any) -> None:
        payouts = list(
            db.session.scalars(
                select(Payout)
                .join(Invoice, Invoice.payout_id == Payout.id)
                .where(Payout.partner_id == partner.id)
                .order_by(Payout.covers_from)
            )
        )
        owed = ("due", "sending", "rejected", "returned")
        assert accounts["paying"] == sum(one.net_cents for one in payouts if one.state in owed)
        assert accounts["paid"] == sum(one.net_cents for one in payouts if one.state == "paid")
        assert all(before.covers_to <= after.covers_from for before, after in pairwise(payouts))
        for one in payouts:
            covered = (
                select(func.sum(LedgerEntry.amount_cents))
                .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
                .where(LedgerEntry.partner_id == partner.id, LedgerEntry.account == "available")
                .where(LedgerEntry.id > one.covers_from, LedgerEntry.id <= one.covers_to)
                .where(LedgerTransaction.kind != "payout")
            )
            assert db.session.scalar(covered) == one.net_cents == sum(line["cents"] for line in one.lines)

    @invariant()
    def numbers_have_no_gap_and_follow_the_days(self) -> None:
        for partner in self.partners:
            found = db.session.execute(
                select(Invoice.year, Invoice.number, Invoice.issued_on)
                .where(Invoice.partner_id == partner.id)
                .order_by(Invoice.year, Invoice.number)
            ).all()
            for year in {row.year for row in found}:
                of_year = [row for row in found if row.year == year]
                assert [row.number for row in of_year] == list(range(1, len(of_year) + 1))
                assert [row.issued_on for row in of_year] == sorted(row.issued_on for row in of_year)

    @invariant()
    def a_payout_has_one_open_transfer_at_most_and_one_invoice(self) -> None:
        pending = select(Transfer.payout_id).where(Transfer.state.in_(("planned", "open")))
        assert len(found := list(db.session.scalars(pending))) == len(set(found))
        assert db.session.scalar(select(func.count()).select_from(Payout).where(Payout.net_cents <= 0)) == 0
        db.session.rollback()

    def teardown(self) -> None:
        """Leave nothing behind that the next example would stumble over."""
        for run_id in list(
            db.session.scalars(select(PayoutRun.id).where(PayoutRun.state.in_(("draft", "proposed"))))
        ):
            with suppress(Refused), transaction():
                runs.withdraw(run_id, "the end", "cli")
        Months.month += 2


@pytest.mark.slow
def test_whatever_happens_in_whatever_order_every_cent_is_accounted_for(
    programme: Programme, frozen: Any
) -> None:
    Months.programme, Months.clock = programme, frozen

    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Months,
        settings=settings(
            max_examples=12, stateful_step_count=40, deadline=None, derandomize=False, database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip

    assert db.session.scalar(select(Invoice.id).limit(1)) is not None
