"""A run from its draft to the bank: what it pays, once, and whom it leaves out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from contentflow.config import settings
from contentflow.core import clock, quarantine
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.ledger.models import Hold, LedgerTransaction
from contentflow.partners.models import Partner
from contentflow.partners.roles import TeamRole
from contentflow.payouts import approval, drafting, filing, invoice_facts, invoicing, runs
from contentflow.payouts.drafting import preview
from contentflow.payouts.errors import (
    AnotherProposed,
    ApprovalUnderWay,
    InvoiceFailed,
    MonthHasRun,
    MonthNotOver,
    Moved,
    NothingToPay,
    PayoutsInQuarantine,
    SamePerson,
    TooSoonAlone,
    UnknownRun,
    WrongRunMonth,
    WrongState,
)
from contentflow.payouts.models import BankAccount, BillingProfile
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun, Transfer
from tests.payouts.runs.conftest import NOVEMBER, OCTOBER, Programme


def test_a_month_is_paid_from_its_draft_to_the_bank(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)

    run_id = programme.run()

    run = programme.get(run_id)
    [transfer] = programme.transfers(run_id)
    payout = db.session.scalars(select(Payout)).one()
    invoice = db.session.scalars(select(Invoice)).one()
    assert (run.state, transfer.state, payout.state) == ("approved", "open", "due")
    assert invoice.label == "P00001-2026-0001"
    assert programme.balances(alice) == {"paying": 5_000}
    with transaction():
        content = filing.fetch_file(run_id, "anna")
    assert transfer.end_to_end_id.encode() in content


@pytest.mark.parametrize("month", ["2026-11", "2027-01"])
def test_a_month_that_is_not_over_is_not_drafted(programme: Programme, month: str) -> None:
    with pytest.raises(MonthNotOver), transaction():
        runs.draft(month, "cli")

    assert runs.list_runs() == []


@pytest.mark.parametrize("month", ["", "2026-13", "2026-1", "october", "2026-10 ", "２０２６-10"])
def test_what_is_no_month_is_refused(programme: Programme, month: str) -> None:
    with pytest.raises(WrongRunMonth), transaction():
        runs.draft(month, "cli")


def test_a_month_has_one_run_until_it_is_withdrawn(programme: Programme) -> None:
    first = programme.draft()
    with pytest.raises(MonthHasRun), transaction():
        runs.draft("2026-10", "cli")

    with transaction():
        runs.withdraw(first, "too early", "olga")

    assert programme.draft() != first


def test_two_runs_of_a_month_are_refused_by_the_database(programme: Programme) -> None:
    programme.draft()

    with pytest.raises(IntegrityError), transaction():
        db.session.add(PayoutRun(month="2026-10", drafted_by="cli", state="draft"))
        db.session.flush()


def test_what_is_earned_after_the_month_is_the_next_runs(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    programme.earn(alice, 9_000, NOVEMBER)

    programme.run()

    assert programme.balances(alice) == {"paying": 5_000, "available": 9_000}


def test_the_month_ends_at_midnight_in_france(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000, datetime(2026, 10, 31, 22, 59, 59, tzinfo=UTC))
    programme.earn(alice, 7_000, datetime(2026, 10, 31, 23, 0, tzinfo=UTC))

    programme.run()

    assert programme.balances(alice)["paying"] == 5_000


def test_a_refund_before_the_approval_lowers_this_payout(programme: Programme) -> None:
    alice = programme.payee()
    earned = programme.earn(alice, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    seen = programme.digest(run_id)
    programme.refund(earned, 2_000)

    with pytest.raises(Moved), transaction():
        approval.begin(run_id, seen, "anna")
    programme.approve(run_id)

    payout = db.session.scalars(select(Payout)).one()
    [transfer] = programme.transfers(run_id)
    assert (payout.net_cents, transfer.total_cents) == (3_000, 3_000)
    assert programme.balances(alice) == {"paying": 3_000}


def test_a_refund_after_the_approval_lowers_the_next_one_and_names_the_month(
    programme: Programme, frozen: Any
) -> None:
    alice = programme.payee()
    earned = programme.earn(alice, 5_000)
    programme.run()
    programme.refund(earned, 2_000)
    programme.earn(alice, 9_000, NOVEMBER)

    frozen.move_to(NOVEMBER + timedelta(days=30))
    programme.run("2026-11")

    payout = db.session.scalars(select(Payout).where(Payout.net_cents != 5_000)).one()
    assert payout.net_cents == 7_000
    assert payout.lines == [
        {"advertiser": "Lumière", "kind": "sale", "month": "", "cents": 9_000},
        {"advertiser": "Lumière", "kind": "sale", "month": "2026-10", "cents": -2_000},
    ]
    facts = db.session.scalars(select(Invoice).where(Invoice.payout_id == payout.id)).one().facts
    assert facts["lines"][1]["refers_to_month"] == "2026-10-01"


def test_a_refund_of_the_same_month_is_no_line_of_its_own(programme: Programme) -> None:
    alice = programme.payee()
    programme.refund(programme.earn(alice, 5_000), 1_000)

    programme.run()

    assert db.session.scalars(select(Payout)).one().lines == [
        {"advertiser": "Lumière", "kind": "sale", "month": "", "cents": 4_000}
    ]


def test_there_is_one_line_an_advertiser_and_kind(programme: Programme) -> None:
    alice = programme.payee()
    for advertiser, kind, cents in (("B", "sale", 1_000), ("A", "clicks", 500), ("A", "sale", 700)):
        programme.earn(alice, cents, advertiser=advertiser, kind=kind)
        programme.earn(alice, cents, advertiser=advertiser, kind=kind)

    programme.run()

    lines = db.session.scalars(select(Payout)).one().lines
    assert [(one["advertiser"], one["kind"], one["cents"]) for one in lines] == [
        ("A", "clicks", 1_000),
        ("A", "sale", 1_400),
        ("B", "sale", 2_000),
    ]


def test_vat_is_added_for_who_owes_it(programme: Programme) -> None:
    alice = programme.payee(vat="vat")
    programme.earn(alice, 5_003)

    run_id = programme.run()

    payout = db.session.scalars(select(Payout)).one()
    assert (payout.net_cents, payout.vat_cents, payout.total_cents) == (5_003, 1_001, 6_004)
    assert programme.transfers(run_id)[0].total_cents == 6_004
    assert programme.balances(alice) == {"paying": 5_003}


def _left_out(programme: Programme) -> dict[str, str]:
    found = preview(runs.get_run(programme.draft()))
    assert not found.rows
    return {one.partner_id: one.reason for one in found.left_out}


def test_below_the_minimum_waits(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 1_999)

    assert _left_out(programme) == {alice.id: "below_minimum"}


def test_the_minimum_itself_is_paid(programme: Programme) -> None:
    programme.earn(programme.payee(), 2_000)

    assert len(preview(runs.get_run(programme.draft())).rows) == 1


def test_a_negative_balance_waits(programme: Programme, frozen: Any) -> None:
    alice = programme.payee()
    earned = programme.earn(alice, 5_000)
    programme.run()
    programme.refund(earned, 1_000)
    frozen.move_to(NOVEMBER + timedelta(days=30))

    found = preview(runs.get_run(programme.draft("2026-11")))

    assert [(one.partner_id, one.reason, one.cents) for one in found.left_out] == [
        (alice.id, "negative", -1_000)
    ]


def test_who_has_only_what_waits_for_a_contract_reads_so(programme: Programme) -> None:
    alice = programme.payee()
    earned = programme.earn(alice, 1_000)
    with transaction():
        db.session.add(Hold(commission_id=earned.id, partner_id=alice.id, reason="contract"))

    assert _left_out(programme) == {alice.id: "contract"}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda: update(BillingProfile).values(checked_at=None), "no_identity"),
        (lambda: update(BillingProfile).values(postcode="98713"), "abroad"),
        (lambda: update(BillingProfile).values(frozen_at=NOVEMBER), "frozen"),
        (lambda: update(BankAccount).values(ended_at=NOVEMBER), "no_bank"),
        (lambda: update(BankAccount).values(usable_at=NOVEMBER + timedelta(seconds=1)), "bank_new"),
    ],
)
def test_who_cannot_be_paid_is_left_out_with_the_reason(
    programme: Programme, change: Any, reason: str
) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    with transaction():
        db.session.execute(change())

    assert _left_out(programme) == {alice.id: reason}


def test_who_is_suspended_is_left_out(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    with transaction():
        db.session.execute(update(Partner).values(is_active=False))

    assert _left_out(programme) == {alice.id: "frozen"}


def test_nobody_new_comes_into_a_run_that_was_proposed(programme: Programme) -> None:
    alice, bob = programme.payee(), programme.payee("bob")
    programme.earn(alice, 5_000)
    programme.earn(bob, 6_000)
    with transaction():
        db.session.execute(
            update(BankAccount)
            .where(BankAccount.partner_id == bob.id)
            .values(usable_at=NOVEMBER + timedelta(hours=1))
        )
    run_id = programme.draft()
    programme.propose(run_id)
    with transaction():
        db.session.execute(update(BankAccount).values(usable_at=NOVEMBER - timedelta(hours=1)))

    programme.approve(run_id)

    assert [one.total_cents for one in programme.transfers(run_id)] == [5_000]
    assert programme.balances(bob) == {"available": 6_000}


def test_a_changed_account_leaves_the_partner_out_and_no_third_is_paid(programme: Programme) -> None:
    alice, bob = programme.payee(), programme.payee("bob")
    programme.earn(alice, 5_000)
    programme.earn(bob, 6_000)
    run_id = programme.draft()
    programme.propose(run_id)
    seen = programme.digest(run_id)
    programme.change_account(alice)

    with pytest.raises(Moved), transaction():
        approval.begin(run_id, seen, "anna")
    programme.approve(run_id)

    assert programme.get(run_id).left_out == [[alice.id, "bank_new", 5_000]]
    assert [one.total_cents for one in programme.transfers(run_id)] == [6_000]
    assert programme.balances(alice) == {"available": 5_000}
    assert db.session.scalars(select(Invoice.partner_id)).all() == [bob.id]


def test_an_approval_of_what_moved_writes_nothing(programme: Programme) -> None:
    earned = programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    seen = programme.digest(run_id)
    with transaction():
        approval.begin(run_id, seen, "anna")
    programme.refund(earned, 100)

    with pytest.raises(Moved):
        approval.finish(run_id)

    run = programme.get(run_id)
    assert (run.state, run.approving_at, run.approved_by) == ("proposed", None, None)
    assert db.session.scalars(select(Invoice)).all() == []


def test_a_proposal_of_what_moved_is_refused(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    run_id = programme.draft()
    seen = programme.digest(run_id)
    programme.earn(alice, 100)

    with pytest.raises(Moved), transaction():
        runs.propose(run_id, seen, "olga")

    assert programme.get(run_id).state == "draft"
    assert db.session.scalars(select(Payout)).all() == []


def test_a_run_for_nobody_is_not_proposed(programme: Programme) -> None:
    run_id = programme.draft()

    with pytest.raises(NothingToPay):
        programme.propose(run_id)


def test_one_run_at_a_time_waits_for_its_approval(programme: Programme, frozen: Any) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    programme.propose(programme.draft())
    frozen.move_to(NOVEMBER + timedelta(days=30))
    programme.earn(alice, 5_000, NOVEMBER)

    with pytest.raises(AnotherProposed):
        programme.propose(programme.draft("2026-11"))


def test_who_proposed_never_approves(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id, "olga")

    with pytest.raises(SamePerson):
        programme.approve(run_id, "olga")

    with pytest.raises(IntegrityError), transaction():
        db.session.execute(update(PayoutRun).values(approved_by="olga"))


def waiting_for(actor: str) -> int:
    db.session.rollback()
    return db.session.execute(approval.count_waiting("payouts", actor)).one()[1]


def test_a_single_person_approves_after_the_hours_that_were_set(
    programme: Programme, frozen: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = programme.person("anna", TeamRole.OWNER)
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id, anna.id)
    object.__setattr__(settings(), "payout_solo_hours", 24)
    frozen.shift(timedelta(hours=23, minutes=59))
    with pytest.raises(TooSoonAlone):
        programme.approve(run_id, anna.id)
    assert waiting_for(anna.id) == 0

    frozen.shift(timedelta(minutes=1))
    assert waiting_for(anna.id) == 1
    programme.approve(run_id, anna.id)

    assert programme.get(run_id).is_solo
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "payout.approve")).one()
    assert entry.after is not None and entry.after["alone"] is True


def test_with_two_people_the_hours_help_nobody(programme: Programme, frozen: Any) -> None:
    anna = programme.person("anna", TeamRole.OWNER)
    programme.person("carl", TeamRole.ACCOUNTANT)
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id, anna.id)
    object.__setattr__(settings(), "payout_solo_hours", 1)
    frozen.shift(timedelta(days=9))

    assert (waiting_for(anna.id), waiting_for("carl")) == (0, 1)
    with pytest.raises(SamePerson):
        programme.approve(run_id, anna.id)


def test_approving_twice_pays_once(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    seen = programme.digest(run_id)

    for _ in range(3):
        with transaction():
            approval.begin(run_id, seen, "anna")
        approval.finish(run_id)

    assert len(programme.transfers(run_id)) == 1
    assert len(db.session.scalars(select(Invoice)).all()) == 1
    posted = select(LedgerTransaction).where(LedgerTransaction.kind == "payout")
    assert len(db.session.scalars(posted).all()) == 1
    assert programme.balances(alice) == {"paying": 5_000}


def test_an_approval_under_way_is_not_begun_with_another_digest(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    with transaction():
        approval.begin(run_id, programme_digest := preview(runs.get_run(run_id)).digest, "anna")

    with pytest.raises(ApprovalUnderWay), transaction():
        approval.begin(run_id, "0" * 64, "anna")
    with pytest.raises(ApprovalUnderWay), transaction():
        runs.withdraw(run_id, "no", "olga")
    with transaction():
        assert approval.begin(run_id, programme_digest, "anna").approving_by == "anna"


def test_a_restored_programme_pays_nobody_until_it_is_live(programme: Programme) -> None:
    programme.earn(programme.payee("bob"), 5_000, OCTOBER - timedelta(days=31))
    paid, alice = programme.run("2026-09"), programme.payee()
    programme.earn(alice, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    seen = programme.digest(run_id)
    with transaction():
        approval.begin(run_id, seen, "anna")
        for statement in quarantine.begin(clock.now(), clock.now()):
            db.session.execute(statement)

    approval.finish(run_id)

    assert (programme.transfers(run_id)[0].state, programme.balances(alice)) == (
        "planned",
        {"available": 5_000},
    )
    for act in (lambda: approval.begin(run_id, seen, "anna"), lambda: filing.fetch_file(paid, "anna")):
        with pytest.raises(PayoutsInQuarantine), transaction():
            act()
    with transaction():
        assert approval.give_up_doubtful(clock.now(), clock.now()) == 1
        quarantine.end(quarantine.PAYOUTS)
    approval.finish(run_id)
    assert programme.balances(alice) == {"available": 5_000}
    programme.approve(run_id)
    assert programme.balances(alice) == {"paying": 5_000}


def test_what_nobody_foresaw_ends_the_approval_and_says_so(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    monkeypatch.setattr(invoicing, "make", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        programme.approve(run_id)

    run = programme.get(run_id)
    assert (run.state, run.approving_at) == ("proposed", None)
    assert run.failure == {"who": "", "what": "ZeroDivisionError"}
    with transaction():
        runs.withdraw(run_id, "Le lot ne se calcule pas.", "olga")


def test_a_run_that_is_a_draft_is_not_approved(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()

    with pytest.raises(WrongState):
        programme.approve(run_id)


def test_an_approved_run_is_not_withdrawn(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()

    with pytest.raises(WrongState), transaction():
        runs.withdraw(run_id, "no", "olga")


def test_a_withdrawn_run_leaves_nothing_and_its_money_is_paid_by_the_next(programme: Programme) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    with transaction():
        runs.withdraw(run_id, "a wrong rate", "olga")
    assert db.session.scalars(select(Payout)).all() == []
    assert db.session.scalars(select(Transfer)).all() == []

    programme.run()

    assert programme.balances(alice) == {"paying": 5_000}


def test_a_failed_check_leaves_the_whole_run_unapproved_and_names_the_partner(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = programme.payee(), programme.payee("bob")
    programme.earn(alice, 5_000)
    programme.earn(bob, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    good = invoice_facts.render

    def render(facts: invoice_facts.InvoiceFacts) -> invoice_facts.RenderedInvoice:
        if facts.seller.legal_name.startswith("Bob"):
            raise invoice_facts.InvoiceRefused(["BR-FR-05"])
        return good(facts)

    monkeypatch.setattr(invoice_facts, "render", render)
    with pytest.raises(InvoiceFailed):
        programme.approve(run_id)

    run = programme.get(run_id)
    assert (run.state, run.failure) == ("proposed", {"who": "Bob d’Œuvre & Fils", "what": "BR-FR-05"})
    assert db.session.scalars(select(Invoice)).all() == []
    assert programme.balances(alice) == {"available": 5_000}
    monkeypatch.setattr(invoice_facts, "render", good)
    programme.approve(run_id)
    assert programme.get(run_id).failure is None


def test_numbers_count_within_a_partner_and_a_year(programme: Programme, frozen: Any) -> None:
    alice, bob = programme.payee(), programme.payee("bob")
    for partner in (alice, bob):
        programme.earn(partner, 5_000)
    programme.run()
    programme.earn(alice, 5_000, NOVEMBER)
    frozen.move_to(datetime(2027, 1, 6, 9, tzinfo=UTC))
    programme.run("2026-11")

    labels = db.session.scalars(select(Invoice.label).order_by(Invoice.label)).all()
    assert labels == ["P00001-2026-0001", "P00001-2027-0001", "P00002-2026-0001"]


def test_a_document_is_made_anew_for_another_number_or_day(programme: Programme, frozen: Any) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    with transaction():
        approval.begin(run_id, preview(runs.get_run(run_id)).digest, "anna")
    documents: dict[str, Any] = {}
    approval.make_documents(run_id, documents)
    frozen.shift(timedelta(days=1))

    assert not approval.post_if_ready(run_id, documents)
    approval.finish(run_id)

    invoice = db.session.scalars(select(Invoice)).one()
    assert invoice.issued_on == clock.today()
    assert f"number='{invoice.label}'".encode() in approval.invoicing.document_of(invoice)


def test_the_database_refuses_marks_that_overlap(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    programme.run()
    payout = db.session.scalars(select(Payout)).one()
    values = {
        name: getattr(payout, name)
        for name in (
            "run_id", "partner_id", "state", "net_cents", "vat_cents", "total_cents", "bank_account_id",
            "lines", "reason", "created_at",
        )
    }  # fmt: skip
    with transaction():
        run = PayoutRun(month="2026-09", drafted_by="cli", state="draft", left_out=[])
        db.session.add(run)
        db.session.flush()
        values["run_id"] = run.id

    for covers in (
        (payout.covers_to - 1, payout.covers_to + 5),
        (payout.covers_from - 5, payout.covers_from + 1),
    ):
        with pytest.raises(IntegrityError), transaction():
            marks = {"covers_from": covers[0], "covers_to": covers[1]}
            db.session.execute(insert(Payout).values(id="x" * 22, **values, **marks))


def test_the_database_refuses_a_gap_a_change_and_the_end_of_an_invoice(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    programme.run()
    invoice = db.session.scalars(select(Invoice)).one()
    columns = {one.key for one in Invoice.__table__.columns} - {
        "id",
        "payout_id",
        "cancels_id",
        "number",
        "label",
    }
    values = {name: getattr(invoice, name) for name in columns}

    with pytest.raises(IntegrityError), transaction():
        db.session.execute(
            insert(Invoice).values(
                id="x" * 22, cancels_id=invoice.id, number=3, label="P00001-2026-0003", **values
            )
        )
    for statement in (
        delete(Invoice),
        update(Invoice).values(total_cents=1),
        update(Invoice).values(number=2),
    ):
        with pytest.raises(IntegrityError), transaction():
            db.session.execute(statement)
    with transaction():
        db.session.execute(update(Invoice).values(accepted_at=clock.now()))


def test_the_database_refuses_a_second_open_transfer(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()
    [transfer] = programme.transfers(run_id)

    with pytest.raises(IntegrityError), transaction():
        db.session.add(
            Transfer(
                payout_id=transfer.payout_id, run_id=run_id, attempt=2, end_to_end_id="other", state="open",
                bank_account_id=transfer.bank_account_id, total_cents=1,
            )
        )  # fmt: skip
        db.session.flush()


def test_a_payout_is_what_the_ledger_holds_between_its_marks(programme: Programme) -> None:
    from contentflow.ledger.models import LedgerEntry

    alice = programme.payee()
    for cents in (1_500, 2_500, 700):
        programme.earn(alice, cents)
    programme.run()

    payout = db.session.scalars(select(Payout)).one()
    covered = select(LedgerEntry.amount_cents).where(
        LedgerEntry.account == "available",
        LedgerEntry.id > payout.covers_from,
        LedgerEntry.id <= payout.covers_to,
    )
    assert sum(db.session.scalars(covered)) == payout.net_cents == 4_700


def test_the_run_is_drafted_on_its_day_once(programme: Programme, frozen: Any) -> None:
    frozen.move_to(datetime(2026, 11, 4, 12, tzinfo=UTC))
    runs.draft_due()
    assert runs.list_runs() == []

    frozen.move_to(datetime(2026, 11, 5, 12, tzinfo=UTC))
    runs.draft_due()
    runs.draft_due()
    [run] = runs.list_runs()
    assert (run.month, run.drafted_by) == ("2026-10", "schedule")
    with transaction():
        runs.withdraw(run.id, "not this month", "olga")
    runs.draft_due()
    assert len(runs.list_runs()) == 1


def test_december_is_drafted_in_january(programme: Programme, frozen: Any) -> None:
    frozen.move_to(datetime(2027, 1, 5, 12, tzinfo=UTC))

    runs.draft_due()

    assert [run.month for run in runs.list_runs()] == ["2026-12"]


@pytest.mark.parametrize("run_id", ["", "x", "0" * 22, "a\x00b"])
def test_an_unknown_run_is_missing(programme: Programme, run_id: str) -> None:
    with pytest.raises(UnknownRun):
        runs.get_run(run_id)


def test_every_act_stands_in_the_audit_without_an_iban(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")
        filing.note_sent(run_id, "", "anna")

    found = db.session.scalars(select(AuditEntry).where(AuditEntry.subject == run_id)).all()
    assert {entry.act for entry in found} == {
        "payout.draft", "payout.propose", "payout.approve", "payout.approved", "payout.file", "payout.sent",
    }  # fmt: skip
    assert all("FR14" not in str(entry.after) for entry in found)


def test_old_years_that_were_folded_are_not_paid_again(programme: Programme, frozen: Any) -> None:
    """The fold writes old entries anew, behind every mark: their payouts are among them."""
    from contentflow.ledger import retention

    old = datetime(2014, 5, 3, 9, tzinfo=UTC)
    alice = programme.payee()
    programme.earn(alice, 5_000, old)
    run_id = programme.run()
    assert programme.balances(alice) == {"paying": 5_000}
    frozen.move_to(datetime(2026, 12, 6, tzinfo=UTC))
    retention.fold_old()
    programme.earn(alice, 3_000, NOVEMBER)

    found = drafting.preview(runs.get_run(programme.draft("2026-11")))

    assert run_id and [row.net_cents for row in found.rows] == [3_000]
