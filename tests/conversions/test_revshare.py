"""What a partner earns, in whole cents."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.conversions.revshare import (
    Terms,
    click_earnings,
    conversion_earnings,
    kept,
    partner_share,
    taken,
)

CENTS = st.integers(0, 10_000_000_000)


@pytest.mark.parametrize(
    ("commission", "share", "expected"), [(9600, 4000, 3840), (1, 4000, 0), (3, 5000, 1)]
)
def test_a_share_is_rounded_down(commission: int, share: int, expected: int):
    assert partner_share(commission, share) == expected


def test_a_fixed_commission_comes_on_top_of_the_share():
    assert conversion_earnings(1_000, Terms(revshare_bp=4000, fixed_cents=250)) == 650


def test_a_budget_pays_whole_clicks_only():
    assert click_earnings(10, 30) == 300
    assert click_earnings(10, 30, 100) == 90
    assert click_earnings(10, 30, -5) == 0
    assert click_earnings(10, 0, 100) == 0


@given(CENTS, st.integers(0, 10_000))
def test_no_share_is_more_than_the_commission(commission: int, share: int):
    assert 0 <= partner_share(commission, share) <= commission


@given(CENTS, st.lists(st.integers(1, 1_000_000), min_size=1, max_size=20))
def test_partial_refunds_take_exactly_all_of_it_in_the_end(earned: int, parts: list[int]):
    whole, before, total = sum(parts), 0, 0
    for part in parts:
        total += taken(earned, whole, before, part)
        before += part
        assert total == earned - kept(earned, whole, before)

    assert total == earned


def test_a_lead_without_a_price_goes_back_whole():
    assert taken(250, 0, 0, 0) == 250
