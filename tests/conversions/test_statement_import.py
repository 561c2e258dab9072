"""A network's month by its statement: looked at first, applied once, compared with our own books."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from contentflow.conversions import batches, networks, services, statement_import
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, NetworkStatement
from contentflow.core.db import db, transaction
from contentflow.ledger import services as ledger
from contentflow.ledger.models import LedgerEntry, LedgerTransaction

HEADER = "transaction,click_id,amount,currency,status,at,type"
Import = Callable[..., dict[str, Any]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write(*rows: str, header: str = HEADER, name: str = "october.csv") -> str:
        path = tmp_path / name
        path.write_text("\n".join([header, *rows]) + "\n")
        return str(path)

    return write


@pytest.fixture
def load(app: Flask, network: Any, run: Any) -> Import:
    """Import a file and return what programs read; the progress bar is not theirs."""

    def load(file: str, *options: str, name: str = "awin") -> dict[str, Any]:
        result = app.test_cli_runner().invoke(args=["conversion", "import", name, file, "--json", *options])
        db.session.rollback()
        assert result.exit_code == 0, result.output
        return dict(json.loads(result.stdout))

    return load


def row(number: int, click: str = "", amount: str = "12.50", status: str = "approved", **more: str) -> str:
    at = more.get("at", f"2026-10-{number % 28 + 1:02d}T10:00:00Z")
    return ",".join(
        [f"T{number}", click, amount, more.get("currency", "EUR"), status, at, more.get("type", "")]
    )


def verdicts(found: dict[str, Any]) -> list[str]:
    return [one["verdict"] for one in found["rows"]]


def written() -> tuple[int, ...]:
    db.session.rollback()
    return tuple(
        int(db.session.scalar(select(func.count()).select_from(model)) or 0)
        for model in (Conversion, LedgerTransaction, LedgerEntry, NetworkStatement)
    )


def test_a_preview_says_what_each_row_would_do_and_writes_nothing(
    load: Import, write, click, postback, alice
):
    one = click()
    postback("T1", click_id=one, amount_cents=1_250)
    postback("T2", click_id=one, amount_cents=1_000)
    before = written()
    file = write(
        row(1, one), row(2, one), row(3, one), row(4), row(5, one, "12e2"), row(6, one, status="odd")
    )

    found = load(file)

    assert verdicts(found) == ["known", "changed", "new", "unknown_click", "refused", "refused"]
    assert found["counts"] == {"new": 1, "known": 1, "changed": 1, "unknown_click": 1, "refused": 2}
    assert [one["line"] for one in found["rows"]] == [2, 3, 4, 5, 6, 7]
    assert "amount" in found["rows"][4]["reason"] and "'odd'" in found["rows"][5]["reason"]
    (total,) = found["sums"]
    assert (total["before_cents"], total["after_cents"], total["statement_cents"]) == (2_250, 5_000, 5_000)
    assert not found["applied"] and written() == before


def test_what_was_applied_is_what_the_preview_said(load: Import, write, click, postback, alice):
    one = click()
    postback("T1", click_id=one, amount_cents=1_250)
    postback("T2", click_id=one, amount_cents=1_000)
    postback("T9", click_id=one, amount_cents=700, at="2026-10-09T00:00:00Z")
    file = write(
        row(1, one, status="rejected"),
        row(2, one),
        row(3, one, status="pending"),
        row(4),
        row(5, one, "nothing"),
        row(2, one, "2.50", type="refund"),
    )

    seen, done = load(file), load(file, "--apply")

    assert done["applied"] and done["counts"] == seen["counts"]
    assert done["rows"] == seen["rows"]
    kept = {
        (one.transaction, one.type): (one.amount_cents, one.state)
        for one in db.session.scalars(select(Conversion))
    }
    assert kept == {
        ("T1", "sale"): (1_250, "rejected"),
        ("T2", "sale"): (1_250, "approved"),
        ("T2", "refund"): (250, "approved"),
        ("T3", "sale"): (1_250, "pending"),
        ("T4", "sale"): (1_250, "approved"),
        ("T9", "sale"): (700, "approved"),
    }
    assert ledger.balances(alice.id)["pending"] == 400 + 500 + 280
    assert ledger.check_ledger() is None


def test_the_same_file_again_changes_nothing_whatever_was_said_since(
    load: Import, write, click, network, postback
):
    one = click()
    file = write(row(1, one), row(2, one), row(3, one, status="pending"))
    load(file, "--apply")
    with transaction():
        known = db.session.scalar(select(Conversion).where(Conversion.transaction == "T1"))
        services.record(db.session.merge(network), _report(known, "rejected"))
    before = written()

    again = load(file, "--apply")

    assert verdicts(again) == ["known"] * 3
    assert {one["reason"] for one in again["rows"]} == {"this row was applied before"}
    assert written() == before
    assert db.session.scalar(select(Conversion.state).where(Conversion.transaction == "T1")) == "rejected"
    assert [one["agrees"] for one in again["comparison"]] == [False, True, True]
    assert verdicts(load(file)) == ["known"] * 3


def _report(known: Any, state: str) -> Any:
    return Report(
        transaction=known.transaction,
        type=known.type,
        click_id=known.click_id,
        amount=known.amount_cents,
        currency=known.currency,
        at=known.occurred_at,
        state=state,
    )


def test_what_had_to_be_refused_is_tried_again(load: Import, write, click, run):
    one = click()
    file = write(row(1, one), row(2, one, currency="USD"), row(3, one))

    first = load(file, "--apply")
    assert verdicts(first) == ["new", "refused", "new"]
    assert "no rate is set for USD" in first["rows"][1]["reason"]

    run("rate", "set", "USD", "0.92")
    assert verdicts(load(file)) == ["known", "new", "known"]
    assert verdicts(load(file, "--apply")) == ["known", "new", "known"]
    assert verdicts(load(file, "--apply")) == ["known"] * 3


def test_another_mapping_reads_the_same_file_anew(load: Import, write, click, network):
    file = write(row(1, click(), "1250"))
    load(file, "--apply")
    with transaction():
        stored = networks.get_network("awin")
        stored.mapping = {**stored.mapping, "transaction": "transaction", "amount_form": "minor"}

    assert verdicts(load(file, "--apply")) == ["changed"]
    assert db.session.scalar(select(Conversion.amount_cents)) == 1_250


def test_ours_and_theirs_are_compared_transaction_by_transaction(load: Import, write, click, postback):
    one = click()
    for number, cents in ((1, 1_250), (2, 1_000), (7, 700), (8, 800)):
        postback(f"T{number}", click_id=one, amount_cents=cents, at=f"2026-10-{number:02d}T12:00:00Z")
    postback("T30", click_id=one, at="2026-11-02T12:00:00Z")
    file = write(
        row(1, one, at="2026-10-01T10:00:00Z"),
        row(2, one),
        row(3, one, "x"),
        row(4, one, at="2026-10-07T10:00:00Z"),
    )

    compared = {one["transaction"]: one for one in load(file)["comparison"]}

    assert list(compared) == ["T1", "T2", "T4", "T7"]
    said = {
        name: (one["ours_cents"], one["theirs_cents"], one["difference_cents"])
        for name, one in compared.items()
    }
    assert said == {
        "T1": (1_250, 1_250, 0),
        "T2": (1_000, 1_250, -250),
        "T4": (None, 1_250, -1_250),
        "T7": (700, None, 700),
    }
    month = {one["transaction"] for one in load(file, "--month", "2026-10")["comparison"]}
    assert month == {"T1", "T2", "T4", "T7", "T8"}


def test_a_rejection_and_a_refund_count_as_what_they_are(load: Import, write, click):
    file = write(
        row(1, click(), "10.00", "rejected"), row(2, click(), "10.00"), row(2, "", "4.00", type="refund")
    )

    found = load(file, "--apply")

    assert found["sums"] == [
        {"currency": "EUR", "before_cents": 0, "after_cents": 600, "statement_cents": 600}
    ]
    assert [one["ours_cents"] for one in found["comparison"]] == [0, 1_000, -400]


def test_a_transaction_that_stands_twice_in_two_ways_is_refused(load: Import, write, click):
    one = click()
    file = write(row(1, one), row(2, one), row(1, one, "3.00"), row(2, one), row(3, one))

    found = load(file, "--apply")

    assert verdicts(found) == ["refused", "new", "refused", "known", "new"]
    assert found["rows"][0]["reason"] == "the transaction stands in lines 2, 4, which differ"
    assert {one["transaction"] for one in found["comparison"]} == {"T2", "T3"}
    assert written()[0] == 2


def test_of_several_words_on_a_transaction_the_latest_counts(load: Import, write, click):
    header = f"{HEADER},changed_at"
    one = click()
    file = write(
        f"{row(1, one, status='approved')},2026-10-20T00:00:00Z",
        f"{row(1, one, status='rejected')},2026-10-22T00:00:00Z",
        f"{row(1, one, status='pending')},2026-10-02T00:00:00Z",
        header=header,
    )

    assert verdicts(load(file, "--apply")) == ["known", "new", "known"]
    assert db.session.scalar(select(Conversion.state)) == "rejected"

    older = write(f"{row(1, one)},2026-10-21T00:00:00Z", header=header, name="older.csv")
    found = load(older, "--apply")
    assert verdicts(found) == ["known"] and found["rows"][0]["reason"] == "our word is newer"
    assert db.session.scalar(select(Conversion.state)) == "rejected"


def test_a_refund_before_its_sale_waits_and_follows(load: Import, write, click, alice):
    file = write(row(1, "", "2.50", type="refund"), row(1, click()))

    found = load(file, "--apply")

    assert verdicts(found) == ["new", "new"]
    assert found["rows"][0]["reason"] == "waits_for_sale"
    assert ledger.balances(alice.id)["pending"] == 400


def test_a_statement_without_states_approves_what_waits_for_one(load: Import, write, click, alice):
    one = click()
    with transaction():
        stored = networks.get_network("awin")
        stored.mapping = {**stored.mapping, "transaction": "transaction", "approval": "report"}
        report = _waiting(one)
        services.record(stored, report)
    file = write(f"W1,{one},12.50,EUR,2026-10-03T10:00:00Z", header="transaction,click_id,amount,currency,at")

    found = load(file, "--apply")

    assert found["settles"] and verdicts(found) == ["changed"]
    assert found["rows"][0]["reason"] == "pending > approved"
    assert db.session.scalar(select(Conversion.state)) == "approved"


def _waiting(click_id: str) -> Any:
    at = datetime(2026, 10, 3, 10, tzinfo=UTC)
    given: dict[str, Any] = {"amount": 1_250, "currency": "EUR", "at": at, "first_state": "pending"}
    return Report(transaction="W1", type="sale", click_id=click_id, **given)


def test_many_rows_of_every_kind_are_applied_over_several_transactions(
    load: Import, write, click, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(statement_import, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(statement_import, "HARD_AT_ONCE", 2)
    one = click()
    load(write(*(row(number, one, status="pending") for number in range(20)), name="first.csv"), "--apply")
    rows = [row(number, one, f"{number}.00") for number in range(1, 10)]
    rows += [row(number, one) for number in range(10, 30)]
    rows += [row(number, one, "1.00", type="refund") for number in range(10, 16)]

    found = load(write(*rows), "--apply")

    assert found["counts"] == {"new": 16, "known": 0, "changed": 19, "unknown_click": 0, "refused": 0}
    assert all(one["agrees"] for one in found["comparison"] if one["transaction"] != "T0")
    assert ledger.check_ledger() is None


def test_a_database_that_stumbles_is_asked_again_row_by_row(
    load: Import, write, click, monkeypatch: pytest.MonkeyPatch
):
    stumbles = iter([True])
    record = batches.record_plain

    def stumble(*given: Any) -> Any:
        if given[1] and next(stumbles, False):
            record(*given)
            raise OperationalError("deadlock detected", None, Exception())
        return record(*given)

    monkeypatch.setattr(batches, "record_plain", stumble)

    found = load(write(*(row(number, click()) for number in range(3))), "--apply")

    assert found["counts"]["new"] == 3
    assert written()[0] == 3 and ledger.check_ledger() is None


def test_two_networks_with_one_transaction_number_are_two_sales(load: Import, write, click):
    with transaction():
        networks.add_network("other", "cli")
    file = write(row(1, click()))

    load(file, "--apply")
    assert verdicts(load(file, "--apply", name="other")) == ["new"]
    assert written()[0] == 2


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("october.csv", HEADER)
    return data.getvalue()


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (zipped(), "archive"),
        (b"", "empty"),
        (HEADER.encode("utf-16"), "UTF-16"),
        (b"transaction,amount\nT1,1.00\0\n", "zero bytes"),
        (b"order,price\nA,1\n", "transaction, amount"),
        (b"transaction,amount,at\nT1,1.00,03/10/2026\n", "2026-10-31"),
    ],
)
def test_a_file_that_is_no_statement_is_refused_in_a_sentence(
    run, network, tmp_path: Path, data: bytes, word: str
):
    file = tmp_path / "october.csv"
    file.write_bytes(data)

    said = run("conversion", "import", "awin", str(file), "--apply", ok=False)

    assert word in said or said.startswith("Error:"), said
    assert "Traceback" not in said
    assert written() == (0, 0, 0, 0)


def test_a_file_over_fifty_megabytes_is_not_opened(run, network, tmp_path: Path):
    file = tmp_path / "october.csv"
    with file.open("wb") as made:
        made.truncate(statement_import.MAX_BYTES + 1)

    assert "50 MB" in run("conversion", "import", "awin", str(file), ok=False)
    run("conversion", "import", "nobody", str(file), ok=False)
    run("conversion", "import", "awin", str(tmp_path / "nothing.csv"), ok=False)


def test_people_read_tables_and_sentences(run, write, network, click, postback):
    postback("T1", click_id=click(), amount_cents=1_000)
    file = write(row(1, click()), row(2), row(3, "", "x"))

    seen = run("conversion", "import", "awin", file)
    done = run("conversion", "import", "awin", file, "--apply")

    assert "changed" in seen and "unknown click" in seen and "Nothing is written" in seen
    assert "10.00 EUR" in seen and "12.50 EUR" in seen
    assert "Nothing is written" not in done and "2 transactions compared: 0 differ" in done


def test_the_progress_stands_on_stderr_alone(app: Flask, network, write):
    file = write(*(row(number) for number in range(3)))

    result = app.test_cli_runner().invoke(args=["conversion", "import", "awin", file, "--json"])

    assert json.loads(result.stdout)["counts"]["unknown_click"] == 3
    assert "october.csv" in result.stderr
