"""Reading what the bank reports: what it says, and what is none of these."""

from __future__ import annotations

from datetime import date

import pytest

from contentflow.payouts import bank_report
from contentflow.payouts.bank_report import MAX_BYTES, NoReport, ReportTooLarge, TransferNews, read
from tests.payouts.runs import reports


def test_a_reject_names_its_transfer_and_reason() -> None:
    found = read(reports.rejects("CF1", "CF2", code="AC01", cents=1_234))

    assert found.kind == "pain.002"
    assert found.lines == [
        TransferNews("CF1", "rejected", 1_234, "AC01"),
        TransferNews("CF2", "rejected", 1_234, "AC01"),
    ]


def test_the_reject_of_a_whole_file_names_the_file() -> None:
    assert read(reports.whole_reject("run1")).lines == [
        TransferNews("", "rejected", None, "AM04", message_id="run1")
    ]


@pytest.mark.parametrize("state", ["ACCP", "ACSP", "PDNG", "ACWC"])
def test_what_is_only_on_its_way_says_nothing(state: str) -> None:
    assert read(reports.rejects("CF1").replace(b"RJCT", state.encode())).lines == []


@pytest.mark.parametrize("state", ["ACSC", "ACCC"])
def test_what_is_settled_was_paid(state: str) -> None:
    [line] = read(reports.rejects("CF1").replace(b"RJCT", state.encode())).lines

    assert line.outcome == "paid"


def test_a_statement_says_what_was_paid_and_what_came_back_in_this_order() -> None:
    found = read(reports.statement(reports.entry("CF1", 500, "CRDT", code="AC04"), reports.entry("CF1", 500)))

    assert found.kind == "camt.053"
    assert found.lines == [
        TransferNews("CF1", "paid", 500, "", date(2026, 11, 9)),
        TransferNews("CF1", "returned", 500, "AC04", date(2026, 11, 9)),
    ]


def test_a_notice_is_read_as_a_statement_is() -> None:
    found = read(reports.notice(reports.entry("CF1", 500)))

    assert (found.kind, found.lines[0].outcome) == ("camt.054", "paid")


def test_what_is_not_booked_counts_for_nothing() -> None:
    assert read(reports.statement(reports.entry("CF1", 500, state="PDNG"))).lines == []


def test_an_entry_of_an_older_version_names_its_state_plainly() -> None:
    old = reports.statement(reports.entry("CF1", 500)).replace(
        b"<Sts><Cd>BOOK</Cd></Sts>", b"<Sts>BOOK</Sts>"
    )

    assert len(read(old).lines) == 1


def test_an_entry_of_somebody_else_is_passed_over() -> None:
    assert read(reports.statement(reports.entry("NOTPROVIDED", 500), "<Ntry/>")).lines == []


@pytest.mark.parametrize("sum_", ["1,00", "NaN", "Infinity", "1e3x", "", "0.001"])
def test_a_sum_that_is_none_is_no_transfers(sum_: str) -> None:
    text = reports.statement(reports.entry("CF1", 500)).replace(b"5.00", sum_.encode())

    assert read(text).lines[0].cents == -1


def test_another_currency_is_no_transfers() -> None:
    assert read(reports.statement(reports.entry("CF1", 500)).replace(b'"EUR"', b'"USD"')).lines[0].cents == -1


BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    b"<Document><CstmrPmtStsRpt>&b;</CstmrPmtStsRpt></Document>"
)
OUTSIDE = (
    b'<?xml version="1.0"?><!DOCTYPE x SYSTEM "http://evil.example/x.dtd">'
    b"<Document><CstmrPmtStsRpt/></Document>"
)


@pytest.mark.parametrize(
    "content",
    [
        b"", b"no xml", b"<Document/>", b"<Document><Other/></Document>", b"<Other><CstmrPmtStsRpt/></Other>",
        BOMB, OUTSIDE, b"<Document><CstmrPmtStsRpt>&evil;</CstmrPmtStsRpt></Document>", b"\x00" * 100,
        b'<?xml version="1.0" encoding="nonsense"?><Document/>',
        b"<a>" * 60 + b"</a>" * 60, b"<Document><CstmrPmtStsRpt></Document>",
    ],
)  # fmt: skip
def test_what_is_no_report_is_refused(content: bytes) -> None:
    with pytest.raises(NoReport):
        read(content)


def test_a_report_has_five_megabytes_at_most() -> None:
    with pytest.raises(ReportTooLarge):
        read(b" " * (MAX_BYTES + 1))


def test_every_outcome_of_a_report_is_one_that_can_be_settled() -> None:
    assert {bank_report._outcome(state) for state in ("RJCT", "ACSC", "PDNG")} == {"rejected", "paid", ""}
