"""What the earnings page shows: accounts, what is held and why, the funnel, the last entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from contentflow.byop import services as byop
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.ledger import holds
from contentflow.ledger import services as ledger
from contentflow.ledger.contracts import Standing, standings
from contentflow.ledger.services import UNAPPROVED
from contentflow.portal import statements
from contentflow.portal.funnel import Funnel, funnel
from contentflow.portal.statement_lines import StatementLine
from contentflow.portal.words import reason_words


class EarningsOverview(NamedTuple):
    """``post_id`` is the post whose funnel is drawn, "" for all; ``posts`` are (id, title)."""

    balances: Mapping[str, int]
    next_maturity_at: datetime | None
    held: list[tuple[str, int]]
    warnings: list[Standing]
    funnel: Funnel
    posts: list[tuple[str, str]]
    post_id: str
    lines: list[StatementLine]
    months: list[str]

    @property
    def earned(self) -> int:
        return sum(self.balances.values()) - self.balances[UNAPPROVED]


def earnings_overview(partner_id: str, post_id: str = "") -> EarningsOverview:
    """Raises ``NotFound`` for another's post."""
    if post_id:
        byop.get_submission(partner_id, post_id)
    posts = [(post.id, post.title or DEFAULT_TITLE) for post in byop.list_submissions(partner_id)]
    held = holds.held_by_reason(partner_id)
    return EarningsOverview(
        balances=ledger.standing(partner_id),
        next_maturity_at=ledger.next_maturity(partner_id),
        held=[(reason_words(reason), cents) for reason, cents in sorted(held.items())],
        warnings=[one for one in standings(partner_id) if one.is_warned],
        funnel=funnel([post_id] if post_id else [known for known, _ in posts]),
        posts=posts,
        post_id=post_id,
        lines=statements.recent_lines(partner_id),
        months=statements.months_of(partner_id),
    )
