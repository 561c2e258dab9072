"""What was seen is confirmed: frozen, and let go at its time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused, TooMany
from contentflow.core.ids import new_id
from contentflow.publishing import posts, remote_keys, wall_clock
from contentflow.publishing.models import OVER, Assignment
from contentflow.publishing.plan import Plan, What
from contentflow.publishing.platforms import PLATFORMS, TIKTOK_PRIVACIES

PUBLISH = "publishing.publish"
DAY_SECONDS = 86_400


class NothingChosen(Refused):
    message = _l("Choisis au moins un compte ou une plateforme.")


class SeenChanged(Refused):
    status = 409
    message = _l("Ce qui partirait n’est plus ce que tu as vu : regarde à nouveau, puis confirme.")


class NotApproved(Refused):
    status = 409
    message = _l("Ce clip n’est pas validé, ou vient d’être remplacé : valide-le d’abord.")


class RefusedByNote(Refused):
    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.message = " ".join(note.sentence for note in plan.notes if note.kind == "refused")


class TikTokUnanswered(Refused):
    message = _l("Pour TikTok, choisis qui peut regarder la vidéo et accepte ses conditions.")


class AlreadyThere(Refused):
    status = 409
    message = _l("Ce post est déjà prévu ou publié là.")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What the form of a post says, as it was typed. ``seen`` is the hash of all that was shown.

    ``labels`` is what TikTok wants answered, an account; under "" for a form that shows one account.
    """

    sid: str
    accounts: Sequence[str] = ()
    platforms: Sequence[str] = ()
    what: str = "clip"
    is_later: bool = False
    at: str = ""
    zone: str = "Europe/Paris"
    render: str = ""
    seen: str = ""
    nonce: str = ""
    language: str = "fr"
    labels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def wanted(self) -> What:
        return "words" if self.what == "words" else "clip"

    def labels_of(self, plan: Plan) -> Mapping[str, Any]:
        """Return what was answered for this account; nothing where nothing is asked."""
        own = self.labels.get(plan.target.key) or self.labels.get("", {})
        return own if plan.asks_creator else {}


def confirm(partner_id: str, order: Order) -> list[Assignment]:
    """Freeze what was seen and let it go at its time; the same nonce returns what it made before.

    Raises ``NotFound``, ``NothingChosen``, ``SeenChanged``, ``NotApproved``, ``RefusedByNote``,
    ``AlreadyThere``, ``TooMany`` and what ``wall_clock.moment_of`` raises.
    """
    submission = byop.lock_editable(partner_id, order.sid)
    if order.nonce:
        made = select(Assignment).where(
            Assignment.submission_id == submission.id, Assignment.nonce == order.nonce
        )
        if known := list(db.session.scalars(made)):
            return known
    targets = posts.targets_of(partner_id)
    chosen = _chosen(posts.plans_of(submission, targets, order.wanted), order)
    if order.seen != posts.seen_of(submission, targets):
        raise SeenChanged
    at = clock.now()
    if order.is_later:
        at = wall_clock.moment_of(order.at, order.zone, at)
    return [_assign(partner_id, submission, plan, order, at) for plan in chosen]


def _chosen(plans: list[Plan], order: Order) -> list[Plan]:
    by_key = {one.target.key: one for one in plans}
    keys = list(dict.fromkeys([*order.accounts, *order.platforms]))
    if not keys:
        raise NothingChosen
    if any(key not in PLATFORMS for key in order.platforms):
        raise NothingChosen
    if any(key not in by_key or key in PLATFORMS for key in order.accounts):
        raise NotFound
    chosen = [by_key[key] for key in keys]
    for one in chosen:
        if any(note.code == "not_approved" for note in one.notes):
            raise NotApproved
        if one.render_id and one.render_id != order.render:
            raise NotApproved
        if any(note.code == "daily_limit" for note in one.notes) and not order.is_later:
            raise TooMany(_seconds_until_free(one.target.account_id))
        labels = order.labels_of(one)
        if one.asks_creator and not (labels.get("privacy") in TIKTOK_PRIVACIES and labels.get("agree")):
            raise TikTokUnanswered
        if any(note.kind == "refused" and note.code != "daily_limit" for note in one.notes):
            raise RefusedByNote(one)
    return chosen


def _assign(partner_id: str, submission: Submission, plan: Plan, order: Order, at: datetime) -> Assignment:
    row = find_active(submission.id, plan.target.account_id, plan.target.platform)
    if row is not None and row.state != "draft":
        raise AlreadyThere
    if plan.target.account_id is not None:
        _take_of_day(plan.target.account_id, at)
    if row is None:
        row = Assignment(id=new_id(), partner_id=partner_id, submission_id=submission.id, state="draft")
        row.account_id, row.platform = plan.target.account_id, plan.target.platform
    is_handed_now = plan.reach == "hand" and not order.is_later
    row.state = "needs_hand" if is_handed_now else "scheduled"
    row.step, row.percent, row.reason, row.attempts = "", 0, None, 0
    row.publish_at, row.zone, row.language = at, order.zone, order.language
    row.text, row.what, row.render_id = plan.text, plan.what, plan.render_id
    row.labels = {**plan.labels, **order.labels_of(plan)}
    row.nonce, row.remote_key, row.remote = order.nonce, remote_keys.new(row.platform), None
    row.next_attempt_at = None if is_handed_now else at
    row.first_tried_at = row.last_tried_at = row.published_at = None
    row.remote_id = row.remote_url = None
    db.session.add(row)
    db.session.flush()
    if row.state == "scheduled" and not order.is_later:
        enqueue(PUBLISH, row.id)
    return row


def find_active(submission_id: str, account_id: str | None, platform: str) -> Assignment | None:
    """Return what stands in the way of another publication of this post there, a draft included."""
    where = Assignment.account_id == account_id
    if account_id is None:
        where = Assignment.account_id.is_(None) & (Assignment.platform == platform)
    own = Assignment.submission_id == submission_id, where, Assignment.state.not_in(OVER)
    return db.session.scalar(select(Assignment).where(*own).with_for_update())


def _take_of_day(account_id: str, at: datetime) -> None:
    """Raises ``TooMany`` where any 24 hours around this moment would hold more than PUBLISH_PER_DAY."""
    day = timedelta(hours=24)
    for begin, end in ((at - day, at), (at, at + day)):
        counted = select(func.count()).where(
            Assignment.account_id == account_id,
            Assignment.state.in_(posts.COUNTED),
            Assignment.publish_at > begin,
            Assignment.publish_at <= end,
        )
        if (db.session.scalar(counted) or 0) >= settings().publish_per_day:
            raise TooMany(_seconds_until_free(account_id))


def _seconds_until_free(account_id: str | None) -> int:
    since = clock.now() - timedelta(hours=24)
    oldest = db.session.scalar(
        select(func.min(Assignment.publish_at)).where(
            Assignment.account_id == account_id,
            Assignment.state.in_(posts.COUNTED),
            Assignment.publish_at > since,
        )
    )
    left = (oldest - since).total_seconds() if oldest else DAY_SECONDS
    return max(1, min(DAY_SECONDS, int(left) + 1))
