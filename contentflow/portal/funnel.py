"""From share to euro, for one post or all: shares → hits → valid clicks → conversions → earnings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import ngettext as _n
from sqlalchemy import func, select

from contentflow.conversions.models import Conversion
from contentflow.core.db import db
from contentflow.core.money import euros
from contentflow.ledger.models import NEVER, Commission
from contentflow.links import services as links
from contentflow.links.sentences import channel_name
from contentflow.sharekit import services as sharekit


@dataclass
class Steps:
    """What one channel, or all, went through."""

    channel: str = ""
    shares: int = 0
    hits: int = 0
    valid: int = 0
    conversions: int = 0
    cents: int = 0

    def __add__(self, other: Steps) -> Steps:
        return Steps(
            shares=self.shares + other.shares,
            hits=self.hits + other.hits,
            valid=self.valid + other.valid,
            conversions=self.conversions + other.conversions,
            cents=self.cents + other.cents,
        )

    @property
    def name(self) -> str:
        return channel_name(self.channel)

    @property
    def is_empty(self) -> bool:
        return not (self.shares or self.hits or self.conversions or self.cents)


class Funnel(NamedTuple):
    """``channels`` holds those that were used, the best first."""

    total: Steps
    channels: list[Steps]

    @property
    def best(self) -> str:
        """The best channel in words; "" while nothing came yet."""
        first = self.channels[0] if self.channels else Steps()
        if first.cents > 0:
            earned = euros(first.cents)
            return str(_("%(channel)s te rapporte le plus : %(euros)s.", channel=first.name, euros=earned))
        if first.valid:
            words = _n(
                "%(channel)s t’amène le plus de visites : %(num)s clic valide.",
                "%(channel)s t’amène le plus de visites : %(num)s clics valides.",
                first.valid,
                channel=first.name,
            )
            return str(words)
        return ""


def funnel(submission_ids: list[str]) -> Funnel:
    """Return the funnel of these posts together."""
    steps: dict[str, Steps] = {}

    def of(channel: str) -> Steps:
        return steps.setdefault(channel, Steps(channel))

    for counts in sharekit.share_counts(submission_ids).values():
        for channel, number in counts.items():
            of(channel).shares += number
    for channel, verdicts in links.verdicts_by_channel(submission_ids).items():
        of(channel).hits += sum(verdicts.values())
        of(channel).valid += verdicts.get(links.VALID, 0)
    sold = (
        select(Conversion.channel, func.count(Conversion.id))
        .where(Conversion.submission_id.in_(submission_ids), Conversion.type != "refund")
        .where(Conversion.state != "rejected")
        .group_by(Conversion.channel)
    )
    for channel, number in db.session.execute(sold):
        of(channel).conversions += int(number)
    earned = (
        select(Commission.channel, func.sum(Commission.cents - Commission.reversed_cents))
        .where(Commission.submission_id.in_(submission_ids), Commission.matures_at < NEVER)
        .group_by(Commission.channel)
    )
    for channel, cents in db.session.execute(earned):
        of(channel).cents += int(cents)
    used = [one for one in steps.values() if not one.is_empty]
    best_first = sorted(used, key=lambda one: (-one.cents, -one.valid, -one.hits, one.channel))
    return Funnel(sum(used, Steps()), best_first)
