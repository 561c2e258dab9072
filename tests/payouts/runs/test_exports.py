"""What the accountant takes away balances to the cent: invoices, journal, bank file and ledger."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.payouts import contesting, exporting, filing, settling
from contentflow.payouts.errors import UnknownRun, WrongYear
from contentflow.payouts.exporting import year_csv, year_lines
from contentflow.payouts.journal import COLUMNS, journal, plain_cell
from contentflow.payouts.run_models import Invoice, Payout, Transfer
from tests.payouts.runs import reports
from tests.payouts.runs.conftest import NOVEMBER, Programme


def rows(text: str) -> list[dict[str, str]]:
    lines = text.split("\r\n")
    assert lines[-1] == ""
    assert tuple(lines[0].split("\t")) == COLUMNS and len(COLUMNS) == 18
    found = [dict(zip(COLUMNS, line.split("\t"), strict=True)) for line in lines[1:-1]]
    by_entry: dict[str, int] = {}
    for row in found:
        by_entry.setdefault(row["EcritureNum"], 0)
        by_entry[row["EcritureNum"]] += cents(row["Debit"]) - cents(row["Credit"])
    assert set(by_entry.values()) <= {0}
    return found


def cents(text: str) -> int:
    assert re.fullmatch(r"[0-9]+,[0-9]{2}", text), text
    return int(text.replace(",", ""))


def balance(found: list[dict[str, str]], account: str) -> int:
    return sum(cents(row["Debit"]) - cents(row["Credit"]) for row in found if row["CompteNum"] == account)


def test_journal_invoices_file_and_ledger_say_the_same(programme: Programme) -> None:
    alice, bob = programme.payee(vat="vat"), programme.payee("bob", siret="44306184100047")
    programme.earn(alice, 5_000)
    programme.earn(bob, 3_000)
    run_id = programme.run()
    with transaction():
        content = filing.fetch_file(run_id, "anna")
    first = next(one for one in programme.transfers(run_id) if one.total_cents == 6_000)
    with transaction():
        settling.read_report(reports.statement(reports.entry(first.end_to_end_id, 6_000)), "anna")

    found = rows(journal(run_id))

    invoiced = sum(db.session.scalars(select(Invoice.total_cents)))
    assert invoiced == 9_000 and b"<CtrlSum>90.00</CtrlSum>" in content
    assert balance(found, "6222") == 8_000
    assert balance(found, "44566") == 1_000
    assert balance(found, "512") == -6_000
    assert balance(found, "401") == -(9_000 - 6_000)
    assert programme.balances(alice) == {"paid": 5_000} and programme.balances(bob) == {"paying": 3_000}
    assert {row["CompAuxNum"] for row in found if row["CompteNum"] == "401"} == {"P00001", "P00002"}
    assert {row["PieceDate"] for row in found} == {"20261106"}


def test_what_returned_left_and_came_back(programme: Programme, frozen: Any) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()
    [transfer] = programme.transfers(run_id)
    for day, direction in (("2026-11-06", "DBIT"), ("2026-11-09", "CRDT")):
        frozen.move_to(NOVEMBER + timedelta(days=5))
        with transaction():
            line = reports.entry(transfer.end_to_end_id, 5_000, direction, day=day)
            settling.read_report(reports.statement(line), "anna")

    found = rows(journal(run_id))

    assert balance(found, "512") == 0 and balance(found, "401") == -5_000
    assert [row["EcritureDate"] for row in found if row["CompteNum"] == "512"] == ["20261106", "20261109"]


def test_a_credit_note_takes_its_invoice_out_of_the_books(programme: Programme) -> None:
    alice = programme.payee(vat="vat")
    programme.earn(alice, 5_000)
    run_id = programme.run()
    payout_id = db.session.scalars(select(Payout.id)).one()
    with transaction():
        contesting.contest(alice.id, payout_id, "wrong")

    found = rows(journal(run_id))

    assert {account: balance(found, account) for account in ("6222", "44566", "401")} == {
        "6222": 0, "44566": 0, "401": 0,
    }  # fmt: skip
    assert rows(journal(year="2026")) == found
    assert rows(journal(year="2025")) == []


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "+1", "-2", "@SUM(A1)"])
def test_no_cell_is_run_by_a_spreadsheet(programme: Programme, name: str) -> None:
    programme.earn(programme.payee(legal_name=name), 5_000)

    found = rows(journal(programme.run()))

    assert all(not cell.startswith(("=", "+", "-", "@")) for row in found for cell in row.values())


def test_a_cell_ends_no_column_and_no_line() -> None:
    assert plain_cell("a\tb\r\nc") == "a b c"


def test_the_invoices_are_the_very_documents_with_their_sums(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()

    for content in (exporting.invoices(run_id), exporting.invoices(year="2026")):
        archive = zipfile.ZipFile(io.BytesIO(content))
        document = archive.read("P00001-2026-0001.pdf")
        sha256 = hashlib.sha256(document).hexdigest()
        assert archive.namelist() == ["P00001-2026-0001.pdf", "SHA256SUMS"]
        assert archive.read("SHA256SUMS").decode() == f"{sha256}  P00001-2026-0001.pdf\n"
        assert db.session.scalars(select(Invoice)).one().pdf_sha256 == sha256


@pytest.mark.parametrize(("net", "is_declared"), [(239_998, False), (240_001, True)])
def test_the_year_says_who_is_declared(programme: Programme, net: int, is_declared: bool) -> None:
    alice = programme.payee()
    for advertiser in ("A", "B", "C"):  # Each stays under what wants a contract.
        programme.earn(alice, net // 3, advertiser=advertiser)
    programme.earn(alice, net % 3 or 1, advertiser="D")
    net = net // 3 * 3 + (net % 3 or 1)
    run_id = programme.run()
    [transfer] = programme.transfers(run_id)
    with transaction():
        settling.settle(transfer.payout_id, "paid", "seen", "", "anna")

    [line] = year_lines("2026")

    assert (line.siret, line.invoiced_cents, line.paid_cents) == ("73282932000074", net, net)
    assert line.is_declared is is_declared
    assert year_lines("2025") == []
    assert year_csv("2026").splitlines()[1].startswith("73282932000074;Alice d’Œuvre & Fils;")


def test_what_returned_was_not_paid_in_the_year(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    run_id = programme.run()
    [transfer] = programme.transfers(run_id)
    with transaction():
        settling.settle(transfer.payout_id, "returned", "AC04", "", "anna")

    [line] = year_lines("2026")

    assert (line.invoiced_cents, line.paid_cents) == (5_000, 0)


@pytest.mark.parametrize("year", ["", "26", "1999", "２０２６", "2026 "])
def test_what_is_no_year_is_refused(programme: Programme, year: str) -> None:
    with pytest.raises(WrongYear):
        journal(year=year)


def test_an_unknown_run_has_no_journal(programme: Programme) -> None:
    for make in (journal, exporting.invoices):
        with pytest.raises(UnknownRun):
            make("0" * 22)


def test_the_sums_of_a_year_need_no_transfer(programme: Programme) -> None:
    programme.earn(programme.payee(), 5_000)
    programme.run()

    assert [line.paid_cents for line in year_lines("2026")] == [0]
    assert db.session.scalars(select(Transfer.state)).all() == ["open"]
