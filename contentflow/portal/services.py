"""What the portal shows, and everything we hold on a partner in one document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from contentflow.byop import clips, pages
from contentflow.byop.models import Submission
from contentflow.byop.pages import PostPage
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.core import audit
from contentflow.core.errors import Refused
from contentflow.core.registry import export_of
from contentflow.ledger import services as ledger
from contentflow.ledger.services import UNAPPROVED
from contentflow.links import services as links
from contentflow.links.sentences import VerdictLine, channel_name, explain
from contentflow.partners import erasure
from contentflow.partners.models import Partner
from contentflow.portal.next_step import NextStep, PostFacts, next_step
from contentflow.sharekit import services as sharekit

PAGE = 20
LOOKED_AT = 50  # What is due next is sought among the newest posts.
DAYS = 30
BAR_WIDTH = 10  # of which a unit on each side is empty
WORDS = ("erase", "effacer")
# These are always there, in this order; what else the registry holds follows.
EXPORT_KEYS = (
    "submissions",
    "share_logs",
    "links",
    "clicks",
    "deliveries",
    "contacts",
    "conversions",
    "ledger",
)


class Post(NamedTuple):
    submission: Submission
    shares: Mapping[str, int]
    valid_by_channel: Mapping[str, int]
    due: str = ""

    @property
    def title(self) -> str:
        return self.submission.title or DEFAULT_TITLE

    @property
    def shared(self) -> int:
        return sum(self.shares.values())

    @property
    def valid(self) -> int:
        return sum(self.valid_by_channel.values())

    @property
    def channels(self) -> list[tuple[str, int]]:
        """The names of the channels with valid clicks, the best first."""
        return _named(self.valid_by_channel)

    @property
    def facts(self) -> PostFacts:
        return PostFacts(self.submission.id, self.title, self.shares, self.valid_by_channel, self.due)

    @property
    def elsewhere(self) -> int:
        """Valid clicks of all channels but the three best."""
        return sum(count for _, count in self.channels[3:])


class Bar(NamedTuple):
    """A day's clicks in the chart, in the chart's own units; ``y`` is counted from the top."""

    x: int
    y: int
    height: int


@dataclass(frozen=True)
class Home:
    """``posts`` are those of ``page``; every number is of all posts, the chart of the last 30 days."""

    posts: list[Post]
    page: PostPage
    verdicts: Mapping[str, int]
    channels: list[tuple[str, int]]
    days: list[tuple[date, int]]
    step: NextStep
    balances: Mapping[str, int]

    @property
    def count(self) -> int:
        return self.page.count

    @property
    def valid(self) -> int:
        return self.verdicts.get("valid", 0)

    @property
    def hits(self) -> int:
        return sum(self.verdicts.values())

    @property
    def recent(self) -> int:
        return sum(count for _, count in self.days)

    @property
    def bars(self) -> list[Bar]:
        """The days with clicks, drawn in a box of ``chart_width`` by ``busiest``."""
        top = self.busiest
        return [
            Bar(BAR_WIDTH * place + 1, top - count, count)
            for place, (_, count) in enumerate(self.days)
            if count
        ]

    @property
    def chart_width(self) -> int:
        return BAR_WIDTH * len(self.days)

    @property
    def busiest(self) -> int:
        return max((count for _, count in self.days), default=0)

    @property
    def earned(self) -> int:
        """Cents, over all time, what was paid included; what no advertiser approved yet is not."""
        return sum(self.balances.values()) - self.balances[UNAPPROVED]

    @property
    def explained(self) -> list[VerdictLine]:
        return explain(self.verdicts)


def home(partner_id: str, before: str = "", after: str = "") -> Home:
    """Return the partner's home with 20 posts: those older than the post ``before``, newer than ``after``.

    What it costs does not grow with the number of posts: sums come from sums, and what is due next is
    sought among the newest.
    """
    page = pages.page_of_posts(partner_id, PAGE, before, after)
    recent = clips.posts_to_approve(partner_id, 1)
    recent += pages.newest_posts(partner_id, LOOKED_AT, Submission.archived_at.is_(None))
    own = {submission.id: submission for submission in [*page.rows, *recent]}
    shares, valid = sharekit.share_counts(own), links.valid_by_channel(own)
    due = clips.steps_due(own.values())
    posts = {
        post.id: Post(post, shares.get(post.id, {}), valid.get(post.id, {}), due.get(post.id, ""))
        for post in own.values()
    }
    counts = links.counts_of_partner(partner_id)
    return Home(
        posts=[posts[submission.id] for submission in page.rows],
        page=page,
        verdicts=sum(map(Counter, counts.values()), Counter()),
        channels=_named({channel: verdicts.get("valid", 0) for channel, verdicts in counts.items()}),
        days=links.daily_valid(partner_id, DAYS),
        balances=ledger.standing(partner_id),
        step=next_step([posts[submission.id].facts for submission in recent]),
    )


def _named(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [
        (channel_name(channel), count)
        for channel, count in sorted(counts.items(), key=lambda pair: -pair[1])
        if count
    ]


def export(partner: Partner) -> dict[str, Any]:
    """Return everything we hold on the partner: the person, and whatever capabilities handed in."""
    empty: dict[str, Any] = {key: [] for key in EXPORT_KEYS}
    return {"partner": partner.to_dict()} | empty | dict(export_of(partner.id))


class NotConfirmed(Refused):
    message = _l("Rien n’est effacé : écris EFFACER pour confirmer.")


class Owed(NamedTuple):
    """Cents that were earned and not paid; what a partner owes the programme is not counted against it."""

    available: int
    pending: int
    held: int

    @property
    def total(self) -> int:
        return self.available + self.pending + self.held


def owed_to(partner_id: str) -> Owed:
    balances = ledger.standing(partner_id)
    return Owed(*(max(0, balances[name]) for name in ("available", "pending", "held")))


def is_confirmed(word: str) -> bool:
    """Whether it is the word of either language, in any case."""
    return word.strip().casefold() in WORDS


def erase(partner_id: str, confirm: str) -> None:
    """Put the person out at once; sums and legal records stay. There is no way back.

    What is owed is given up by it, which the page says by name; the audit keeps how much it was.
    Raises ``NotConfirmed``.
    """
    if not is_confirmed(confirm):
        raise NotConfirmed
    erasure.begin(partner_id)
    if cents := owed_to(partner_id).total:
        audit.note(partner_id, "partner.give_up", f"{cents} cents")
