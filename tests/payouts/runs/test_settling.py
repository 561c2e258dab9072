"""What the bank says back: settled once, sent again by the next run, and the partner told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from contentflow.core.db import db, transaction
from contentflow.mailing.models import Delivery
from contentflow.payouts import bank_report, filing, runs, settling
from contentflow.payouts.drafting import preview
from contentflow.payouts.errors import CannotSettle, NoFile, UnknownPayout, WrongDay, WrongOutcome, WrongState
from contentflow.payouts.models import BankAccount
from contentflow.payouts.run_models import BankReport, Invoice, Payout, Transfer
from tests.payouts.runs import reports
from tests.payouts.runs.conftest import NOVEMBER, Programme

DECEMBER = datetime(2026, 12, 6, 9, tzinfo=UTC)


def told(content: bytes) -> list[str]:
    with transaction():
        return [str(one.verdict) for one in settling.read_report(content, "anna")[1]]


def state_of_payout() -> str:
    db.session.rollback()
    return db.session.scalars(select(Payout)).one().state


def subjects() -> list[str]:
    db.session.rollback()
    return [str(one.context["subject"]) for one in db.session.scalars(select(Delivery))]


@pytest.fixture
def sent(programme: Programme) -> Transfer:
    """A transfer of 60.00 € gross that the bank has."""
    programme.earn(programme.payee(vat="vat"), 5_000)
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")
    return programme.transfers(run_id)[0]


def partner_of(programme: Programme) -> dict[str, int]:
    payout = db.session.scalars(select(Payout)).one()

    class Owner:
        id = payout.partner_id

    return programme.balances(Owner())  # type: ignore[arg-type]


def test_a_statement_settles_and_closes_the_run_and_the_partner_is_told(
    programme: Programme, sent: Transfer
) -> None:
    assert told(reports.statement(reports.entry(sent.end_to_end_id, 6_000))) == ["settled"]

    [transfer] = programme.transfers(sent.run_id)
    assert (transfer.state, transfer.settled_on, transfer.paid_on) == (
        "paid",
        NOVEMBER.date(),
        NOVEMBER.date(),
    )
    assert state_of_payout() == "paid"
    assert programme.get(sent.run_id).state == "closed"
    assert partner_of(programme) == {"paid": 5_000}
    assert [subject.replace("\u00a0", " ").replace("\u202f", " ") for subject in subjects()] == [
        "60,00 € sont en route vers ton compte"
    ]


def test_the_same_report_again_changes_nothing(programme: Programme, sent: Transfer) -> None:
    content = reports.statement(reports.entry(sent.end_to_end_id, 6_000))
    told(content)

    assert told(content) == ["already"]
    assert partner_of(programme) == {"paid": 5_000}
    assert len(subjects()) == 1
    assert len(db.session.scalars(select(BankReport)).all()) == 1


def test_half_the_amount_settles_nothing(programme: Programme, sent: Transfer) -> None:
    assert told(reports.statement(reports.entry(sent.end_to_end_id, 3_000))) == ["differs"]
    assert state_of_payout() == "sending"
    assert partner_of(programme) == {"paying": 5_000}


def test_an_unknown_id_stops_nothing(programme: Programme, sent: Transfer) -> None:
    content = reports.statement(
        reports.entry("CF-NOBODY", 6_000),
        reports.entry("x" * 300, 6_000),
        reports.entry(sent.end_to_end_id, 6_000),
    )

    assert told(content) == ["unknown", "unknown", "settled"]


def test_a_reject_leaves_invoice_and_debt_and_the_next_run_sends_the_same_payout(
    programme: Programme, sent: Transfer, frozen: Any
) -> None:
    assert told(reports.rejects(sent.end_to_end_id, code="AC04")) == ["settled"]
    assert state_of_payout() == "rejected"
    assert partner_of(programme) == {"paying": 5_000}
    assert programme.get(sent.run_id).state == "closed"
    assert "pas accepté" in subjects()[0]

    frozen.move_to(DECEMBER)
    run_id = programme.run("2026-11")

    [again] = programme.transfers(run_id)
    assert (again.payout_id, again.attempt, again.state) == (sent.payout_id, 2, "open")
    assert again.end_to_end_id != sent.end_to_end_id
    assert len(db.session.scalars(select(Invoice)).all()) == 1
    assert partner_of(programme) == {"paying": 5_000}
    assert state_of_payout() == "due"
    assert told(reports.statement(reports.entry(again.end_to_end_id, 6_000))) == ["settled"]
    assert partner_of(programme) == {"paid": 5_000}


def test_a_new_account_is_what_the_next_attempt_pays_to(
    programme: Programme, sent: Transfer, frozen: Any
) -> None:
    told(reports.rejects(sent.end_to_end_id))
    payout = db.session.scalars(select(Payout)).one()

    class Owner:
        id, name = payout.partner_id, "Alice"

    programme.change_account(Owner(), DECEMBER - timedelta(days=2))  # type: ignore[arg-type]
    frozen.move_to(DECEMBER)

    [again] = programme.transfers(programme.run("2026-11"))

    assert again.bank_account_id != sent.bank_account_id


def test_a_rejected_payout_waits_for_an_account(programme: Programme, sent: Transfer, frozen: Any) -> None:
    told(reports.rejects(sent.end_to_end_id))
    with transaction():
        db.session.execute(update(BankAccount).values(ended_at=NOVEMBER))
    frozen.move_to(DECEMBER)

    found = preview(runs.get_run(programme.draft("2026-11")))

    assert [(one.reason, one.cents) for one in found.left_out] == [("no_bank", 5_000)]


def test_a_whole_file_that_is_rejected_rejects_each_of_its_transfers(
    programme: Programme, sent: Transfer
) -> None:
    assert told(reports.whole_reject(sent.run_id)) == ["settled"]
    assert told(reports.whole_reject("0" * 22)) == ["unknown"]
    assert state_of_payout() == "rejected"


def test_what_was_paid_may_return_and_is_owed_again(programme: Programme, sent: Transfer) -> None:
    paid = reports.entry(sent.end_to_end_id, 6_000)
    told(reports.statement(paid))
    back = reports.entry(sent.end_to_end_id, 6_000, "CRDT", code="AC04", day="2026-11-05")

    assert told(reports.statement(back, paid)) == ["already", "settled"]

    [transfer] = programme.transfers(sent.run_id)
    assert (transfer.state, transfer.settled_on) == ("returned", date(2026, 11, 5))
    assert state_of_payout() == "returned"
    assert partner_of(programme) == {"paying": 5_000}
    assert told(reports.statement(paid)) == ["already"]


def test_a_return_of_what_nobody_saw_leave_books_both(programme: Programme, sent: Transfer) -> None:
    assert told(reports.notice(reports.entry(sent.end_to_end_id, 6_000, "CRDT", code="AC01"))) == ["settled"]
    assert partner_of(programme) == {"paying": 5_000}


@pytest.mark.parametrize("later", ["paid", "returned"])
def test_what_was_rejected_comes_to_nothing_else(programme: Programme, sent: Transfer, later: str) -> None:
    told(reports.rejects(sent.end_to_end_id))
    direction = "CRDT" if later == "returned" else "DBIT"

    assert told(reports.statement(reports.entry(sent.end_to_end_id, 6_000, direction))) == ["refused"]
    assert partner_of(programme) == {"paying": 5_000}


def test_what_was_paid_is_not_rejected_afterwards(programme: Programme, sent: Transfer) -> None:
    told(reports.statement(reports.entry(sent.end_to_end_id, 6_000)))

    assert told(reports.rejects(sent.end_to_end_id)) == ["refused"]
    assert state_of_payout() == "paid"


def test_a_transfer_that_is_only_planned_is_unknown_to_the_bank(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()
    programme.propose(run_id)
    [transfer] = programme.transfers(run_id)

    assert told(reports.statement(reports.entry(transfer.end_to_end_id, 5_000))) == ["unknown"]


def test_what_is_none_of_these_writes_nothing(programme: Programme, sent: Transfer) -> None:
    with pytest.raises(bank_report.NoReport):
        told(b"<Document/>")

    assert db.session.scalars(select(BankReport)).all() == []


@pytest.mark.parametrize(
    ("outcome", "balance"), [("paid", "paid"), ("rejected", "paying"), ("returned", "paying")]
)
def test_a_person_settles_by_hand(programme: Programme, sent: Transfer, outcome: str, balance: str) -> None:
    with transaction():
        run_id = settling.settle(sent.payout_id, outcome, "the bank told us", "2026-11-05", "anna")

    assert run_id == sent.run_id
    assert state_of_payout() == outcome
    assert partner_of(programme) == {balance: 5_000}
    with pytest.raises(CannotSettle), transaction():
        settling.settle(sent.payout_id, "rejected", "again", "", "anna")


@pytest.mark.parametrize(
    ("payout", "outcome", "on", "refusal"),
    [
        ("x", "paid", "", UnknownPayout), ("", "lost", "", WrongOutcome),
        ("", "paid", "2026-11-07", WrongDay),
        ("", "paid", "yesterday", WrongDay), ("0" * 22, "paid", "", UnknownPayout),
    ],
)  # fmt: skip
def test_what_cannot_be_settled_is_refused(
    programme: Programme, sent: Transfer, payout: str, outcome: str, on: str, refusal: type[Exception]
) -> None:
    with pytest.raises(refusal), transaction():
        settling.settle(payout or sent.payout_id, outcome, "why", on, "anna")

    assert state_of_payout() == "sending"


def test_the_file_is_the_same_bytes_each_time_and_sealed_at_rest(
    programme: Programme, sent: Transfer, frozen: Any
) -> None:
    frozen.shift(timedelta(hours=5))
    with transaction():
        first = filing.fetch_file(sent.run_id, "anna")
    with transaction():
        second = filing.fetch_file(sent.run_id, "anna")

    run = programme.get(sent.run_id)
    assert first == second
    assert run.bank_file is not None and b"FR14" not in run.bank_file and b"Document" not in run.bank_file
    assert (run.state, run.executes_on) == ("filed", date(2026, 11, 9))


def test_a_run_that_is_not_approved_has_no_file_and_was_not_sent(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.draft()

    with pytest.raises(NoFile), transaction():
        filing.fetch_file(run_id, "anna")
    with pytest.raises(WrongState), transaction():
        filing.note_sent(run_id, "", "anna")


@pytest.mark.parametrize("on", ["2026-11-05", "2026-11-07", "soon"])
def test_a_file_is_sent_on_a_day_between_approval_and_today(
    programme: Programme, sent: Transfer, on: str
) -> None:
    with pytest.raises(WrongDay), transaction():
        filing.note_sent(sent.run_id, on, "anna")

    with transaction():
        assert filing.note_sent(sent.run_id, "2026-11-06", "anna").sent_on == date(2026, 11, 6)
