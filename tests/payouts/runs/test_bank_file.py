"""The file for the bank: our bytes, by two schemas, on a day when TARGET is open."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from lxml import etree

from contentflow.payouts import bank_file
from contentflow.payouts.bank_file import CreditTransfer, Payer, easter, is_working_day, next_working_day

MADE = datetime(2026, 11, 6, 9, tzinfo=UTC)
PAYER = Payer("Boutique Lumière & Cie", "FR7630006000011234567890189", "")
IBAN = "FR1420041010050500013M02606"


def transfers(number: int) -> list[CreditTransfer]:
    return [
        CreditTransfer(
            f"CF{place:024d}", "Éloïse d'Œuvre & Fils", IBAN, "", 1_234 + place, "P00017-2026-0003"
        )
        for place in range(number)
    ]


def made(number: int = 3) -> bytes:
    return bank_file.make(PAYER, "run1", MADE, date(2026, 11, 9), transfers(number))


def schema_of(package: str, path: str) -> etree.XMLSchema:
    found = [Path(folder) for folder in __import__(package).__path__]
    return etree.XMLSchema(etree.parse(str(found[0] / path)))


@pytest.mark.parametrize(
    ("package", "path"),
    [
        ("sepaxml", "schemas/pain.001.001.09.xsd"),
        ("pain001", "templates/pain.001.001.09/pain.001.001.09.xsd"),
    ],
)
def test_the_file_is_valid_by_two_independent_schemas(package: str, path: str) -> None:
    schema = schema_of(package, path)

    assert schema.validate(etree.fromstring(made())), schema.error_log
    broken = made().replace(b"<ChrgBr>SLEV</ChrgBr>", b"<ChrgBr>XXXX</ChrgBr>")
    assert not schema.validate(etree.fromstring(broken))


def test_the_same_run_gives_the_same_bytes() -> None:
    assert made() == made()


def test_names_stand_as_they_were_given_and_sums_are_whole() -> None:
    root = ElementTree.fromstring(made(2))
    space = {"p": "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"}

    assert [one.text for one in root.iterfind(".//p:Cdtr/p:Nm", space)] == ["Éloïse d'Œuvre & Fils"] * 2
    assert [one.text for one in root.iterfind(".//p:InstdAmt", space)] == ["12.34", "12.35"]
    assert [one.text for one in root.iterfind(".//p:CtrlSum", space)] == ["24.69", "24.69"]
    assert root.findtext(".//p:ReqdExctnDt/p:Dt", "", space) == "2026-11-09"
    assert root.findtext(".//p:BtchBookg", "", space) == "false"
    assert root.findtext(".//p:CreDtTm", "", space) == "2026-11-06T09:00:00Z"


def test_a_bank_identifier_stands_where_it_is_known() -> None:
    payer = Payer("Boutique", PAYER.iban, "AGRIFRPP")
    one = CreditTransfer("CF1", "Alice", IBAN, "PSSTFRPPXXX", 100, "P1")

    content = bank_file.make(payer, "run1", MADE, date(2026, 11, 9), [one])

    assert content.count(b"<BICFI>") == 2 and b"NOTPROVIDED" not in content


def test_two_thousand_transfers_take_under_four_seconds() -> None:
    began = time.thread_time()
    content = made(2_000)

    assert time.thread_time() - began < 4
    assert content.count(b"<CdtTrfTxInf>") == 2_000


@pytest.mark.parametrize(
    ("year", "month", "day"), [(2024, 3, 31), (2025, 4, 20), (2026, 4, 5), (2027, 3, 28), (2038, 4, 25)]
)
def test_easter_is_when_it_is(year: int, month: int, day: int) -> None:
    assert easter(year) == date(year, month, day)


@pytest.mark.parametrize(
    "closed",
    [
        date(2026, 11, 7), date(2026, 11, 8), date(2027, 1, 1), date(2026, 4, 3), date(2026, 4, 6),
        date(2026, 5, 1), date(2026, 12, 25), date(2028, 12, 26),
    ],
)  # fmt: skip
def test_target_is_closed(closed: date) -> None:
    assert not is_working_day(closed)


@pytest.mark.parametrize("is_open", [date(2026, 7, 14), date(2026, 11, 11), date(2026, 12, 24)])
def test_target_knows_no_french_holiday(is_open: date) -> None:
    assert is_working_day(is_open)


def test_the_day_after_good_friday_s_eve_is_the_tuesday() -> None:
    assert next_working_day(date(2026, 4, 2)) == date(2026, 4, 7)
    assert next_working_day(date(2026, 11, 6)) == date(2026, 11, 9)
