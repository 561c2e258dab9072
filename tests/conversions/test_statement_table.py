"""The files that networks hand out, each as its own documentation and its exports write them."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from contentflow.conversions.presets import PRESETS
from contentflow.conversions.statement_columns import StatementRefused
from contentflow.conversions.statement_table import Line, StatementTable
from contentflow.core.csv_reading import CsvTable

FOLDER = Path(__file__).parent / "statements"
NOW = datetime(2026, 11, 15, tzinfo=UTC)
CLICK = "C" * 22
PARIS = {"transaction": "t", "zone": "Europe/Paris", "amount_form": "decimal"}
EURO = {**PARIS, "fixed.currency": "EUR"}

pytestmark = pytest.mark.usefixtures("app")


def read(data: str | bytes, lines: dict[str, str] = EURO, preset: str = "generic") -> list[Line]:
    data = data.encode() if isinstance(data, str) else data
    return list(StatementTable(CsvTable(io.BytesIO(data)), lines, preset, NOW).lines())


def said(line: Line) -> tuple[Any, ...]:
    report = line.report
    assert report is not None, line.reason
    at = report.at.strftime("%m-%d %H:%M")
    return report.transaction, report.type, report.amount, report.currency, report.state, at


def exported(name: str) -> bytes:
    """Two of them come in cp1252, as their networks write them; here all stand in UTF-8."""
    written = (FOLDER / name).read_bytes().replace(b"{click}", CLICK.encode())
    return written.decode().encode("cp1252") if name in ("tradedoubler.csv", "kwanko.csv") else written


@pytest.mark.parametrize(
    ("name", "lines", "rows"),
    [
        (
            "awin.csv",
            {"fixed.currency": "EUR"},
            [
                ("1834567001", "sale", 1039, "EUR", "approved", "10-02 09:14"),
                ("1834567002", "sale", 9992, "EUR", "pending", "10-03 18:40"),
                ("1834567003", "sale", 360, "EUR", "rejected", "10-05 23:59"),
                ("1834567004", "sale", 160, "EUR", "approved", "10-09 00:00"),
            ],
        ),
        (
            "tradedoubler.csv",
            {},
            [
                ("TD-9001", "sale", 1250, "EUR", "approved", "10-02 08:11"),
                ("TD-9002", "sale", 123456, "EUR", "pending", "10-15 20:01"),
                ("TD-9003", "sale", 300, "EUR", "rejected", "10-16 06:30"),
                "a line of totals is no transaction: Total",
            ],
        ),
        (
            "cj.csv",
            {},
            [
                ("2500001", "sale", 960, "USD", "approved", "10-02 05:15"),
                ("2500002", "sale", 115992, "USD", "pending", "10-04 15:00"),
                ("2500003", "refund", 480, "USD", "approved", "10-09 15:00"),
            ],
        ),
        (
            "impact.csv",
            {},
            [
                ("1001.2002.300301", "sale", 640, "EUR", "approved", "10-03 14:05"),
                ("1001.2002.300302", "sale", 640, "EUR", "rejected", "10-13 00:05"),
                ("1001.2002.300303", "sale", 640, "EUR", "pending", "10-14 11:00"),
            ],
        ),
        (
            "affise.csv",
            {},
            [
                ("0012345", "sale", 420, "EUR", "approved", "10-03 10:00"),
                ("0012346", "sale", 420, "EUR", "rejected", "10-03 11:00"),
                "Conversion ID was rounded by a spreadsheet: 1,23457E+11",
            ],
        ),
        (
            "everflow.tsv",
            {},
            [
                ("c0ffee0001", "sale", 250, "USD", "approved", "10-03 10:00"),
                ("c0ffee0002", "sale", 250, "USD", "rejected", "10-31 23:30"),
            ],
        ),
        (
            "tune.csv",
            {"fixed.currency": "EUR"},
            [
                ("500001", "sale", 500, "EUR", "approved", "10-03 10:00"),
                ("500002", "sale", 500, "EUR", "rejected", "10-04 10:00"),
            ],
        ),
        (
            "kwanko.csv",
            {},
            [
                ("KW-1", "sale", 720, "EUR", "approved", "10-03 08:00"),
                ("KW-2", "sale", 80, "EUR", "pending", "10-23 09:00"),
                ("KW-3", "sale", 80, "EUR", "rejected", "10-24 09:00"),
            ],
        ),
    ],
)
def test_each_networks_export_is_read(name: str, lines: dict[str, str], rows: list[Any]):
    preset = name.partition(".")[0]
    found = read(exported(name), {**PRESETS[preset].mapping, **lines}, preset)

    assert [said(line) if line.report else line.reason for line in found] == rows
    clicks = {line.report.click_id for line in found if line.report}
    assert clicks <= {CLICK, ""} and CLICK in clicks


def test_the_mappings_name_goes_before_the_exports_and_ours():
    lines = {**EURO, "transaction": "Order No", "amount": "Comm"}

    (line,) = read("Transaction,order no ,Payout,COMM\nA,B,5.00,7.00\n", lines)

    assert said(line)[:3] == ("B", "sale", 700)


@pytest.mark.parametrize("header", ["transaction,amount", " TRANSACTION ,Amount", "Trans_Action;A-mount"])
def test_our_own_names_will_do_too(header: str):
    separator = ";" if ";" in header else ","
    (line,) = read(f"{header}\nT1{separator}5.00\n")

    assert said(line)[:3] == ("T1", "sale", 500)


def test_two_columns_that_can_be_meant_refuse_the_file():
    with pytest.raises(StatementRefused, match="amount"):
        read("transaction,Amount,AMOUNT\nT1,5.00,6.00\n")
    (line,) = read("transaction,amount,AMOUNT\nT1,5.00,6.00\n")
    assert said(line)[2] == 500


def test_a_missing_column_is_named_with_what_the_file_has():
    with pytest.raises(StatementRefused) as refused:
        read("order,total,amount\nA,1.00,2.00\n", {**EURO, "transaction": "conv"})

    assert "conv" in str(refused.value.message) and "order, total, amount" in str(refused.value.message)
    with pytest.raises(StatementRefused):
        read("\n,,,\n;;;")


def test_a_shifted_row_is_refused_and_no_cell_is_guessed():
    found = read("transaction,amount,status\nT1,12,50,approved\nT2,12.50\nT3,12.50,approved,,\n")

    assert found[0].reason == "the row has 4 cells, and the header 3"
    assert [said(line)[2] for line in found[1:]] == [1250, 1250]
    assert [line.number for line in found] == [2, 3, 4]


def test_a_row_that_names_two_currencies_is_refused():
    header = "transaction,Commission (EUR),currency\n"

    assert read(f"{header}T1,5.00,USD\n", PARIS)[0].reason == "Commission (EUR) names EUR and USD"
    assert said(read(f"{header}T1,5.00 €,eur\n", PARIS)[0])[3] == "EUR"
    assert "USD" in read("transaction,amount\nT1,5.00 USD\n")[0].reason
    assert "currency is missing" in read("transaction,amount\nT1,5.00\n", PARIS)[0].reason
    assert said(read("transaction,amount\nT1,$5.00\n")[0])[3] == "EUR"


def test_dates_of_two_readings_refuse_the_file():
    header = "transaction,amount,date\n"
    with pytest.raises(StatementRefused, match="2026-10-31"):
        read(f"{header}T1,5.00,03/10/2026\n")

    first, _ = read(f"{header}T1,5.00,03/10/2026\nT2,5.00,31/10/2026\n")
    assert said(first)[5] == "10-02 22:00"
    first, _ = read(f"{header}T1,5.00,10/03/2026\nT2,5.00,10/31/2026\n")
    assert said(first)[5] == "10-02 22:00"


def test_the_mappings_words_go_before_those_of_exports():
    header = "transaction,amount,status\n"
    odd = {**EURO, "approved": "locked,ok", "rejected": "closed"}

    states = [line.report.state if line.report else line.reason for line in read(
        f"{header}T1,1.00,OK\nT2,1.00,Closed\nT3,1.00,paid\nT4,1.00,\nT5,1.00,odd\n", odd
    )]  # fmt: skip

    assert states[:4] == ["approved", "rejected", "approved", None]
    assert "'odd'" in str(states[4])


def test_a_line_of_totals_is_no_sale_wherever_its_word_stands():
    header = "advertiser,transaction,amount,date,click_id\n"
    rows = "Total,2,10.00,,\n,Total,10.00,,\nTotal,,10.00,,\nTotal,T1,5.00,2026-10-03,\n"

    found = read(header + rows)

    assert ["totals" in line.reason for line in found] == [True, True, True, False]


def test_a_bad_row_stops_no_other():
    found = read(
        'transaction,amount,click_id\n,5.00,\nT2,1e3,\nT3,"5.00\nT4,5.00,{click}\nT5,0.00,\nT6,5.00,\n'
    )

    assert [bool(line.report) for line in found] == [False, False, False, False, True, True]
    assert "unfilled" in found[3].reason or "filled in" in found[3].reason
    assert [line.number for line in found] == [2, 3, 4, 5, 6, 7]


def test_more_rows_than_promised_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("contentflow.conversions.statement_table.MAX_ROWS", 3)

    assert len(read("transaction,amount\n" + "T,1.00\n" * 3)) == 3
    with pytest.raises(StatementRefused, match="200"):
        read("transaction,amount\n" + "T,1.00\n" * 4)
