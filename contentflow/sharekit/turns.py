"""Whose turn it is at a post with two variants: shown, signed, and counted once it was pressed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from flask_babel import lazy_gettext as _l
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import func, select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import Words
from contentflow.config import settings
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.experiments import bandit, evidence
from contentflow.experiments import services as experiments
from contentflow.experiments.models import CHANNELS, FIRST, Variant
from contentflow.experiments.services import Exposure
from contentflow.links import services as links
from contentflow.mailing.models import UNREACHED, Delivery
from contentflow.sharekit.models import ShareLog

MAX_CLICKS = 50_000  # What a table reads to say that a difference is no chance; the first ones suffice.


class WrongTurn(Refused):
    status = 422
    message = _l("Cette page n’est plus celle de ce post : recharge-la, puis partage à nouveau.")


@dataclass(frozen=True, slots=True)
class Turn:
    """A lot: its number, the variant that it chose and the second one's chance then; 0 draws nothing.

    ``test`` names the second variant: a turn of a test that ended is a press, and no trial of the next.
    """

    number: int
    variant: str
    chance_bp: int
    test: str

    @property
    def percent(self) -> int:
        return self.chance_bp // 100


class Showing(NamedTuple):
    """What a kit shows: ``second`` is the newest variant, whatever its state; ``turn`` while there is one."""

    second: Variant | None = None
    turn: Turn | None = None
    token: str = ""

    @property
    def variant(self) -> Variant | None:
        """The variant whose words stand in the kit; None for the first words."""
        return self.second if self.turn and self.turn.variant else None

    def cover(self, first: int) -> int:
        """Return the number, from 1, of the picture beside the words; ``first`` is the post's own."""
        return self.variant.cover + 1 if self.variant else first


def showing(submission: Submission) -> Showing:
    """Say whose turn it is. The draw is fixed by post and number, so a reload draws no new lot."""
    second = experiments.current_variant(submission.id) if settings().variants_enabled else None
    if second is None or second.state not in ("running", "chosen"):
        return Showing(second)
    turn = Turn(0, second.name, 10_000, second.name)
    if second.state == "running":
        drawn = select(func.max(ShareLog.turn)).where(ShareLog.submission_id == second.submission_id)
        number = (db.session.scalar(drawn) or 0) + 1
        chance = experiments.chance_of(second, exposures_of(second), number)
        is_second = bandit.is_turn_of_b(_lot_key(), second.submission_id, number, chance)
        turn = Turn(number, second.name if is_second else FIRST, chance, second.name)
    signed = _signer().dumps([submission.id, turn.number, turn.variant, turn.chance_bp, turn.test])
    return Showing(second, turn, str(signed))


def exposures_of(second: Variant) -> list[Exposure]:
    """Return every trial since the test began: presses that the lot chose, and recipients of mails."""
    names = (FIRST, second.name)
    pressed = select(ShareLog.channel, ShareLog.variant, ShareLog.created_at).where(
        ShareLog.submission_id == second.submission_id,
        ShareLog.turn.is_not(None),
        ShareLog.variant.in_(names),
        ShareLog.created_at >= second.created_at,
    )
    mailed = select(Delivery.variant, Delivery.created_at).where(
        Delivery.submission_id == second.submission_id,
        Delivery.chance_bp.is_not(None),
        Delivery.variant.in_(names),
        Delivery.created_at >= second.created_at,
        Delivery.state.not_in(UNREACHED),
    )
    presses = [Exposure(channel, name, at) for channel, name, at in db.session.execute(pressed)]
    return presses + [Exposure("email", name, at) for name, at in db.session.execute(mailed)]


def has_presses(second: Variant) -> bool:
    """Whether anybody may have seen this variant: then its words are as fixed as its numbers."""
    shared = select(ShareLog.id).where(
        ShareLog.submission_id == second.submission_id, ShareLog.variant == second.name
    )
    mailed = select(Delivery.id).where(
        Delivery.submission_id == second.submission_id, Delivery.variant == second.name
    )
    return bool(db.session.scalar(select(shared.exists() | mailed.exists())))


def read_turn(submission_id: str, token: str, channel: str) -> Turn | None:
    """Return the turn that a share form carried; None for the first words, outside the test.

    Raises ``WrongTurn`` for what was not signed here, for this post.
    """
    if not token:
        return None
    try:
        sid, number, variant, chance, test = _signer().loads(token)
    except (BadSignature, ValueError, TypeError) as error:
        raise WrongTurn from error
    if sid != submission_id:
        raise WrongTurn
    return Turn(number, variant, chance, test) if channel in CHANNELS else None


def is_trial(submission_id: str, turn: Turn) -> bool:
    """Whether a press counts for the test that runs: a lot drew it, and nobody pressed it yet."""
    second = experiments.current_variant(submission_id)
    if not turn.number or second is None or second.name != turn.test or second.state != "running":
        return False
    pressed = ShareLog.submission_id == submission_id, ShareLog.turn == turn.number
    return db.session.scalar(select(ShareLog.id).where(*pressed)) is None


def draw_for_mails(
    submission: Submission, send: str, recipients: Sequence[str]
) -> list[tuple[str, int | None]]:
    """Return a variant and its chance for each recipient, drawn one by one; ``send`` names the send."""
    now = showing(submission)
    if now.second is None or now.turn is None:
        return [(FIRST, None)] * len(recipients)
    if not now.turn.number:
        return [(now.second.name, None)] * len(recipients)
    chance, lot = now.turn.chance_bp, f"{submission.id}:{send}"
    return [
        (now.second.name if bandit.is_turn_of_b(_lot_key(), lot, index, chance) else FIRST, chance)
        for index, _ in enumerate(recipients)
    ]


def words_shown(submission: Submission, variant: Variant | None, channel: str = "copy") -> Words:
    """Return the post's words as they were typed; where a variant is shared, its hook is the title."""
    words = byop.words_of(submission)
    return replace(words, title=variant.hook) if variant and channel in CHANNELS else words


def settled_presses(second: Variant, now: datetime) -> list[evidence.SettledPress]:
    """Return the presses of the test that are 72 hours old, with the clicks that each drew.

    Mails are no part of it: whose click it was among a send's recipients nobody can tell.
    """
    presses = db.session.execute(
        select(ShareLog.channel, ShareLog.created_at, ShareLog.variant, ShareLog.chance_bp)
        .where(
            ShareLog.submission_id == second.submission_id,
            ShareLog.turn.is_not(None),
            ShareLog.variant.in_((FIRST, second.name)),
            ShareLog.created_at >= second.created_at,
        )
        .order_by(ShareLog.created_at)
    ).all()
    clicks = links.valid_clicks_since(
        second.submission_id, (FIRST, second.name), second.created_at, MAX_CLICKS
    )
    if len(clicks) == MAX_CLICKS:
        now = min(now, clicks[-1][0])

    def hours(moment: datetime) -> float:
        return (moment - second.created_at).total_seconds() / 3600

    settled: list[evidence.SettledPress] = []
    for channel in CHANNELS:
        pressed = [
            (hours(moment), "b" if name else "a", chance or 0)
            for where, moment, name, chance in presses
            if where == channel
        ]
        drawn = [(hours(moment), "b" if name else "a") for moment, where, name in clicks if where == channel]
        settled += evidence.settle(pressed, drawn, hours(now))
    return settled


def _signer() -> URLSafeSerializer:
    return URLSafeSerializer(list(reversed(settings().secret_key)), salt="turn")


def _lot_key() -> bytes:
    return settings().secret_key[0].encode()
