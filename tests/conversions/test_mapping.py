"""A network's own fields become a report, or a refusal that names the field."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.conversions.amounts import WrongAmount, decimal_minor, signed_minor
from contentflow.conversions.errors import InvalidPayload, WrongMapping
from contentflow.conversions.mapping import check_mapping, is_macro, parse_moment, read_report
from contentflow.conversions.presets import PRESETS

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
GENERIC = PRESETS["generic"].mapping
FIELDS = {"transaction": "T1", "click_id": "c", "amount": "12.34", "currency": "EUR", "status": "approved"}


def read(**more: str):
    return read_report(GENERIC, {**FIELDS, **more}, NOW)


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12.34", "EUR", 1234),
        ("12,34", "EUR", 1234),
        ("1 234,56", "EUR", 123456),
        ("1\u202f234,56", "EUR", 123456),
        ("1\u00a0234,56", "EUR", 123456),
        ("1,234.56", "EUR", 123456),
        ("1.234,56", "EUR", 123456),
        ("1'234.50", "CHF", 123450),
        ("1,234,567", "EUR", 123456700),
        ("1 234", "EUR", 123400),
        ("0", "EUR", 0),
        ("0.500", "EUR", 50),
        ("12", "EUR", 1200),
        ("12.5", "EUR", 1250),
        ("12.50000", "EUR", 1250),
        ("-12.34", "EUR", -1234),
        ("\u221212,34", "EUR", -1234),
        ("1.234", "KWD", 1234),
        ("12.5", "KWD", 12500),
        ("1000", "JPY", 1000),
        ("1000.00", "JPY", 1000),
        ("1,000", "JPY", 1000),
        ("0.1234", "CLF", 1234),
    ],
)
def test_a_decimal_amount_is_exact_in_its_currency(text: str, currency: str, minor: int):
    assert decimal_minor(text, currency) == minor


@pytest.mark.parametrize(
    ("text", "currency"),
    [
        *((text, "EUR") for text in ("1e3", "1E3", "NaN", "Infinity", "", " ", "ten", "12.345", "0x10")),
        *(
            (text, "EUR")
            for text in ("1,234", "1.000", "12.", ".5", "1,2,3", "1,23.45", "1.2.3,4", "1,234.5.6")
        ),
        *((text, "EUR") for text in ("12,34 €", "(12.34)", "--1", "١٢", "1" * 41, "100000000.01", "1 23,45")),
        ("1,234", "KWD"),
        ("1.2345", "KWD"),
        ("1.5", "JPY"),
        ("1.000", "JPY"),
    ],
)
def test_what_is_no_amount_or_two_is_refused(text: str, currency: str):
    with pytest.raises(WrongAmount):
        decimal_minor(text, currency)


@given(st.integers(-(10**10), 10**10), st.sampled_from(["EUR", "KWD", "JPY", "CLF"]))
def test_an_amount_that_is_written_out_reads_back(minor: int, currency: str):
    digits = {"EUR": 2, "KWD": 3, "JPY": 0, "CLF": 4}[currency]
    whole, rest = divmod(abs(minor), 10**digits)
    text = ("-" if minor < 0 else "") + f"{whole}" + (f".{rest:0{digits}d}" if digits else "")

    assert decimal_minor(text, currency) == minor


@pytest.mark.parametrize(("text", "minor"), [("0", 0), ("1234", 1234), ("-5", -5)])
def test_minor_units_are_whole(text: str, minor: int):
    assert signed_minor(text) == minor


@pytest.mark.parametrize("text", ["1.0", "1e3", "", "+5", "10000000001", "1 000"])
def test_other_minor_units_are_refused(text: str):
    with pytest.raises(WrongAmount):
        signed_minor(text)


@pytest.mark.parametrize(
    "value",
    [
        *("{payout}", "{{payout}}", "${payout}", "!!!commission!!!", "#s1#", "#s1##s2#", "%7Bsubid%7D"),
        *("%257Bsubid%257D", "[payout]", "[[payout]]", "[=payout]", "<payout>", "%payout%", "$payout$"),
        *("@payout@", "TX-{order_id}", "{sub1}-x", "{status:mapping}"),
    ],
)
@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_macro_that_nobody_filled_in_is_refused_and_named(name: str, value: str):
    with pytest.raises(InvalidPayload) as refusal:
        read(**{name: value})

    assert str(refusal.value.message).startswith(f"{name} was not filled in: ")


@pytest.mark.parametrize(
    "value", ["", "12.34", "#1234", "A#1#B", "50%", "a<b", "[12]", "x@y.fr", "{}", "{12}"]
)
def test_what_only_looks_a_little_like_a_macro_is_none(value: str):
    assert not is_macro(value)


@pytest.mark.parametrize(
    ("said", "zone", "moment"),
    [
        ("2026-11-01T10:00:00Z", None, datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T10:00:00+01:00", None, datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-11-01T10:00:00 01:00", None, datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-11-01 10:00:00", "Europe/Paris", datetime(2026, 11, 1, 9, tzinfo=UTC)),
        ("2026-07-01 10:00:00", "Europe/Paris", datetime(2026, 7, 1, 8, tzinfo=UTC)),
        ("2026-11-12T13:04:27.5670000", "UTC", datetime(2026, 11, 12, 13, 4, 27, 567000, tzinfo=UTC)),
        ("1793527200", None, datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("1793527200000", None, datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01 10:00:00", None, None),
        ("01/11/2026", "UTC", None),
        ("yesterday", "UTC", None),
    ],
)
def test_a_time_is_read_with_its_own_zone_or_the_mapping_s(
    said: str, zone: str | None, moment: datetime | None
):
    assert parse_moment(said, zone) == moment


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"transaction": ""}, "transaction is missing"),
        ({"transaction": "x" * 129}, "transaction is a text"),
        ({"transaction": "a\x00b"}, "transaction is a text"),
        ({"transaction": "a\ufffd"}, "transaction holds U+FFFD"),
        ({"amount": ""}, "amount is missing"),
        ({"amount": "1e3"}, "amount: an amount is"),
        ({"amount": "-1"}, "amount is below 0"),
        ({"currency": ""}, "currency is missing"),
        ({"currency": "ZZZ"}, "currency: currency is unknown"),
        ({"status": "maybe"}, "status is none of"),
        ({"type": "gift"}, "type is sale"),
        ({"at": "2099-01-01"}, "at is ISO"),
        ({"changed_at": "soon"}, "changed_at is ISO"),
        ({"click_id": "x" * 65}, "click_id is a text"),
    ],
)
def test_a_refusal_names_the_field(fields: dict[str, str], message: str):
    with pytest.raises(InvalidPayload) as refusal:
        read(**fields)

    assert str(refusal.value.message).startswith(message)


def test_blanks_at_the_ends_are_the_template_s():
    report = read(transaction=" T1\t", click_id="c ", amount=" 12.34 ", status=" Approved ")

    assert (report.transaction, report.click_id, report.amount, report.state) == ("T1", "c", 1234, "approved")


def test_an_amount_below_zero_is_a_refund_where_the_mapping_says_so():
    report = read_report({**GENERIC, "negative": "refund"}, {**FIELDS, "amount": "-2"}, NOW)

    assert (report.type, report.amount, report.refund_of) == ("refund", 200, "T1")


def test_a_report_that_gives_another_sale_back_is_a_refund_of_it():
    lines = {key: value for key, value in GENERIC.items() if key != "type"}

    report = read_report(lines, {**FIELDS, "transaction": "R1", "refund_of": "T1"}, NOW)

    assert (report.type, report.transaction, report.refund_of) == ("refund", "R1", "T1")


def test_a_rejection_needs_no_amount_and_a_lead_no_price():
    assert read(amount="", status="rejected").amount is None
    assert read(amount="", type="lead").amount is None


def test_without_a_state_a_new_sale_is_what_the_mapping_says():
    fields = {**FIELDS, "status": ""}

    at_once = read_report(GENERIC, fields, NOW)
    waits = read_report({**GENERIC, "approval": "report"}, fields, NOW)

    assert (at_once.state, at_once.first_state) == (None, "approved")
    assert (waits.state, waits.first_state) == (None, "pending")


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_a_preset_is_a_mapping_and_its_address_names_its_fields(preset: str):
    lines = check_mapping(PRESETS[preset].mapping)

    assert set(PRESETS[preset].macros) <= set(lines.values())
    assert all(is_macro(macro) for macro in PRESETS[preset].macros.values())


@pytest.mark.parametrize(
    "lines",
    [
        {},
        {"amount": "sum"},
        {"transaction": "t", "colour": "red"},
        {"transaction": ""},
        {"transaction": "t\n"},
        {"transaction": "x" * 256},
        {"transaction": "t", "amount_form": "cents"},
        {"transaction": "t", "approval": "never"},
        {"transaction": "t", "zone": "Mars/Base"},
        {"transaction": "t", "zone": "../etc/passwd"},
        {"transaction": "t", "fixed.currency": "EURO"},
        {"transaction": "t", "fixed.type": "gift"},
        {"transaction": "t", "pending": "1,2", "approved": "2"},
    ],
)
def test_a_mapping_that_cannot_be_read_is_refused(lines: dict[str, str]):
    with pytest.raises(WrongMapping):
        check_mapping(lines)
