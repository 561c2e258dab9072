"""What spreadsheets and exports make of a number, an amount, a date."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.conversions.statement_cells import (
    bare,
    is_day_first,
    is_of_two_readings,
    is_rounded,
    is_total,
    iso_moment,
    undressed_amount,
)


@pytest.mark.parametrize(
    ("cell", "number", "currency"),
    [
        ("12.50", "12.50", ""),
        ("12,50 €", "12,50", "EUR"),
        ("€12.50", "12.50", "EUR"),
        ("EUR 12.50", "12.50", "EUR"),
        ("1 234,56 €", "1 234,56", "EUR"),
        ("1\u202f234,56\u00a0€", "1\u202f234,56", "EUR"),
        ("1'234.50 CHF", "1'234.50", "CHF"),
        ("$1,234.50", "1,234.50", ""),
        ("US$5.00", "5.00", "USD"),
        ("(12.50)", "-12.50", ""),
        ("($30.00)", "-30.00", ""),
        ("$(12.34)", "-12.34", ""),
        ("-$18.87", "-18.87", ""),
        ("− 3,00 €", "-3,00", "EUR"),
        ("+4.00", "4.00", ""),
    ],
)
def test_an_amount_is_read_without_its_dress(cell: str, number: str, currency: str):
    assert undressed_amount(cell) == (number, currency)


@pytest.mark.parametrize(
    "cell", ["", "n/a", "1e3", "12.50 XXY", "EUR 12.50 USD", "-(3)", "(-3)", "EUR", "12-5"]
)
def test_what_is_no_amount_comes_back_as_it_is(cell: str):
    assert undressed_amount(cell) == (cell, "")


@given(st.text(max_size=30))
def test_no_cell_stops_the_reading(cell: str):
    number, currency = undressed_amount(cell)

    assert (iso_moment(cell, True) and number) or not cell
    assert len(currency) in (0, 3)
    assert isinstance(is_day_first([cell]), bool | None)
    assert isinstance(is_total(bare(cell)) or is_rounded(cell) or is_of_two_readings(cell), bool)


@pytest.mark.parametrize(
    ("cell", "moment"),
    [
        ("2026-10-03", "2026-10-03T00:00:00"),
        ("2026-10-03 14:05:09", "2026-10-03T14:05:09"),
        ("2026-10-03 14:05:09.123 UTC", "2026-10-03T14:05:09+00:00"),
        ("2026-10-03T14:05:09-0700", "2026-10-03T14:05:09-0700"),
        ("2026/10/03 14:05 CEST", "2026-10-03T14:05:00+02:00"),
        ("03/10/2026 14:05", "2026-10-03T14:05:00"),
        ("3.10.2026", "2026-10-03T00:00:00"),
        ("03-Oct-2026 1:02", "2026-10-03T01:02:00"),
        ("3 octobre 2026", "2026-10-03T00:00:00"),
        ("3 août 2026 08:00", "2026-08-03T08:00:00"),
        ("3 juil. 2026", "2026-07-03T00:00:00"),
        ("Oct 3, 2026 12:05:09 AM", "2026-10-03T00:05:09"),
        ("Oct 3, 2026 2:05:09 p.m.", "2026-10-03T14:05:09"),
        ("31/02/2026", "31/02/2026"),
        ("Oct 3, 2026 13:05 PM", "Oct 3, 2026 13:05 PM"),
        ("1759500000", "1759500000"),
        ("hier", "hier"),
    ],
)
def test_a_date_is_read_in_each_form(cell: str, moment: str):
    assert iso_moment(cell, True) == moment


def test_the_days_over_twelve_say_which_number_is_the_month():
    assert is_day_first(["03/10/2026", "31/10/2026"]) is True
    assert is_day_first(["10/03/2026", "10/31/2026"]) is False
    assert is_day_first(["03/10/2026"]) is None
    assert is_day_first(["31/10/2026", "10/31/2026"]) is None
    assert is_day_first(["2026-10-31"]) is None
    assert iso_moment("10/03/2026", False) == "2026-10-03T00:00:00"
    assert [is_of_two_readings(cell) for cell in ("03/10/2026", "31/10/2026", "10/10/2026")] == [
        True,
        False,
        False,
    ]


def test_a_sum_is_told_from_an_advertiser():
    sums = ("Total", "TOTAL:", "Totaux", "Sous-total", "Grand Total EUR", "Somme", "Sum")

    assert all(map(is_total, sums))
    assert not any(map(is_total, ("TotalEnergies", "T-1", "Summer sale", "")))


def test_a_number_that_a_spreadsheet_rounded_is_known():
    assert is_rounded("1.23457E+11") and is_rounded("1,23457E+11") and is_rounded("1E+12")
    assert not any(map(is_rounded, ("1E10", "E+11", "123456789012", "3E12345", "1e+11x")))
    assert bare('="0012"') == "0012" and bare("0012") == "0012"
