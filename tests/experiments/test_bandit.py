"""Whose turn it is: never shut out, fixed by its seed, and late clicks harm nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.experiments.bandit import (
    EVEN_BP,
    MAX_BP,
    MIN_BP,
    Tally,
    arrived,
    chance_of_b,
    chance_of_leader,
    channel_rate,
    is_turn_of_b,
)

TALLIES = st.builds(Tally, st.integers(0, 10_000), st.floats(0, 10_000))


def test_half_of_the_clicks_are_expected_after_twelve_hours():
    assert [arrived(hours) for hours in (-1, 0, 12, 24, 36)] == [0.0, 0.0, 0.5, 0.75, 0.875]


def test_without_a_click_the_chance_stays_one_half_however_much_was_pressed():
    assert chance_of_b(Tally(0, 90.0), Tally(0, 2.0), "post:7") == EVEN_BP
    assert chance_of_leader(Tally(0, 90.0), Tally(0, 2.0)) == EVEN_BP


@given(TALLIES, TALLIES, st.text(max_size=20))
def test_no_variant_is_ever_shut_out(a, b, seed):
    assert MIN_BP <= chance_of_b(a, b, seed) <= MAX_BP
    assert MIN_BP <= chance_of_leader(a, b) <= MAX_BP


@given(TALLIES, TALLIES)
def test_the_same_seed_gives_the_same_chance(a, b):
    assert chance_of_b(a, b, "post:3") == chance_of_b(a, b, "post:3")


def test_the_chance_is_how_likely_b_is_better():
    # Gamma(33, 23) against Gamma(13, 23): B is better in 99.9 of 100 draws, the other way round in none.
    assert chance_of_b(Tally(10, 20.0), Tally(30, 20.0), "post:1") == MAX_BP
    assert chance_of_b(Tally(30, 20.0), Tally(10, 20.0), "post:1") == MIN_BP
    assert 4_000 < chance_of_b(Tally(20, 20.0), Tally(20, 20.0), "post:1") < 6_000


def test_the_leader_is_who_draws_more_than_its_exposure_not_who_was_pressed_more():
    often, rarely = Tally(20, 30.0), Tally(10, 8.0)

    assert chance_of_leader(often, rarely) == MAX_BP
    assert chance_of_leader(rarely, often) == MIN_BP


def test_equal_factors_leave_it_at_one_half():
    assert chance_of_leader(Tally(5, 5.0), Tally(5, 5.0)) == EVEN_BP


def test_a_fresh_press_of_the_newer_variant_does_not_punish_it():
    fresh = Tally(0, arrived(0.1) * 2.0)

    assert chance_of_b(Tally(3, 2.0), fresh, "post:4") > chance_of_b(Tally(3, 2.0), Tally(0, 2.0), "post:4")


def test_a_channel_leans_on_the_programme_by_one_press():
    assert channel_rate(0, 0.0, 0.8) == 0.8
    assert channel_rate(3, 1.0, 1.0) == 2.0
    assert channel_rate(199, 99.0, 1.0) == 2.0


def test_presses_without_readers_move_nothing_but_their_own_exposure():
    rate = channel_rate(0, 100.0, 0.8)

    assert (
        Tally(4, 4.0 + 100 * rate).factor > Tally(4, 4.0 + 100 * 0.8).factor
    )  # The channel's rate sinks along.


@pytest.mark.parametrize(("chance_bp", "share"), [(500, 0.05), (5_000, 0.5), (9_500, 0.95)])
def test_turns_come_as_often_as_their_chance(chance_bp, share):
    turns = [is_turn_of_b(b"key", "post", number, chance_bp) for number in range(4_000)]

    assert abs(sum(turns) / 4_000 - share) < 0.03


@given(
    st.binary(min_size=1, max_size=32), st.text(max_size=22), st.integers(0, 10**6), st.integers(500, 9_500)
)
def test_a_turn_is_fixed_by_key_post_and_number(key, post, number, chance_bp):
    assert is_turn_of_b(key, post, number, chance_bp) == is_turn_of_b(key, post, number, chance_bp)


def test_a_draw_that_b_won_is_won_at_every_greater_chance():
    won = [number for number in range(200) if is_turn_of_b(b"key", "post", number, 3_000)]

    assert won
    assert all(is_turn_of_b(b"key", "post", number, 6_000) for number in won)


def test_posts_and_keys_draw_their_own_lots():
    lots = {
        (key, post): [is_turn_of_b(key, post, n, EVEN_BP) for n in range(64)]
        for key in (b"k", b"q")
        for post in "xy"
    }

    assert len({tuple(lot) for lot in lots.values()}) == 4
