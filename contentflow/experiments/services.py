"""Make a second variant, mend it, let the partner decide; say how many clicks a press each draws."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from contentflow.byop import clips
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import clean_line
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.experiments import bandit, hooks
from contentflow.experiments.bandit import Tally
from contentflow.experiments.models import CHANNELS, FIRST, ChannelRate, Variant
from contentflow.links import services as links

UNKNOWN_RATE = 0.5  # clicks a press, while the programme has none to tell
NAMES = "bcdefghijklmnopqrstuvwxyz"


class SameAsFirst(Refused):
    status = 422
    message = _l("Cette version est la même que la première : change l’accroche ou l’image.")


class NoSuchVariant(Refused):
    status = 422
    message = _l("Cette version n’existe pas.")


class TooManyVariants(Refused):
    status = 409
    message = _l("Ce post a déjà eu vingt-cinq versions : garde la meilleure.")


@dataclass(frozen=True, slots=True)
class Exposure:
    """One trial: a press of a share button or one recipient of a mail, with its variant's name."""

    channel: str
    variant: str
    exposed_at: datetime


def current_variant(submission_id: str) -> Variant | None:
    """Return the variant that is shown, else the newest; None for a post that has one version."""
    made = variants_of(submission_id)
    shown = [one for one in made if one.state in ("running", "chosen")] or made
    return shown[-1] if shown else None


def variants_of(submission_id: str) -> list[Variant]:
    """Return all second variants that a post ever had, in their order."""
    own = select(Variant).where(Variant.submission_id == submission_id)
    return list(db.session.scalars(own.order_by(Variant.name)))


def find_variant(submission_id: str, name: str) -> Variant | None:
    own = Variant.submission_id == submission_id, Variant.name == name
    return db.session.scalar(select(Variant).where(*own)) if name else None


def save_variant(
    partner_id: str, submission_id: str, hook: str, cover: int, nonce: str, is_fixed: bool
) -> Variant:
    """Make a second variant and its links, or mend the one that was never pressed.

    ``cover`` is 0 to 2. ``is_fixed`` says that the newest variant was shared already: its words are as fixed
    as its numbers, so another one takes its place. The same nonce again changes nothing. Raises
    ``SameAsFirst``, ``Archived`` or, for another partner's post, ``NotFound``.
    """
    submission = byop.lock_editable(partner_id, submission_id)
    made = db.session.scalar(
        select(Variant).where(Variant.submission_id == submission.id, Variant.nonce == nonce)
    )
    if made is not None:
        return made
    is_same_hook = clean_line(hook).casefold() == clean_line(submission.title).casefold()
    if is_same_hook and cover == first_cover(submission):
        raise SameAsFirst
    current = current_variant(submission.id)
    if current is not None and not is_fixed and current.state != "ended":
        current.hook, current.cover, current.nonce = hook, cover, nonce
        current.kind = _kind_of(submission, hook)
    else:
        current = _make(submission, hook, cover, nonce)
    db.session.flush()
    return current


def _make(submission: Submission, hook: str, cover: int, nonce: str) -> Variant:
    earlier = variants_of(submission.id)
    number = len(earlier)
    if number == len(NAMES):
        raise TooManyVariants
    for one in earlier:
        one.state = "ended"
    variant = Variant(
        submission_id=submission.id,
        name=NAMES[number],
        hook=hook,
        cover=cover,
        kind=_kind_of(submission, hook),
        nonce=nonce,
        clicks_before={
            channel: clicks
            for (channel, name), clicks in links.valid_by_variant(submission.id).items()
            if name == FIRST
        },
    )
    db.session.add(variant)
    links.make_variant_links(submission.id, variant.name, CHANNELS)
    return variant


def _kind_of(submission: Submission, hook: str) -> str:
    proposed = hooks.propose(submission.title, submission.description)
    return next((one.kind for one in proposed if one.text == hook), "own")


def first_cover(submission: Submission) -> int:
    """Return the number, 0 to 2, of the picture that stands for the first version."""
    clip = clips.clip_of(submission)
    return max(clip.asset.cover - 1, 0) if clip else 0


