"""When a difference may be said: a bet that grows only where chance alone would rarely let it.

Under “no difference” a press would have drawn the same clicks with either variant: knowing how many came
tells nothing of the lot that chose. Whoever bets on the lot after seeing the clicks, at the chance it really
had, then has at most one chance in 20 of ever holding 20 times the stake, however often one looks (Ville's
inequality; Ramdas et al., “Game-theoretic statistics and safe anytime-valid inference”, 2023).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log, prod, sqrt

from contentflow.experiments.bandit import HALF_LIFE_HOURS

ENOUGH = 20.0
WAIT_HOURS = 72.0  # A press tells only then: one click in 64 comes later and counts for nobody.
EFFECTS = (1.5, 2.5)  # How many times as many clicks the better variant draws, to two bettors a side.


@dataclass(frozen=True, slots=True)
class SettledPress:
    """A press of 72 hours ago: B's chance then, the lot, its clicks, and its channel's clicks a press.

    ``lone_clicks`` are those of a press with no other of its variant within 72 hours on either side: of
    them alone it is known whose they are, and ``quick_clicks`` of them came within twelve hours.
    """

    chance_bp: int
    is_b: bool
    clicks: int
    channel_mean: float
    lone_clicks: int = 0
    quick_clicks: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """The wealth of who bet on A and of who bet on B, each starting with 1."""

    for_a: float = 1.0
    for_b: float = 1.0

    @property
    def verdict(self) -> str:
        """Return ``"b"`` or ``"a"`` for the one that may be said to do better, else ``"early"``."""
        if self.for_a + self.for_b < 2 * ENOUGH:
            return "early"
        return "b" if self.for_b > self.for_a else "a"


def weigh(presses: Iterable[SettledPress]) -> Evidence:
    """Bet on each side, press after press. The order does not matter."""
    told = [press for press in presses if press.channel_mean > 0]
    for_a, for_b = (
        sum(prod(_gain(press, effect if side > 0 else 1 / effect) for press in told) for effect in EFFECTS)
        / len(EFFECTS)
        for side in (-1, 1)
    )
    return Evidence(for_a, for_b)


def _gain(press: SettledPress, effect: float) -> float:
    """Return what a stake becomes for who believes that B draws ``effect`` times as many clicks as A.

    Clicks a press are taken as geometric, so a single press that went round the world wins little.
    """
    root = sqrt(effect)
    mean_a, mean_b = press.channel_mean / root, press.channel_mean * root
    each = log(mean_b / (1 + mean_b)) - log(mean_a / (1 + mean_a))
    seen = exp(min(max(press.clicks * each, -300.0), 300.0)) * (1 + mean_a) / (1 + mean_b)
    chance = press.chance_bp / 10_000
    fair = chance * seen + (1 - chance)
    return (seen if press.is_b else 1.0) / fair


def settle(
    presses: Sequence[tuple[float, str, int]], clicks: Iterable[tuple[float, str]], now: float
) -> list[SettledPress]:
    """Give one channel's clicks, as (hours, variant), to its presses, as (hours, variant, B's chance).

    Both are in the order of time. A click belongs to the newest press of its variant before it, within 72
    hours; presses younger than that wait.
    """
    drawn, quick = [0] * len(presses), [0] * len(presses)
    newest: dict[str, int] = {}
    waiting = iter(enumerate(presses))
    following = next(waiting, None)
    for hours, variant in clicks:
        while following is not None and following[1][0] <= hours:
            newest[following[1][1]] = following[0]
            following = next(waiting, None)
        found = newest.get(variant)
        if found is not None and hours - presses[found][0] <= WAIT_HOURS:
            drawn[found] += 1
            quick[found] += hours - presses[found][0] <= HALF_LIFE_HOURS
    old = [index for index, press in enumerate(presses) if now - press[0] >= WAIT_HOURS]
    mean = sum(drawn[index] for index in old) / max(len(old), 1)
    times = {name: [press[0] for press in presses if press[1] == name] for name in ("a", "b")}
    settled = []
    for index in old:
        hours, variant, chance_bp = presses[index]
        around = times[variant]
        near = bisect_left(around, hours + WAIT_HOURS) - bisect_right(around, hours - WAIT_HOURS)
        lone, fast = (drawn[index], quick[index]) if near == 1 else (0, 0)
        settled.append(SettledPress(chance_bp, variant == "b", drawn[index], mean, lone, fast))
    return settled
