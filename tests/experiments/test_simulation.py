"""300 posts with readers who come late: what fair turns cost, and how rarely a winner is wrongly named."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.experiments.simulation import (
    FriendsPost,
    OneChannelPost,
    Post,
    effects,
    greedy,
    heavy_tailed,
    plain,
    thompson,
)

POSTS, PRESSES = 300, 300
LOOKS = (10, 30, 100, 300)
GOALS = (1.0, 0.85, 0.75, 0.5)  # of what the even split loses

pytestmark = pytest.mark.proof


def _lived(effect_of_post, audience, policy):
    posts = [Post(seed, effect, audience, policy) for seed, effect in enumerate(effect_of_post)]
    for post in posts:
        assert list(post.live(PRESSES))[-1] == PRESSES
    return posts


def _lost(posts):
    return [sum(p.lost(n) for p in posts) / sum(p.lost_evenly(n) for p in posts) for n in LOOKS]


@pytest.mark.parametrize("audience", [plain, heavy_tailed])
def test_turns_by_chance_lose_less_than_the_even_split(audience, capsys):
    lost = _lost(_lived(effects(POSTS, 0.4), audience, thompson))
    beside = _lost(_lived(effects(POSTS, 0.4), audience, greedy))

    with capsys.disabled():
        for name, figures in (("Thompson", lost), ("epsilon-greedy", beside)):
            print(
                f"\n{audience.__name__}, {name}: {', '.join(f'{x:.2f}' for x in figures)} at {LOOKS} presses"
            )
    assert all(part <= goal for part, goal in zip(lost, GOALS, strict=True))


@pytest.mark.parametrize("audience", [plain, heavy_tailed])
def test_without_a_difference_hardly_ever_a_winner_is_named(audience, capsys):
    posts = _lived([1.0] * POSTS, audience, thompson)

    said = Counter(_first_said(post) for post in posts)

    with capsys.disabled():
        print(f"\n{audience.__name__}, no difference: {dict(said)}")
    assert POSTS - said["early"] <= 5


def test_a_great_difference_is_said_of_many_posts(capsys):
    posts = _lived([3.0] * 100, plain, thompson)

    said = Counter(_first_said(post) for post in posts)

    with capsys.disabled():
        print(f"\nthree times as many clicks: {dict(said)}")
    assert said["b"] >= 30
    assert said["a"] <= 1


def _share_of_b(kind, capsys):
    posts = [kind(seed, 1.0, plain, thompson) for seed in range(100)]
    for post in posts:
        assert list(post.live(60))[-1] == 60
    share = sum(press.variant == "b" for post in posts for press in post.presses) / 6_000
    said = Counter(post.evidence(60).verdict for post in posts)
    with capsys.disabled():
        print(f"\n{kind.__doc__.splitlines()[0]} B had {share:.0%} of 60 presses; said: {dict(said)}")
    return share


def test_a_channel_that_only_b_got_is_judged_by_what_that_channel_draws(capsys):
    assert 0.35 < _share_of_b(OneChannelPost, capsys) < 0.65


def test_who_shows_a_to_friends_finds_that_a_does_better(capsys):
    # Whom a press reaches nobody sees: the table shows what came, and its words promise no more.
    assert _share_of_b(FriendsPost, capsys) < 0.4


def test_half_of_the_clicks_are_seen_to_come_within_twelve_hours(capsys, monkeypatch):
    monkeypatch.setattr("tests.experiments.simulation.HOURS_BETWEEN", 60.0)
    posts = _lived([1.0] * 60, plain, thompson)
    settled = [press for post in posts for press in post.settled()]
    clicks = sum(press.lone_clicks for press in settled)
    part = sum(press.quick_clicks for press in settled) / clicks
    with capsys.disabled():
        print(f"\nwithin 12 hours: {part:.0%} of {clicks} clicks")
    assert 0.47 < part < 0.54


def _first_said(post):
    """What is said first, looking every tenth press and never believing it early."""
    for presses in range(10, PRESSES + 1, 10):
        if (verdict := post.evidence(presses).verdict) != "early":
            return verdict
    return "early"
