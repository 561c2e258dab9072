"""The clip of a post: how far it is, approve it, make it again with other options."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select, update

from contentflow.byop import services
from contentflow.byop.hooks import tell_post_changed
from contentflow.byop.models import Submission
from contentflow.core import clock
from contentflow.core.bucket import MediaFile
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.pipeline import review
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import SENTENCES, Failure
from contentflow.pipeline.renders import RenderOptions, RenderResult

STEP_NAMES = {
    "": _l("En attente de son tour"),
    "fetch": _l("Récupération de la vidéo"),
    "look": _l("Recherche du meilleur cadre"),
    "listen": _l("Écriture des sous-titres"),
    "render": _l("Montage du clip"),
    "finish": _l("Dernières finitions"),
}
# How exactly is known when its owner last looked; each look would be a write.
LOOK_SECONDS = 10
FRAMINGS = {
    "auto": _l("Automatique"),
    "crop": _l("Plein écran, sur les visages"),
    "blur": _l("Image entière, fond flou"),
}


class NothingToApprove(Refused):
    status = 409
    message = _l("Ce clip vient d’être remplacé ou n’est pas prêt : regarde-le d’abord, puis valide-le.")


class NoSuchCover(Refused):
    status = 422
    message = _l("Choisis une des images proposées.")


class NothingToMake(Refused):
    status = 409
    message = SENTENCES[Failure.SOURCE_GONE]


class StillAtWork(Refused):
    status = 409
    message = _l("Un autre montage est en cours : attends qu’il soit prêt, puis demande tes changements.")


class Clip(NamedTuple):
    """A post's clip as its owner sees it."""

    submission_id: str
    asset: Asset
    can_make: bool

    @property
    def status(self) -> str:
        return self.asset.state

    @property
    def is_busy(self) -> bool:
        return self.asset.state in ("new", "processing")

    @property
    def done_bp(self) -> int:
        return self.asset.percent * 100

    @property
    def step_name(self) -> str:
        step = self.asset.step
        if step == "listen" and not pipeline.writes_captions():
            step = "render"  # Nobody listens here.
        return str(STEP_NAMES.get(step, STEP_NAMES[""]))

    @property
    def reason(self) -> str | None:
        return pipeline.reason_sentence(self.asset.reason)

    @property
    def may_pass(self) -> bool:
        """Whether another try of the same video can help."""
        return self.can_make and pipeline.may_pass(self.asset.reason)

    @property
    def has_render(self) -> bool:
        return self.asset.render_id is not None

    @property
    def has_captions(self) -> bool:
        return self.result.shows_captions

    @property
    def is_public(self) -> bool:
        """Whether a clip of this post may be seen in public: this one, or one from before it."""
        return self.asset.approved_render_id is not None

    @property
    def due(self) -> str:
        """The step that its owner is waited for: approve, retry, replace, or none."""
        if self.status == "failed":
            return "retry" if self.may_pass else "replace"
        return "approve" if self.status == "ready" and self.has_render and not self.asset.is_approved else ""

    @property
    def news(self) -> str:
        """What is to be said once nobody works on it any more."""
        if self.status == "failed":
            return str(_("Ta vidéo n’a pas pu être préparée : regarde pourquoi."))
        return str(_("Ton clip est prêt : regarde-le, puis valide-le.")) if self.due else ""

    @property
    def result(self) -> RenderResult:
        return self.asset.result

    @property
    def covers(self) -> range:
        """The numbers of the pictures that may be its cover, the best first."""
        return range(1, self.result.covers + 1)

    @property
    def text(self) -> str:
        return self.result.text


def clip_of(submission: Submission) -> Clip | None:
    """Return the clip of a post; None for a post of words alone."""
    asset = pipeline.get_asset(submission.asset_id)
    if not asset.has_video:
        return None
    can_make = asset.state in ("ready", "failed") and review.has_source(asset)
    return Clip(submission.id, asset, can_make and submission.archived_at is None)


def steps_due(submissions: Iterable[Submission]) -> dict[str, str]:
    """Return the step that each of these posts waits for, by its id; who waits for none is not named."""
    posts = {post.asset_id: post.id for post in submissions if post.archived_at is None}
    assets = db.session.scalars(select(Asset).where(Asset.id.in_(posts), Asset.has_video))
    clips = (Clip(posts[asset.id], asset, can_make=True) for asset in assets)
    return {clip.submission_id: clip.due for clip in clips if clip.due}


def posts_to_approve(partner_id: str, limit: int) -> list[Submission]:
    """Return the posts, however old, whose clip waits to be approved; the one asked for last comes first."""
    is_public = (Asset.approved_render_id == Asset.render_id) & Asset.approved_render_id.is_not(None)
    waits = (Asset.state == "ready") & Asset.render_id.is_not(None) & ~is_public
    own = (
        select(Submission).join(Asset, Asset.id == Submission.asset_id).where(Asset.partner_id == partner_id)
    )
    waiting = own.where(Submission.archived_at.is_(None), Asset.has_video, waits)
    return list(db.session.scalars(waiting.order_by(Asset.asked_at.desc()).limit(limit)))


