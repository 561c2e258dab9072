"""Where a person is looked up, their clicks are: those of the hour around, and of the minute before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from contentflow.links.lookups import (
    HOUR_US,
    MINUTE_NUMBERS,
    MINUTE_US,
    ip_lookup,
    ip_lookups,
    visitor_lookup,
    visitor_lookups,
)

moments = st.integers(HOUR_US, 4_000_000_000_000_000)  # until 2096, in microseconds


@given(moments, st.integers(-HOUR_US, HOUR_US))
def test_a_visitors_clicks_within_an_hour_are_looked_up(at_us: int, apart: int) -> None:
    assert visitor_lookup("link", "me", at_us + apart) in visitor_lookups("link", "me", at_us)


@given(moments, st.integers(0, MINUTE_US))
def test_an_addresss_clicks_of_the_minute_before_are_looked_up(at_us: int, ago: int) -> None:
    number = ip_lookup("link", "me", at_us - ago)

    assert sum(first <= number < first + MINUTE_NUMBERS for first in ip_lookups("link", "me", at_us)) == 1


@given(moments, st.integers(0, 60 * 1_000_000))
def test_the_newest_clicks_of_an_addresss_minute_have_the_largest_numbers(at_us: int, later: int) -> None:
    begun = at_us // MINUTE_US * MINUTE_US
    numbers = [ip_lookup("link", "me", begun + us) for us in sorted((at_us - begun, later % MINUTE_US))]

    assert numbers == sorted(numbers)


def test_a_clock_that_leapt_makes_no_number_too_large_for_a_column() -> None:
    end_of_time = 253_402_300_799_000_000

    assert 0 <= ip_lookup("link", "me", end_of_time) < 2**63
    assert 0 <= visitor_lookup("link", "me", end_of_time) < 2**63


@given(moments)
def test_numbers_are_led_by_time_and_fit_into_a_column(at_us: int) -> None:
    for lookup, later in ((visitor_lookup, 6 * HOUR_US), (ip_lookup, MINUTE_US)):
        number = lookup("link", "me", at_us)
        assert 0 <= number < lookup("another", "one", at_us + later) < 2**63
        assert number != lookup("link", "you", at_us)
