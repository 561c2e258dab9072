"""What is an amount, and what is not."""

from __future__ import annotations

import pytest

from contentflow.earnings.amounts import (
    WrongAmount,
    currency_code,
    euro_cents,
    minor_units,
    rate_micros,
    read_json,
)


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
        read_json(body)


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
