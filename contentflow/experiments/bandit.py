"""Whose turn it is: Thompson sampling over clicks a press (Gamma-Poisson).

The trial is a press of a share button, or one recipient of a mail: it carries one variant. The outcome is the
number of valid clicks on that variant's own link, and it comes late. A variant's factor says how many more
clicks it draws than its channel does in the mean; before the first click it is Gamma(3, 3), around one.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from dataclasses import dataclass
from random import Random

PRIOR = 3.0  # Shape and rate of the factor's prior: as if three expected clicks had come.
HALF_LIFE_HOURS = 12.0  # Half of a press's clicks have come by then; an assumption, printed beside what came.
DRAWS = 200
MIN_BP, EVEN_BP, MAX_BP = 500, 5_000, 9_500  # Nobody is ever shut out: a draw stays a draw.


@dataclass(frozen=True, slots=True)
class Tally:
    """What a variant drew: its valid clicks, and how many its presses would have drawn by now in the mean."""

    clicks: int = 0
    exposure: float = 0.0

    @property
    def factor(self) -> float:
        """The mean of what the factor may be after these clicks."""
        return (PRIOR + self.clicks) / (PRIOR + self.exposure)


def arrived(age_hours: float) -> float:
    """Return which part, 0 to 1, of a press's clicks is expected to have come after so many hours."""
    return 1.0 - math.exp2(-max(age_hours, 0.0) / HALF_LIFE_HOURS)


def channel_rate(clicks: int, presses: float, programme_rate: float) -> float:
    """Return a channel's clicks a press of both variants, leaning on the programme's by one press.

    ``presses`` are counted by their age, as ``arrived`` says.
    """
    return (clicks + programme_rate) / (presses + 1.0)


def chance_of_b(a: Tally, b: Tally, seed: str) -> int:
    """Return in basis points, 500 to 9500, how likely B draws more clicks a press, by 200 draws.

    The same seed gives the same answer: a reload tells nothing new. Without any click it is one half.
    """
    if not a.clicks and not b.clicks:
        return EVEN_BP
    random = Random(seed)
    wins = sum(_draw(random, b) > _draw(random, a) for _ in range(DRAWS))
    return min(max(wins * 10_000 // DRAWS, MIN_BP), MAX_BP)


def _draw(random: Random, tally: Tally) -> float:
    return random.gammavariate(PRIOR + tally.clicks, 1.0 / (PRIOR + tally.exposure))


def chance_of_leader(a: Tally, b: Tally) -> int:
    """Return B's chance in basis points once exploring is over: the leader gets 95 %.

    Without a click, or with equal factors, nobody leads and half stays.
    """
    if (not a.clicks and not b.clicks) or a.factor == b.factor:
        return EVEN_BP
    return MAX_BP if b.factor > a.factor else MIN_BP


def is_turn_of_b(key: bytes, post: str, number: int, chance_bp: int) -> bool:
    """Say whose draw ``number`` of a post is; the draw is fixed by key, post and number alone."""
    digest = hmac.new(key, f"turn:{post}:{number}".encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8]) * 10_000 < chance_bp * 2**64
