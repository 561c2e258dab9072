"""An assignment on its way: claimed and judged anew, given to its platform's driver, its outcome written.

Whatever may publish is preceded by a commit of ``remote_key`` and ``first_tried_at`` (``Job.begin``), and
followed by looking, unless the platform refused it clearly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import update

from contentflow.byop import hooks as byop_hooks
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core import clock, quarantine
from contentflow.core.db import db, transaction
from contentflow.core.jobs import Claim
from contentflow.partners import locks
from contentflow.publishing import breaker, notices, posts, services
from contentflow.publishing.models import ASSIGNMENTS, Assignment, SocialAccount
from contentflow.publishing.outcomes import Outcome, hand, later, refused

MAX_WAIT_SECONDS = 86_400.0
REAUTH_LOOK_SECONDS = 30.0
# Refusals of our own, no platform's, and the state of who met one.
OUR_OWN = {"archived": "cancelled", "changed": "draft"}


class AssignmentLost(Exception):
    """The row is another worker's, or nobody's, by now: nothing more may be done for it here."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One claimed assignment, as its driver sees it. ``row`` is as it was when it was claimed."""

    claim: Claim
    row: Assignment
    account: SocialAccount

    def note(self, **values: Any) -> None:
        """Write something on the row under the claim, committed at once; raises ``AssignmentLost``."""
        with transaction():
            if not ASSIGNMENTS.write(self.claim, **values):
                raise AssignmentLost

    def begin(self) -> Outcome | None:
        """Commit that the next call may publish: None, or how it ends instead. Raises ``AssignmentLost``.

        Partner, post and account are judged once more: what changed since the claim stops it here. Whoever
        calls has made sure that an earlier try is not there.
        """
        with transaction():
            locks.lock_partner(self.row.partner_id)
            row = db.session.get(Assignment, self.row.id, with_for_update=True, populate_existing=True)
            if row is None or row.lease != self.claim.lease:
                raise AssignmentLost
            why = _obstacle(row, clock.now())
            if why is not None:
                return _instead(why)
            row.first_tried_at = row.first_tried_at or clock.now()
            row.last_tried_at = clock.now()
            row.step = "publish"
            self.row.first_tried_at, self.row.last_tried_at = row.first_tried_at, row.last_tried_at
        return None


Driver = Callable[[Job], Outcome]


def due_ids() -> list[str]:
    """Return what may go now; nothing while publishing is switched off or waits to be taken live."""
    if not settings().publishing_enabled or quarantine.is_held(quarantine.POSTS):
        return []
    return ASSIGNMENTS.due_ids()


def claim(assignment_id: str) -> Job | None:
    """Take a due row and judge it anew; what may not go is settled at once, and None returned."""
    found = db.session.get(Assignment, assignment_id)
    if found is None or not settings().publishing_enabled or quarantine.is_held(quarantine.POSTS):
        return None
    locks.lock_partner(found.partner_id)
    taken = ASSIGNMENTS.claim(assignment_id)
    if taken is None:
        return None
    row = db.session.get_one(Assignment, assignment_id, populate_existing=True)
    now = clock.now()
    obstacle = _obstacle(row, now) if row.first_tried_at is None else None  # What may be there is looked for.
    if obstacle is not None:
        _stop(row, taken, obstacle, now)
        return None
    account = db.session.get(SocialAccount, row.account_id)
    if account is None or account.oauth_json is None or account.state != "connected":
        # It may be there, and nobody can look any more: asked again until that is given up.
        _hold(taken, row, REAUTH_LOOK_SECONDS, now)
        return None
    pause = breaker.seconds_left(row.platform, now)
    if pause:
        _hold(taken, row, pause, now)
        return None
    db.session.flush()
    db.session.expunge(row)
    db.session.expunge(account)
    return Job(claim=taken, row=row, account=account)


class _Obstacle(NamedTuple):
    """Why it may not go: the state that it gets, or how long it waits."""

    state: str
    reason: str
    wait_seconds: float = 0.0


def _instead(why: _Obstacle) -> Outcome:
    if why.state == "needs_hand":
        return hand(why.reason)
    return later(why.reason, why.wait_seconds) if why.state == "scheduled" else refused(why.reason)


def _obstacle(row: Assignment, now: datetime) -> _Obstacle | None:
    partner = locks.lock_partner(row.partner_id)
    submission = db.session.get(Submission, row.submission_id)
    if partner is None or partner.email is None or submission is None or submission.archived_at is not None:
        return _Obstacle("cancelled", "archived")
    if now > row.publish_at + timedelta(minutes=settings().publish_late_minutes):
        return _Obstacle("needs_hand", "late")
    if not partner.is_active:
        return _Obstacle("scheduled", "suspended", 300.0)
    if row.account_id is None:
        return _Obstacle("needs_hand", "hand")
    account = db.session.get(SocialAccount, row.account_id, populate_existing=True)
    if account is None or account.state == "disconnected":
        return _Obstacle("needs_hand", "disconnected")
    if account.state == "reauth":
        return _Obstacle("scheduled", "reauth", REAUTH_LOOK_SECONDS)
    if breaker.is_paused_by_operator(row.platform):
        return _Obstacle("scheduled", "paused", breaker.PAUSED_LOOK_SECONDS)
    if submission.is_waiting or not posts.is_as_seen(row):
        return _Obstacle("draft", "changed")
    plan = posts.plan_of(row)
    if plan is not None and plan.reach == "hand":
        return _Obstacle("needs_hand", "hand")
    return None