def note_look(clip: Clip) -> None:
    """Remember that its owner looks on: whoever sees the end of a render needs no mail about it."""
    now = clock.now()
    is_long_ago = or_(Asset.looked_at.is_(None), Asset.looked_at < now - timedelta(seconds=LOOK_SECONDS))
    looked = update(Asset).where(Asset.id == clip.asset.id, is_long_ago).values(looked_at=now)
    db.session.execute(looked.execution_options(synchronize_session=False))


def get_clip(partner_id: str, submission_id: str) -> Clip:
    """Raises ``NotFound``, also for a post of words alone."""
    clip = clip_of(services.get_submission(partner_id, submission_id))
    if clip is None:
        raise NotFound
    return clip


def approve_clip(partner_id: str, submission_id: str, render_id: str = "") -> None:
    """Let that very render be seen in public; again: nothing more happens. Raises ``NothingToApprove``."""
    submission = services.lock_editable(partner_id, submission_id)
    if not review.approve(submission.asset_id, render_id):
        raise NothingToApprove
    submission.status, submission.reason = "ready", None
    db.session.flush()
    tell_post_changed(submission.id)


def withdraw_clip(partner_id: str, submission_id: str) -> None:
    """Let nobody but its owner see the clip any more, on no page, in no mail; again: nothing more happens."""
    review.withdraw(services.lock_editable(partner_id, submission_id).asset_id)
    tell_post_changed(submission_id)


def choose_cover(partner_id: str, submission_id: str, number: str, render_id: str = "") -> None:
    """Choose the picture that stands for the clip; its approval stays.

    ``number`` is as it was typed. Raises ``NoSuchCover`` or, for another render, ``NothingToApprove``.
    """
    clip = get_clip(partner_id, services.lock_editable(partner_id, submission_id).id)
    cover = {str(each): each for each in clip.covers}.get(number)
    if clip.has_render and cover is None:
        raise NoSuchCover
    if cover is None or not review.choose_cover(clip.asset.id, cover, render_id):
        raise NothingToApprove


def rerender_clip(partner_id: str, submission_id: str, wanted: RenderOptions, was: str = "") -> bool:
    """Put the clip in work once more; an approval is taken back. Raises ``NothingToMake``, ``StillAtWork``.

    Where that very clip is being made, nothing more happens. ``was`` is the state that the page showed:
    where it was given and is another by now, nothing happens either, and False is returned.
    """
    submission = services.lock_editable(partner_id, submission_id)
    if review.is_under_way(submission.asset_id, wanted):
        return True
    state = pipeline.get_asset(submission.asset_id).state
    if was not in ("", state):
        return False
    if not review.rerender(submission.asset_id, wanted):
        raise NothingToMake if state in ("ready", "failed") else StillAtWork
    submission.prepare_again()
    db.session.flush()
    tell_post_changed(submission.id)
    return True


def find_file(clip: Clip, name: str) -> tuple[MediaFile, str]:
    """Return a file of the finished clip and its type; raises ``NotFound``."""
    found = _find(clip.asset, clip.asset.render_id, name, clip.asset.cover)
    if found is None:
        raise NotFound
    return found


def find_public_file(
    submission: Submission, name: str, cover: int | None = None
) -> tuple[MediaFile, str] | None:
    """Return a file of the approved clip, of which anybody may see; None otherwise.

    ``cover`` is the number of another picture than the one that was chosen for the post.
    """
    asset = pipeline.get_asset(submission.asset_id)
    found = _find(asset, asset.approved_render_id, name, cover or asset.approved_cover)
    return found or _find(asset, asset.approved_render_id, name, asset.approved_cover)


def shows_public_file(submission: Submission, name: str) -> bool:
    """Whether a page for anybody may link a file of the approved clip."""
    asset = pipeline.get_asset(submission.asset_id)
    render_id = asset.approved_render_id
    return render_id is not None and pipeline.media().shows(asset.id, render_id, name)


def public_version(submission: Submission, cover: int | None = None) -> str:
    """Differs once other pictures are shown: who drew a preview keeps them by their address."""
    asset = pipeline.get_asset(submission.asset_id)
    return f"{(asset.approved_render_id or '')[:6]}{cover or asset.approved_cover}"


def _find(asset: Asset, render_id: str | None, name: str, cover: int) -> tuple[MediaFile, str] | None:
    """``cover`` and ``poster`` are those of the picture that was chosen."""
    file = f"{name}-{cover}" if name in ("cover", "poster") else name
    return pipeline.media().find(asset.id, render_id, file) if render_id else None
