"""What a partner decides about a clip: that it may be seen, or not any more, or that it is made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contentflow.core import clock
from contentflow.core.db import after_commit, db
from contentflow.core.work import ring
from contentflow.pipeline import services
from contentflow.pipeline.captions import Word
from contentflow.pipeline.models import Asset


@dataclass(frozen=True, kw_only=True)
class Remake:
    """Other wishes; None leaves one as it was. ``text`` corrects the captions that are there."""

    framing: str | None = None
    start: float | None = None
    text: str | None = None
    subtitles: list[Word] | None = None


def has_source(asset: Asset) -> bool:
    """Whether the video is still here, or can be asked for again."""
    return services.media().original(asset.id).exists() or bool(asset.details.get("download_url"))


def approve(asset_id: str, render_id: str = "") -> bool:
    """Approve the finished render, where ``render_id`` is given only that one; False when there is none.

    Where a new render failed, the one before may be approved by its name: the asset is ready with it.
    """
    asset = locked(asset_id)
    states = ("ready", "failed") if render_id else ("ready",)
    is_it = asset.render_id is not None and render_id in ("", asset.render_id)
    if asset.state not in states or not is_it:
        return False
    _drop_later(asset.id, asset.approved_render_id, but=asset.render_id)
    asset.approved_render_id, asset.approved_cover = asset.render_id, asset.cover
    asset.state, asset.reason, asset.percent = "ready", None, 100
    return True


def withdraw(asset_id: str) -> bool:
    """Take the clip out of the public's sight, from now on; False when none was to be seen."""
    asset = locked(asset_id)
    if asset.approved_render_id is None:
        return False
    _drop_later(asset.id, asset.approved_render_id, but=asset.render_id)
    asset.approved_render_id = None
    db.session.flush()
    return True


def _drop_later(asset_id: str, render_id: str | None, *, but: str | None) -> None:
    """Remove a render that nobody sees any more, once that is committed."""
    if render_id is not None and render_id != but:
        files = services.media()
        after_commit(lambda: files.drop_render(asset_id, render_id))


def choose_cover(asset_id: str, cover: int, render_id: str = "") -> bool:
    """Show that picture before the clip plays and in previews; False for another render or picture.

    The clip itself stays what it was, and so does its approval.
    """
    asset = locked(asset_id)
    is_it = asset.render_id is not None and render_id in ("", asset.render_id)
    if asset.state != "ready" or not is_it or not 1 <= cover <= asset.facts.get("covers", 0):
        return False
    asset.facts = {**asset.facts, "cover": cover}
    if asset.is_approved:
        asset.approved_cover = cover
    return True


def is_under_way(asset_id: str, wanted: Remake) -> bool:
    """Whether the clip is being made with these wishes already."""
    asset = locked(asset_id)
    is_busy = asset.has_video and asset.state in ("new", "processing")
    return is_busy and _wishes(asset, wanted) == asset.wishes


def make_again(asset_id: str, wanted: Remake) -> bool:
    """Put a finished or failed asset in work once more; False when it cannot be.

    The approval of a render of the same video is taken back; the clip of a video that was replaced stays
    in public until another one is approved.
    """
    asset = locked(asset_id)
    if not asset.has_video or asset.state not in ("ready", "failed") or not has_source(asset):
        return False
    asset.wishes = _wishes(asset, wanted)
    if asset.is_approved and not asset.is_render_of_before:
        asset.approved_render_id = None  # The old clip stays with its owner until the new one is there.
    put_in_work(asset)
    return True


def put_in_work(asset: Asset) -> None:
    """Make an asset ``new``, as if it were just asked for; whoever holds it by a lease has lost it."""
    asset.state, asset.step, asset.percent, asset.reason = "new", "", 0, None
    asset.attempts, asset.next_attempt_at = 0, None
    asset.lease = asset.leased_until = asset.looked_at = None
    asset.asked_at, asset.language = clock.now(), services.language_now()
    db.session.flush()
    ring(services.step_of(asset), asset.id)


def locked(asset_id: str) -> Asset:
    return db.session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)


def _wishes(asset: Asset, wanted: Remake) -> dict[str, Any]:
    wishes = dict(asset.wishes)
    if wanted.framing is not None:
        wishes["framing"] = wanted.framing
    if wanted.start is not None:
        wishes["start"] = wanted.start
    elif "start" in asset.facts and "start" not in wishes:
        wishes["start"] = asset.facts["start"]
    if wanted.subtitles is not None:
        wishes["subtitles"] = [[word.start, word.end, word.text] for word in wanted.subtitles]
        wishes["text"] = None
    elif wanted.text is not None and asset.facts.get("words"):
        wishes |= {"text": wanted.text, "heard": asset.facts["words"], "heard_start": asset.facts["start"]}
        wishes["subtitles"] = []
    return wishes
