"""What the portal shows, and everything we hold on a partner in one document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.core import audit, clock
from contentflow.core.errors import Refused
from contentflow.core.registry import export_of, registry
from contentflow.earnings import ledger
from contentflow.links import services as links
from contentflow.partners import locks
from contentflow.partners.models import Partner
from contentflow.portal.next_step import NextStep, PostFacts, next_step
from contentflow.sharekit import services as sharekit
from contentflow.sharekit.sentences import VerdictLine, channel_name, explain

PAGE = 20
DAYS = 30
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


@dataclass(frozen=True)
class Post:
    submission: Submission
    shares: Mapping[str, int]
    valid_by_channel: Mapping[str, int]

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
    def elsewhere(self) -> int:
        """Valid clicks of all channels but the three best."""
        return sum(count for _, count in self.channels[3:])


@dataclass(frozen=True)
class Home:
    """``posts`` is one page of ``count``; every number is of all posts, the chart of the last 30 UTC days."""

    posts: list[Post]
    count: int
    page: int
    pages: int
    verdicts: Mapping[str, int]
    channels: list[tuple[str, int]]
    days: list[tuple[date, int]]
    step: NextStep
    balances: Mapping[str, int]

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
    def busiest(self) -> int:
        return max((count for _, count in self.days), default=0)

    @property
    def explained(self) -> list[VerdictLine]:
        return explain(self.verdicts)


def home(partner_id: str, page: int) -> Home:
    """Return the partner's home with the ``page``-th 20 posts; a page that is not there is the last."""
    posts = _posts_of(partner_id)
    pages = max(1, -(-len(posts) // PAGE))
    page = min(max(page, 1), pages)
    return Home(
        posts=posts[(page - 1) * PAGE : page * PAGE],
        count=len(posts),
        page=page,
        pages=pages,
        verdicts=_summed(links.verdict_counts([post.submission.id for post in posts])),
        channels=_named(_summed({post.submission.id: post.valid_by_channel for post in posts})),
        days=links.daily_valid(partner_id, DAYS),
        balances=ledger.balances(partner_id),
        step=next_step([_facts(post) for post in posts if post.submission.archived_at is None]),
    )


def _posts_of(partner_id: str) -> list[Post]:
    submissions = byop.list_submissions(partner_id)
    ids = [submission.id for submission in submissions]
    shares, valid = sharekit.share_counts(ids), links.valid_by_channel(ids)
    return [
        Post(submission, shares.get(submission.id, {}), valid.get(submission.id, {}))
        for submission in submissions
    ]


def _facts(post: Post) -> PostFacts:
    return PostFacts(post.submission.id, post.title, post.shares, post.valid_by_channel)


def _summed(counts: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    total: dict[str, int] = {}
    for of_post in counts.values():
        for key, count in of_post.items():
            total[key] = total.get(key, 0) + count
    return total


def _named(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return [
        (channel_name(channel), count)
        for channel, count in sorted(counts.items(), key=lambda pair: -pair[1])
        if count
    ]


def export(partner: Partner) -> dict[str, Any]:
    """Return everything we hold on the partner; a capability that is not there yet has an empty list."""
    found = export_of(partner.id)
    person = {
        "id": partner.id,
        "email": partner.email,
        "name": partner.name,
        "created_at": clock.iso(partner.created_at),
    }
    return {"partner": person} | {key: found.get(key, []) for key in EXPORT_KEYS}


class NotConfirmed(Refused):
    message = _l("Rien n'est effacé : écris ERASE, en capitales, pour confirmer.")


def erase(partner_id: str, confirm: str) -> None:
    """Let every capability forget the person; sums and legal records stay. There is no way back.

    Raises ``NotConfirmed``.
    """
    if confirm != "ERASE":
        raise NotConfirmed
    locks.lock_active(partner_id)
    audit.note(partner_id, "partner.erase", partner_id)
    for forget in registry().erasures:
        forget(partner_id)
