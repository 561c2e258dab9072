"""What a partner does with publications: confirm, move, take back, answer, look."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from contentflow.byop import hooks as byop_hooks
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import is_id
from contentflow.partners import locks
from contentflow.publishing import notices, posts, remote_keys, wall_clock
from contentflow.publishing.models import OVER, Assignment, SocialAccount
from contentflow.publishing.plan import Plan, What
from contentflow.publishing.platforms import PLATFORMS

FOLLOW = "publishing.follow"


class TooLate(Refused):
    status = 409
    message = _l("Ce n’est plus possible : sa situation a changé entre-temps. Regarde où il en est.")


class NotOurs(Refused):
    status = 409
    message = _l("Là, toi seul peux le supprimer : ouvre le post sur la plateforme, puis son menu.")


class NoUrl(Refused):
    message = _l("Colle l’adresse du post, qui commence par https:// sur le site de la plateforme.")


class PublishPage(NamedTuple):
    """What the page of a post shows: a plan a target, and what was confirmed before."""

    submission: Submission
    plans: Sequence[Plan]
    assignments: Sequence[Assignment]
    accounts: dict[str, SocialAccount]
    seen: str
    what: What

    @property
    def taken(self) -> set[str]:
        """The targets at which nothing more can be asked for now."""
        busy = [one for one in self.assignments if one.state not in (*OVER, "draft")]
        return {one.account_id or one.platform for one in busy}

    @property
    def render_id(self) -> str:
        return next((one.render_id for one in self.plans if one.render_id), "")

    @property
    def has_video(self) -> bool:
        return any(one.what == "clip" for one in self.plans) or bool(self.render_id)

    @property
    def is_busy(self) -> bool:
        soon = clock.now() + timedelta(minutes=2)
        return any(
            one.state == "publishing"
            or (one.state == "scheduled" and one.publish_at <= soon)
            or (one.state == "published" and one.step == "delete")
            for one in self.assignments
        )


def page(partner_id: str, submission_id: str, what: str = "clip") -> PublishPage:
    """Raises ``NotFound``, also for another partner's post."""
    submission = byop.get_submission(partner_id, submission_id)
    wanted: What = "words" if what == "words" else "clip"
    targets = posts.targets_of(partner_id)
    plans = posts.plans_of(submission, targets, wanted)
    own = select(SocialAccount).where(SocialAccount.partner_id == partner_id)
    return PublishPage(
        submission=submission,
        plans=plans,
        assignments=assignments_of(submission.id),
        accounts={one.id: one for one in db.session.scalars(own)},
        seen=posts.seen_of(submission, targets),
        what=wanted,
    )


def assignments_of(submission_id: str) -> list[Assignment]:
    """Return what was confirmed of a post, the newest first."""
    own = select(Assignment).where(Assignment.submission_id == submission_id)
    return list(db.session.scalars(own.order_by(Assignment.created_at.desc(), Assignment.id)))


# Afterwards


def get_assignment(partner_id: str, assignment_id: str) -> Assignment:
    """Raises ``NotFound``, also for another partner's."""
    row = db.session.get(Assignment, assignment_id) if is_id(assignment_id) else None
    if row is None or row.partner_id != partner_id:
        raise NotFound
    return row


def lock_assignment(partner_id: str, assignment_id: str) -> Assignment:
    """Hold the partner's row, then the assignment's, as it is now. Raises ``NotFound``."""
    locks.lock_active(partner_id)
    get_assignment(partner_id, assignment_id)
    return db.session.get_one(Assignment, assignment_id, with_for_update=True, populate_existing=True)


def move(partner_id: str, assignment_id: str, at: str, zone: str) -> Assignment:
    """Raises ``TooLate`` unless it is scheduled and was never tried."""
    row = lock_assignment(partner_id, assignment_id)
    if row.state != "scheduled" or row.first_tried_at is not None:
        raise TooLate
    moment = wall_clock.moment_of(at, zone, clock.now())
    row.publish_at, row.zone, row.next_attempt_at = moment, zone, moment
    db.session.flush()
    return row


def cancel(partner_id: str, assignment_id: str) -> Assignment:
    """Take back what has not left; again: nothing more happens. Raises ``TooLate``."""
    row = lock_assignment(partner_id, assignment_id)
    is_tried = row.state == "scheduled" and row.first_tried_at is not None
    if row.state not in ("draft", "scheduled", "needs_hand", "cancelled") or is_tried:
        raise TooLate
    row.state, row.next_attempt_at, row.remote = "cancelled", None, None
    db.session.flush()
    return row