def use(partner_id: str, submission_id: str, choice: str) -> None:
    """Show ``both`` by turns, or from now on one of them alone: ``a``, ``b``, …

    Raises ``NoSuchVariant``, ``Archived`` or ``NotFound``.
    """
    submission = byop.lock_editable(partner_id, submission_id)
    made, current = variants_of(submission.id), current_variant(submission.id)
    if current is None or choice not in {"both", "a", FIRST, *(one.name for one in made)}:
        raise NoSuchVariant
    for one in made:
        one.state = "chosen" if one.name == choice else "ended"
    if choice == "both":
        current.state = "running"
    db.session.flush()


def tallies(variant: Variant, exposures: Iterable[Exposure]) -> tuple[Tally, Tally]:
    """Return what the first words and the variant drew since the test began."""
    drawn = clicks_of_test(variant)
    shown: defaultdict[tuple[str, str], float] = defaultdict(float)
    now = clock.now()
    for one in exposures:
        hours = (now - one.exposed_at).total_seconds() / 3600
        shown[one.channel, one.variant] += bandit.arrived(hours)
    rates = programme_rates()
    first = second = 0.0
    for channel in {channel for channel, _ in shown}:
        rate = bandit.channel_rate(
            drawn[channel, FIRST] + drawn[channel, variant.name],
            shown[channel, FIRST] + shown[channel, variant.name],
            rates.get(channel, UNKNOWN_RATE),
        )
        first += rate * shown[channel, FIRST]
        second += rate * shown[channel, variant.name]
    return (
        Tally(sum(drawn[channel, FIRST] for channel in CHANNELS), first),
        Tally(sum(drawn[channel, variant.name] for channel in CHANNELS), second),
    )


def clicks_of_test(variant: Variant) -> Counter[tuple[str, str]]:
    """Return the valid clicks since the test began, by channel and variant."""
    drawn = Counter[tuple[str, str]]()
    for (channel, name), clicks in links.valid_by_variant(variant.submission_id).items():
        if channel in CHANNELS and name == FIRST:
            drawn[channel, name] = max(clicks - variant.clicks_before.get(channel, 0), 0)
        elif channel in CHANNELS and name == variant.name:
            drawn[channel, name] = clicks
    return drawn


def programme_rates() -> dict[str, float]:
    """Return the programme's valid clicks a press by channel, as they were counted within the hour."""
    counted = db.session.scalars(select(ChannelRate).where(ChannelRate.presses > 0))
    return {row.channel: row.clicks / row.presses for row in counted}


def keep_rates(presses: Mapping[str, int], clicks: Mapping[str, int]) -> None:
    """Keep what the programme's channels drew in all; called each hour."""
    for channel in CHANNELS:
        kept = db.session.get(ChannelRate, channel) or ChannelRate(channel=channel)
        kept.presses, kept.clicks = presses.get(channel, 0), clicks.get(channel, 0)
        db.session.add(kept)
    db.session.flush()


def chance_of(variant: Variant, exposures: list[Exposure], number: int) -> int:
    """Return the chance, in basis points, that turn ``number`` is the variant's."""
    first, second = tallies(variant, exposures)
    newest = max((one.exposed_at for one in exposures), default=variant.created_at)
    is_idle = (clock.now() - newest).days >= settings().variant_idle_days
    if is_idle or len(exposures) >= settings().variant_explore_presses:
        return bandit.chance_of_leader(first, second)
    return bandit.chance_of_b(first, second, f"{variant.submission_id}:{number}")


def export_variants(partner_id: str) -> list[dict[str, Any]]:
    own = (
        select(Variant)
        .join(Submission, Submission.id == Variant.submission_id)
        .where(Submission.partner_id == partner_id)
        .order_by(Variant.created_at, Variant.id)
    )
    return [
        {
            "submission_id": one.submission_id,
            "name": one.name,
            "hook": one.hook,
            "cover": one.cover,
            "kind": one.kind,
            "state": one.state,
            "at": clock.iso(one.created_at),
        }
        for one in db.session.scalars(own)
    ]


def sweep_partner(partner_id: str, _address_hash: str) -> Iterator[None]:
    """Erase the partner's hooks, and end what ran; how the variants did stays counted."""
    own = select(Submission.id).where(Submission.partner_id == partner_id)
    wiped = update(Variant).where(Variant.submission_id.in_(own)).values(hook="", state="ended")
    db.session.execute(wiped.execution_options(synchronize_session=False))
    yield
