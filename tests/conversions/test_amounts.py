"""What is an amount, and what is not."""

from __future__ import annotations

import pytest
from iso4217 import Currency

from contentflow.conversions.amounts import (
    WrongAmount,
    currency_code,
    euro_cents,
    minor_units,
    rate_micros,
    read_json,
)
from contentflow.conversions.currencies import ACTIVE, MINOR_DIGITS


@pytest.mark.parametrize(
    "body",
    [
        b'{"amount_cents": NaN}',
        b'{"amount_cents": Infinity}',
        b'{"amount_cents": -Infinity}',
        b'{"amount_cents": 1e3}',
        b'{"amount_cents": 10.0}',
        b'{"amount_cents": 1' + b"0" * 5_000 + b"}",
        b'{"amount_cents": 1, "amount_cents": 2}',
        b"[1]",
        b"",
        b"\xff",
        b"[" * 100_000,
    ],
)
def test_a_body_that_holds_no_whole_amounts_is_refused(body: bytes):
    with pytest.raises(WrongAmount):
        minor_units(read_json(body)["amount_cents"])


@pytest.mark.parametrize("value", [-1, True, None, 1.0, "1e3", "-5", "", "١٢", " 5", [], 10_000_000_001])
def test_what_is_not_whole_minor_units_is_refused(value: object):
    with pytest.raises(WrongAmount):
        minor_units(value)


def test_whole_minor_units_pass_as_number_and_as_digits():
    assert (minor_units(0), minor_units(9600), minor_units("9600")) == (0, 9600, 9600)


@pytest.mark.parametrize("value", ["eur", "EURO", "ZZZ", "", None, 978])
def test_an_unknown_currency_is_refused(value: object):
    with pytest.raises(WrongAmount):
        currency_code(value)


def test_a_rate_turns_minor_units_of_every_kind_into_euro_cents():
    assert euro_cents(1_000, "EUR", 5) == 1_000
    assert euro_cents(1_000, "USD", rate_micros("0.92")) == 920
    assert euro_cents(1_000, "JPY", rate_micros("0.0061")) == 610
    assert euro_cents(10_000, "KWD", rate_micros("3")) == 3_000
    assert euro_cents(1, "USD", rate_micros("0.92")) == 0


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "0.0000001", "1001", "x"])
def test_a_rate_that_is_none_is_refused(text: str):
    with pytest.raises(WrongAmount):
        rate_micros(text)


def test_every_active_currency_has_the_digits_of_iso_4217():
    standard = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}

    assert standard == ACTIVE


@pytest.mark.parametrize("code", ["XAU", "XDR", "XTS", "XXX", "DEM"])
def test_metals_units_of_account_and_what_is_gone_are_no_currency(code: str):
    with pytest.raises(WrongAmount):
        currency_code(code)


@pytest.mark.parametrize("code", ["HRK", "BGN", "ANG"])
def test_a_currency_that_ended_a_while_ago_can_still_be_refunded(code: str):
    assert MINOR_DIGITS[currency_code(code)] == 2


@pytest.mark.parametrize(
    ("currency", "rate", "cents"),
    [
        ("MGA", "0.0002", 2),
        ("LBP", "0.00001", 0),
        ("ALL", "0.01", 100),
        ("RSD", "0.0085", 85),
        ("IQD", "0.0007", 0),
        ("JPY", "0.0061", 6_100),
        ("KWD", "3.0", 3_000),
        ("CLF", "35", 3_500),
    ],
)
def test_minor_units_are_those_of_the_standard_not_those_that_are_displayed(
    currency: str, rate: str, cents: int
):
    assert euro_cents(10_000, currency, rate_micros(rate)) == cents
