"""Posts with two variants, whose readers come late and unevenly: what an audience would have done."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from contentflow.experiments.bandit import (
    EVEN_BP,
    HALF_LIFE_HOURS,
    Tally,
    arrived,
    chance_of_b,
    chance_of_leader,
    channel_rate,
    is_turn_of_b,
)
from contentflow.experiments.evidence import WAIT_HOURS, Evidence, SettledPress, settle, weigh

# Channel: how often it is pressed, how many valid clicks a press draws; the programme's mean is 0.8 in each.
CHANNELS = {"whatsapp": (0.40, 1.5), "copy": (0.30, 0.5), "x": (0.15, 0.3), "facebook": (0.15, 0.8)}
PROGRAMME_RATE = 0.8
HOURS_BETWEEN = 6.0
EXPLORE_PRESSES = 60
KEY = b"simulation"

Audience = Callable[[Random], float]
Policy = Callable[[Tally, Tally, str, int], int]


def plain(random: Random) -> float:
    """Every press reaches as many."""
    return 1.0


def heavy_tailed(random: Random) -> float:
    """One press in a hundred reaches ten times as many and more; the mean is 1."""
    return random.lognormvariate(-0.5, 1.0)


def thompson(a: Tally, b: Tally, post: str, number: int) -> int:
    return chance_of_b(a, b, f"{post}:{number}") if number < EXPLORE_PRESSES else chance_of_leader(a, b)


def greedy(a: Tally, b: Tally, post: str, number: int) -> int:
    """ε-greedy with ε = 0.1: the leader but for one turn in ten, of which half is the leader's too."""
    return chance_of_leader(a, b)


def even(a: Tally, b: Tally, post: str, number: int) -> int:
    return EVEN_BP


@dataclass
class Press:
    at_hours: float
    channel: str
    variant: str
    chance_bp: int


@dataclass
class Post:
    """One post's life. ``effect`` is how many times as many clicks B draws as A."""

    seed: int
    effect: float
    audience: Audience
    policy: Policy
    presses: list[Press] = field(default_factory=list)
    clicks: list[tuple[float, str, str]] = field(default_factory=list)  # hours, channel, variant

    def live(self, presses: int) -> Iterator[int]:
        """Press so many times; yield the number of presses after each."""
        random, coming, hours = Random(f"post {self.seed}"), list[tuple[float, str, str]](), 0.0
        names, weights = list(CHANNELS), [weight for weight, _ in CHANNELS.values()]
        for number in range(presses):
            hours += random.expovariate(1 / HOURS_BETWEEN)
            while coming and coming[0][0] <= hours:
                self.clicks.append(heapq.heappop(coming))
            chance = self.policy(*self._tallies(hours), str(self.seed), number)
            variant = "b" if is_turn_of_b(KEY, str(self.seed), number, chance) else "a"
            [channel] = random.choices(names, self.weights(variant) or weights)
            self.presses.append(Press(hours, channel, variant, chance))
            mean = CHANNELS[channel][1] * self.audience(random) * self.reach(variant)
            for _ in range(_poisson(random, mean)):
                late = random.expovariate(math.log(2) / HALF_LIFE_HOURS)
                heapq.heappush(coming, (hours + late, channel, variant))
            yield number + 1
        while coming:
            self.clicks.append(heapq.heappop(coming))

    def weights(self, variant: str) -> list[float] | None:
        """Return how often each channel is pressed with a variant; None: as often as with the other."""
        return None

    def reach(self, variant: str) -> float:
        return self.effect if variant == "b" else 1.0

    def _tallies(self, hours: float) -> tuple[Tally, Tally]:
        shown = {(channel, variant): 0.0 for channel in CHANNELS for variant in "ab"}
        drawn = dict.fromkeys(shown, 0)
        for press in self.presses:
            shown[press.channel, press.variant] += arrived(hours - press.at_hours)
        for _, channel, variant in self.clicks:
            drawn[channel, variant] += 1
        rates = {
            channel: channel_rate(
                drawn[channel, "a"] + drawn[channel, "b"],
                shown[channel, "a"] + shown[channel, "b"],
                PROGRAMME_RATE,
            )
            for channel in CHANNELS
        }
        a, b = (
            Tally(
                sum(drawn[channel, variant] for channel in CHANNELS),
                sum(rates[channel] * shown[channel, variant] for channel in CHANNELS),
            )
            for variant in "ab"
        )
        return a, b

    def lost(self, presses: int) -> float:
        """Return which part of the better variant's clicks was lost over the first presses, in the mean."""
        worth = {"a": 1.0, "b": self.effect}
        best = max(worth.values())
        return sum(1 - worth[press.variant] / best for press in self.presses[:presses])

    def lost_evenly(self, presses: int) -> float:
        return presses * (1 - (1 + self.effect) / 2 / max(1.0, self.effect))

    def evidence(self, presses: int) -> Evidence:
        """What may be said 72 hours after so many presses."""
        return weigh(self.settled(presses))

    def settled(self, presses: int | None = None) -> list[SettledPress]:
        made = self.presses[:presses]
        now = made[-1].at_hours + WAIT_HOURS
        return [press for channel in CHANNELS for press in self._settled(channel, made, now)]

    def _settled(self, channel: str, made: list[Press], now: float) -> list[SettledPress]:
        presses = [
            (press.at_hours, press.variant, press.chance_bp) for press in made if press.channel == channel
        ]
        clicks = [
            (hours, variant) for hours, name, variant in self.clicks if name == channel and hours <= now
        ]
        return settle(presses, clicks, now)


def _poisson(random: Random, mean: float) -> int:
    if mean > 30:
        return max(0, round(random.gauss(mean, math.sqrt(mean))))
    number, product, bound = 0, random.random(), math.exp(-mean)
    while product > bound:
        number, product = number + 1, product * random.random()
    return number


def effects(posts: int, spread: float) -> list[float]:
    """Return how much better B is at each post; the log-ratios are N(0, ``spread``)."""
    random = Random("effects")
    return [math.exp(random.gauss(0.0, spread)) for _ in range(posts)]


class OneChannelPost(Post):
    """B is pressed on WhatsApp alone, the channel that draws most; A everywhere."""

    def weights(self, variant: str) -> list[float] | None:
        return [1.0, 0.0, 0.0, 0.0] if variant == "b" else None


class FriendsPost(Post):
    """The partner shows A to friends, who click three times as often, and B to strangers."""

    def reach(self, variant: str) -> float:
        return 3.0 if variant == "a" else 1.0