def _stop(row: Assignment, taken: Claim, why: _Obstacle, now: datetime) -> None:
    values: dict[str, Any] = {"state": why.state, "reason": why.reason, "step": "", "next_attempt_at": None}
    if why.state == "scheduled":
        values |= {"attempts": taken.attempts - 1, "next_attempt_at": now + _seconds(why.wait_seconds)}
    ASSIGNMENTS.complete(taken, **values)
    if why.state in ("needs_hand", "draft"):
        db.session.refresh(row)
        notices.tell(row, "hand" if why.state == "needs_hand" else "changed")


def _hold(taken: Claim, row: Assignment, seconds: float, now: datetime) -> None:
    if row.first_tried_at is None:
        ASSIGNMENTS.complete(
            taken, state="scheduled", attempts=taken.attempts - 1, next_attempt_at=now + _seconds(seconds)
        )
    elif _is_given_up(row, now):
        ASSIGNMENTS.complete(taken, state="unknown", reason="given_up", step="")
    else:
        _again(taken, seconds, attempts=taken.attempts - 1, step="look")


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=min(max(seconds, 1.0), MAX_WAIT_SECONDS))


def _again(taken: Claim, seconds: float, **values: Any) -> bool:
    """Let the row stay ``publishing`` and be due again then: nobody holds it, and its lease runs out then."""
    later = clock.now() + _seconds(seconds)
    return ASSIGNMENTS.write(taken, lease=None, leased_until=later, **values)


def _is_given_up(row: Assignment, now: datetime) -> bool:
    begun = row.first_tried_at or row.publish_at
    return now > begun + timedelta(hours=settings().publish_give_up_hours)


def complete(job: Job, outcome: Outcome) -> bool:
    """Write what came of it, under the claim; False when the claim was over."""
    row = db.session.get(Assignment, job.row.id, populate_existing=True)
    if row is None or row.lease != job.claim.lease:
        return False
    if outcome.reason not in OUR_OWN:
        breaker.heard(row.platform, outcome.kind, outcome.reason, clock.now())
    return _WRITERS[outcome.kind](job.claim, row, outcome)


def _done(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    now = clock.now()
    is_ours = ASSIGNMENTS.complete(
        taken,
        state="published",
        step="",
        percent=100,
        reason=None,
        remote=None,
        remote_id=outcome.remote_id[:500],
        remote_url=outcome.remote_url[:2048] or None,
        published_at=now,
        next_attempt_at=now + timedelta(minutes=10),
    )
    if is_ours:
        byop_hooks.log_share(row.partner_id, row.submission_id, row.platform, row.text)
        used = update(SocialAccount).where(SocialAccount.id == row.account_id).values(used_at=now)
        db.session.execute(used)
    return is_ours


def _waiting(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    if _is_given_up(row, clock.now()):
        return _ended(taken, row, outcome)
    shown = {"step": outcome.step or row.step, "percent": outcome.percent or row.percent}
    return _again(taken, outcome.seconds or 3.0, attempts=taken.attempts - 1, **shown)


def _later(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    now = clock.now()
    if _is_given_up(row, now):
        return _ended(taken, row, outcome)
    is_late = now > row.publish_at + timedelta(minutes=settings().publish_late_minutes)
    if row.first_tried_at is None and is_late:
        ended = ASSIGNMENTS.complete(taken, state="needs_hand", reason="late", step="")
        notices.tell(row, "hand")
        return ended
    seconds = outcome.seconds if outcome.seconds is not None else _delay(taken.attempts)
    return _again(taken, seconds, reason=outcome.reason[:255] or None)


def _delay(attempts: int) -> float:
    delays = settings().publish_retry_seconds
    return delays[min(max(attempts, 1), len(delays)) - 1]


def _ended(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    """Nobody waits any longer: who was never tried is certainly not there."""
    state = "failed" if row.first_tried_at is None else "unknown"
    return ASSIGNMENTS.complete(taken, state=state, reason=(outcome.reason or "given_up")[:255], step="")


def _refused(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    if outcome.reason in OUR_OWN:
        untried = {"first_tried_at": None, "last_tried_at": None, "remote": None}
        ended = ASSIGNMENTS.complete(
            taken, state=OUR_OWN[outcome.reason], reason=outcome.reason, step="", **untried
        )
        if outcome.reason == "changed":
            notices.tell(row, "changed")
        return ended
    return ASSIGNMENTS.complete(taken, state="failed", reason=outcome.reason[:255], step="", remote=None)


def _reauth(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    services.require_reauth(row.account_id or "", outcome.reason)
    if row.first_tried_at is not None and not outcome.is_clear:
        return _again(taken, REAUTH_LOOK_SECONDS, step="look", reason="reauth")
    waits = {"next_attempt_at": clock.now() + _seconds(REAUTH_LOOK_SECONDS)}
    untried = {"first_tried_at": None, "last_tried_at": None}
    return ASSIGNMENTS.complete(taken, state="scheduled", reason="reauth", step="", **waits, **untried)


def _indeterminate(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    if _is_given_up(row, clock.now()):
        return _ended(taken, row, outcome)
    seconds = outcome.seconds if outcome.seconds is not None else _delay(taken.attempts)
    return _again(taken, seconds, step="look", reason=outcome.reason[:255] or None)


def _handed(taken: Claim, row: Assignment, outcome: Outcome) -> bool:
    ended = ASSIGNMENTS.complete(taken, state="needs_hand", reason=outcome.reason[:255], step="")
    notices.tell(row, "hand")
    return ended


_WRITERS: Mapping[str, Callable[[Claim, Assignment, Outcome], bool]] = {
    "done": _done,
    "wait": _waiting,
    "later": _later,
    "refused": _refused,
    "reauth": _reauth,
    "indeterminate": _indeterminate,
    "hand": _handed,
}
