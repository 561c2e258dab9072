"""When a difference may be said."""

from __future__ import annotations

from math import isclose

from hypothesis import given
from hypothesis import strategies as st

from contentflow.experiments.evidence import Evidence, SettledPress, settle, weigh

CHANCES = st.integers(500, 9_500)


def test_nothing_pressed_is_too_early():
    assert weigh([]) == Evidence(1.0, 1.0)
    assert weigh([]).verdict == "early"


def test_presses_without_any_click_tell_nothing():
    assert weigh([SettledPress(5_000, True, 0, 0.0)] * 50) == Evidence(1.0, 1.0)


@given(CHANCES, st.integers(0, 10**6), st.floats(0.01, 1_000))
def test_each_bet_is_fair_whatever_the_clicks(chance_bp, clicks, mean):
    # The mean over both lots, at their chances, is the stake.
    b = weigh([SettledPress(chance_bp, True, clicks, mean)])
    a = weigh([SettledPress(chance_bp, False, clicks, mean)])
    chance = chance_bp / 10_000

    assert isclose(chance * b.for_b + (1 - chance) * a.for_b, 1.0, rel_tol=1e-9)
    assert isclose(chance * b.for_a + (1 - chance) * a.for_a, 1.0, rel_tol=1e-9)


@given(CHANCES, st.integers(0, 10**9))
def test_one_press_alone_never_convinces(chance_bp, clicks):
    assert weigh([SettledPress(chance_bp, True, clicks, 1.0)]).for_b <= 10_000 / chance_bp + 1e-9


def test_many_presses_that_all_speak_for_b_convince():
    presses = [SettledPress(5_000, True, 4, 2.0), SettledPress(5_000, False, 0, 2.0)] * 12

    assert weigh(presses).verdict == "b"


def test_and_the_mirror_image_speaks_for_a():
    presses = [SettledPress(5_000, False, 4, 2.0), SettledPress(5_000, True, 0, 2.0)] * 12

    assert weigh(presses).verdict == "a"


def test_a_click_belongs_to_the_newest_press_of_its_variant_before_it():
    presses = [(0.0, "a", 5_000), (1.0, "b", 6_000), (2.0, "a", 4_000)]
    clicks = [(0.5, "a"), (1.5, "a"), (1.6, "b"), (2.5, "a"), (50.0, "b")]

    settled = settle(presses, clicks, now=100.0)

    assert [(press.chance_bp, press.is_b, press.clicks) for press in settled] == [
        (5_000, False, 2),
        (6_000, True, 2),
        (4_000, False, 1),
    ]
    assert {press.channel_mean for press in settled} == {5 / 3}


def test_presses_wait_72_hours_and_later_clicks_count_for_nobody():
    presses = [(0.0, "a", 5_000), (30.0, "b", 5_000)]

    settled = settle(presses, [(71.9, "a"), (72.1, "a")], now=80.0)

    assert settled == [SettledPress(5_000, False, 1, 1.0, lone_clicks=1)]


def test_a_click_before_any_press_is_nobodys():
    assert settle([(5.0, "b", 5_000)], [(4.0, "b"), (6.0, "a")], now=100.0) == [
        SettledPress(5_000, True, 0, 0.0)
    ]
