"""What a plan is made from: the post as it is now, the settings, and where it may go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from sqlalchemy import func, select

from contentflow.byop import clips
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.publishing import plan as plans
from contentflow.publishing.models import Assignment, PlatformPause, SocialAccount
from contentflow.publishing.plan import Destination, FinishedClip, Plan, PlannedPost, Rules, What
from contentflow.publishing.platforms import BY_HAND

# What counts for an account's day: whatever went out there, or is about to.
COUNTED = ("scheduled", "publishing", "published", "unknown", "deleted")


def rules() -> Rules:
    chosen = settings()
    return Rules(
        disclosure=chosen.ad_disclosure,
        default_hashtags=chosen.sharekit_default_hashtags,
        per_day=chosen.publish_per_day,
        is_https=chosen.is_https,
        is_development=chosen.is_loopback,
        has_youtube=chosen.has_youtube,
        is_youtube_audited=chosen.youtube_audited,
        has_tiktok=chosen.has_tiktok,
        is_tiktok_audited=chosen.tiktok_audited,
        paused=frozenset(
            db.session.scalars(select(PlatformPause.platform).where(PlatformPause.is_by_operator))
        ),
    )


def post_of(submission: Submission) -> PlannedPost:
    clip = clips.clip_of(submission)
    return PlannedPost(
        id=submission.id,
        words=byop.words_of(submission),
        urls={channel: links.link_url(link) for channel, link in links.links_of(submission.id).items()},
        has_video=clip is not None,
        clip=_finished(clip) if clip else None,
        is_video_late=clip is not None and clip.is_busy,
    )


def _finished(clip: clips.Clip) -> FinishedClip | None:
    if not clip.has_render or clip.asset.render_id is None:
        return None
    file, _ = clips.find_file(clip, "clip")
    return FinishedClip(
        render_id=clip.asset.render_id,
        is_approved=clip.asset.is_approved,
        size=file.stat().st_size if isinstance(file, Path) else file.size,
        seconds=clip.result.seconds,
    )


def accounts_of(partner_id: str) -> list[SocialAccount]:
    """Return the partner's accounts that are in use, the oldest first."""
    own = SocialAccount.partner_id == partner_id, SocialAccount.state != "disconnected"
    found = select(SocialAccount).where(*own)
    return list(db.session.scalars(found.order_by(SocialAccount.created_at, SocialAccount.id)))


def targets_of(partner_id: str) -> list[Destination]:
    """Return each account, then each platform by hand."""
    accounts = accounts_of(partner_id)
    used = _used_today([account.id for account in accounts])
    own = [target_of(account, used[account.id]) for account in accounts]
    return own + [Destination(platform=platform) for platform in BY_HAND]


def target_of(account: SocialAccount, used: int = 0) -> Destination:
    return Destination(
        platform=account.platform,
        account_id=account.id,
        handle=account.handle,
        host=account.host,
        needs_reauth=account.state == "reauth",
        limits=account.limits,
        used=used,
    )


def _used_today(account_ids: Iterable[str]) -> Counter[str]:
    ids = list(account_ids)
    if not ids:  # SQLite would look through every publication for none of them.
        return Counter()
    since = plans.used_since(clock.now())
    counted = (
        select(Assignment.account_id, func.count())
        .where(
            Assignment.account_id.in_(ids),
            Assignment.state.in_(COUNTED),
            Assignment.publish_at > since,
            Assignment.publish_at <= clock.now(),
        )
        .group_by(Assignment.account_id)
    )
    return Counter({str(key): number for key, number in db.session.execute(counted)})


def plans_of(submission: Submission, targets: Iterable[Destination], wanted: What) -> list[Plan]:
    post, now_rules = post_of(submission), rules()
    return [plans.plan(post, target, now_rules, wanted) for target in targets]


def seen_of(submission: Submission, targets: list[Destination]) -> str:
    """Return the hash of all that a page shows of these targets, whichever of clip and words is chosen."""
    return plans.seen_hash([one for what in get_args(What) for one in plans_of(submission, targets, what)])


def plan_of(assignment: Assignment) -> Plan | None:
    """Return what would leave now in the place of a frozen assignment; None without its post or account."""
    submission = db.session.get(Submission, assignment.submission_id)
    target = Destination(platform=assignment.platform)
    if assignment.account_id is not None:
        account = db.session.get(SocialAccount, assignment.account_id)
        if account is None:
            return None
        target = target_of(account)
    wanted: What = "clip" if assignment.what == "clip" else "words"
    return plans_of(submission, [target], wanted)[0] if submission else None


def is_as_seen(assignment: Assignment) -> bool:
    """Whether what would leave now is what the partner saw and confirmed."""
    now = plan_of(assignment)
    if now is None or any(
        note.code in ("not_approved", "no_video", "too_long", "too_large") for note in now.notes
    ):
        return False
    frozen = [now.target.key, assignment.text, assignment.what, assignment.render_id]
    return now.content[:4] == frozen and dict(now.labels).items() <= assignment.labels.items()
