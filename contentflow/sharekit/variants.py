"""What a partner reads of two variants: proposals, a table of presses and clicks, and what may be said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import func, select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.experiments import bandit, evidence, hooks
from contentflow.experiments import services as experiments
from contentflow.experiments.evidence import Evidence
from contentflow.experiments.models import CHANNELS, FIRST, Variant
from contentflow.links import services as links
from contentflow.links.models import Link, LinkTotal
from contentflow.links.sentences import channel_name
from contentflow.sharekit import turns
from contentflow.sharekit.kit import Kit
from contentflow.sharekit.models import ShareLog

MIN_LONE_CLICKS = 20  # Fewer say nothing about half.


class Draws(NamedTuple):
    """What one variant drew: ``presses`` within the test and mail recipients, and its valid clicks."""

    presses: int
    clicks: int

    @property
    def rate(self) -> float | None:
        """Clicks a press; None without a press."""
        return self.clicks / self.presses if self.presses else None


class Table(NamedTuple):
    """The numbers of a test; ``rows`` as (channel's name, A, B), only channels that were used."""

    post: Submission
    title: str
    second: Variant
    a: Draws
    b: Draws
    rows: Sequence[tuple[str, Draws, Draws]]
    evidence: Evidence
    chance_bp: int
    is_exploring: bool
    quick_percent: int | None

    @property
    def percent(self) -> int:
        """The second variant's chance at the next press, in percent."""
        return self.chance_bp // 100

    @property
    def verdict(self) -> str:
        """``early``, ``better`` (one of them is) or ``none``: the partner has chosen, nothing is tested."""
        if self.second.state != "running":
            return "none"
        return "early" if self.evidence.verdict == "early" else "better"

    @property
    def better(self) -> str:
        return self.second.name if self.evidence.verdict == "b" else "a"


def table(partner_id: str, submission_id: str) -> Table | None:
    """Return a post's table; None while it has one version. Raises ``NotFound``."""
    post = byop.get_submission(partner_id, submission_id)
    second = experiments.current_variant(post.id)
    if second is None:
        return None
    exposures = turns.exposures_of(second)
    pressed = Counter((one.channel, one.variant) for one in exposures)
    drawn = experiments.clicks_of_test(second)

    def draws(channels: Sequence[str], name: str) -> Draws:
        return Draws(*(sum(count[channel, name] for channel in channels) for count in (pressed, drawn)))

    rows = [
        (channel_name(channel), draws([channel], FIRST), draws([channel], second.name))
        for channel in CHANNELS
        if any(count[channel, name] for count in (pressed, drawn) for name in (FIRST, second.name))
    ]
    settled = turns.settled_presses(second, clock.now())
    clicks, quick = (sum(getattr(one, f"{which}_clicks") for one in settled) for which in ("lone", "quick"))
    now = turns.showing(post).turn
    return Table(
        post=post,
        title=byop.words_of(post).title,
        second=second,
        a=draws(CHANNELS, FIRST),
        b=draws(CHANNELS, second.name),
        rows=rows,
        evidence=evidence.weigh(settled),
        chance_bp=now.chance_bp if now else bandit.EVEN_BP,
        is_exploring=len(exposures) < settings().variant_explore_presses,
        # How many clicks of 100 came within twelve hours, where enough can be told apart.
        quick_percent=quick * 100 // clicks if clicks >= MIN_LONE_CLICKS else None,
    )


def save(partner_id: str, submission_id: str, hook: str, cover: int, nonce: str) -> None:
    """Make or mend the second variant; one that was shared already is followed by another.

    Raises as ``experiments.save_variant`` does.
    """
    post = byop.lock_editable(partner_id, submission_id)
    current = experiments.current_variant(post.id)
    is_fixed = current is not None and turns.has_presses(current)
    experiments.save_variant(partner_id, post.id, hook, cover, nonce, is_fixed)


def proposed(kit: Kit, chosen: str = "") -> dict[str, Any]:
    """What the kit's card of variants shows; nothing where they are switched off.

    ``chosen`` is the number of the proposal that stands in the form, as the address has it.
    """
    if not settings().variants_enabled or kit.is_archived:
        return {"may_vary": False}
    post = kit.submission
    covers = list(kit.clip.covers)[:3] if kit.clip and kit.clip.has_render else []
    first = experiments.first_cover(post)
    other = next((number - 1 for number in covers if number - 1 != first), first)
    made = hooks.propose(post.title, post.description)
    return {
        "may_vary": post.status == "ready",
        "proposals": made,
        "chosen_proposal": {str(number): number for number in range(len(made))}.get(chosen),
        "covers": covers,
        "other_cover": other,
        "variant_nonce": new_id(),
    }


def by_kind() -> list[dict[str, Any]]:
    """Return for each kind of hook how many variants there were, their presses in tests and valid clicks.

    Sums over the programme, for people: pooling them into the draws gained nothing beyond noise.
    """
    made = select(Variant.kind, func.count()).group_by(Variant.kind).order_by(Variant.kind)
    pressed = (
        select(Variant.kind, func.count())
        .join(
            ShareLog, (ShareLog.submission_id == Variant.submission_id) & (ShareLog.variant == Variant.name)
        )
        .where(ShareLog.turn.is_not(None))
        .group_by(Variant.kind)
    )
    clicked = (
        select(Variant.kind, func.sum(LinkTotal.clicks))
        .join(Link, (Link.submission_id == Variant.submission_id) & (Link.variant == Variant.name))
        .join(LinkTotal, (LinkTotal.link_id == Link.id) & (LinkTotal.verdict == links.VALID))
        .group_by(Variant.kind)
    )
    presses, clicks = (
        {kind: int(number) for kind, number in db.session.execute(found)} for found in (pressed, clicked)
    )
    return [
        {"kind": kind, "variants": count, "presses": presses.get(kind, 0), "clicks": clicks.get(kind, 0)}
        for kind, count in db.session.execute(made)
    ]