def answer(partner_id: str, assignment_id: str, is_there: bool, url: str = "") -> Assignment:
    """The partner says whether it is there: then it is ``declared``, else a draft again.

    Raises ``TooLate`` unless it waits for that answer, ``NoUrl`` for what is no address of a post.
    """
    row = lock_assignment(partner_id, assignment_id)
    if row.state not in ("unknown", "needs_hand"):
        raise TooLate
    if not is_there:
        row.state, row.remote_key, row.remote = "draft", remote_keys.new(row.platform), None
        row.first_tried_at = row.last_tried_at = row.next_attempt_at = None
    else:
        row.remote_url = _checked_url(url, row) or None
        row.state, row.published_at, row.next_attempt_at = "declared", clock.now(), None
        byop_hooks.log_share(row.partner_id, row.submission_id, row.platform, row.text)
    db.session.flush()
    return row


def _checked_url(typed: str, row: Assignment) -> str:
    """Return an https address on the platform's own site, or "" where none was given."""
    typed = typed.strip()
    if not typed:
        return ""
    try:
        parts = urlsplit(typed)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise NoUrl from error
    known = PLATFORMS[row.platform].hosts
    is_known = not known or any(host == one or host.endswith(f".{one}") for one in known)
    is_plain = parts.scheme == "https" and "@" not in parts.netloc and port is None and "." in host
    if not is_plain or not is_known or len(typed) > 2048 or not typed.isprintable() or " " in typed:
        raise NoUrl
    return typed


def delete(partner_id: str, assignment_id: str) -> Assignment:
    """Let the worker take a published post down. Raises ``TooLate``, or ``NotOurs`` where we cannot."""
    row = lock_assignment(partner_id, assignment_id)
    if row.state == "declared" or (row.state == "published" and not PLATFORMS[row.platform].can_delete):
        raise NotOurs
    if row.state != "published":
        raise TooLate
    row.step, row.next_attempt_at, row.leased_until = "delete", clock.now(), None
    db.session.flush()
    enqueue(FOLLOW, row.id)
    return row


def post_changed(submission_id: str) -> None:
    """Take what waits back to draft where it is not what was seen; of an archived post, cancel it."""
    submission = db.session.get(Submission, submission_id)
    waiting = select(Assignment).where(
        Assignment.submission_id == submission_id,
        Assignment.state.in_(("draft", "scheduled", "needs_hand")),
        Assignment.first_tried_at.is_(None),
    )
    for row in db.session.scalars(waiting.with_for_update()).all():
        if submission is None or submission.archived_at is not None:
            row.state, row.reason, row.next_attempt_at = "cancelled", "archived", None
        elif row.state == "scheduled" and not posts.is_as_seen(row):
            to_draft(row)
    db.session.flush()


def to_draft(row: Assignment) -> None:
    """What was confirmed is not what would leave: the partner looks again, and is told."""
    row.state, row.reason, row.next_attempt_at = "draft", "changed", None
    notices.tell(row, "changed")


# What is told to others


class Outlook(NamedTuple):
    """What a partner's home says: the next date, what waits for their hand, accounts to mend."""

    next: Assignment | None
    by_hand: Sequence[Assignment]
    to_mend: Sequence[SocialAccount]

    @property
    def is_empty(self) -> bool:
        return not (self.next or self.by_hand or self.to_mend)


def outlook(partner_id: str) -> Outlook:
    own = select(Assignment).where(Assignment.partner_id == partner_id)
    coming = own.where(Assignment.state == "scheduled").order_by(Assignment.publish_at).limit(1)
    waiting = own.where(Assignment.state.in_(("needs_hand", "unknown", "draft"))).order_by(
        Assignment.publish_at
    )
    mend = SocialAccount.partner_id == partner_id, SocialAccount.state == "reauth"
    return Outlook(
        db.session.scalar(coming),
        db.session.scalars(waiting.limit(5)).all(),
        db.session.scalars(select(SocialAccount).where(*mend)).all(),
    )


def require_reauth(account_id: str, reason: str) -> None:
    """The account must be connected again: its owner is told once, and what is due waits."""
    account = db.session.get(SocialAccount, account_id, with_for_update=True, populate_existing=True)
    if account is not None and account.state == "connected":
        account.state, account.reason = "reauth", reason[:255]
        notices.tell_reauth(account)
        db.session.flush()
