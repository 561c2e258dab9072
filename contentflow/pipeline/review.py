"""What a partner decides about a clip: that it may be seen, or not any more, or that it is made again."""

from __future__ import annotations

from dataclasses import replace

from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.db import after_commit, db
from contentflow.pipeline import services
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderOptions


def has_source(asset: Asset) -> bool:
    """Whether the video is still here, or can be asked for again."""
    is_here = services.media().has_original(asset.id, asset.original_id if asset.original_at else None)
    return is_here or bool(asset.details.get("download_url"))


def approve(asset_id: str, render_id: str = "") -> bool:
    """Approve the finished render, where ``render_id`` is given only that one; False when there is none.

    Where a new render failed, the one before may be approved by its name: the asset is ready with it.
    """
    asset = lock_asset(asset_id)
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
    asset = lock_asset(asset_id)
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
    asset = lock_asset(asset_id)
    is_it = asset.render_id is not None and render_id in ("", asset.render_id)
    if asset.state != "ready" or not is_it or not 1 <= cover <= asset.result.covers:
        return False
    asset.result = replace(asset.result, cover=cover)
    if asset.is_approved:
        asset.approved_cover = cover
    return True


def is_under_way(asset_id: str, wanted: RenderOptions) -> bool:
    """Whether the clip is being made with these options already."""
    asset = lock_asset(asset_id)
    is_busy = asset.has_video and asset.state in ("new", "processing")
    return is_busy and asset.options.changed(wanted, asset.result) == asset.options


def rerender(asset_id: str, wanted: RenderOptions) -> bool:
    """Put a finished or failed asset in work once more; False when it cannot be.

    The approval of a render of the same video is taken back; the clip of a video that was replaced stays
    in public until another one is approved.
    """
    asset = lock_asset(asset_id)
    if not asset.has_video or asset.state not in ("ready", "failed") or not has_source(asset):
        return False
    asset.options = asset.options.changed(wanted, asset.result)
    if asset.is_approved and not asset.is_render_of_before:
        asset.approved_render_id = None  # The old clip stays with its owner until the new one is there.
    requeue(asset)
    return True


def requeue(asset: Asset) -> None:
    """Make an asset ``new``, as if it were just asked for; whoever holds it by a lease has lost it."""
    asset.state, asset.step, asset.percent, asset.reason = "new", "", 0, None
    asset.attempts, asset.next_attempt_at = 0, None
    asset.lease = asset.leased_until = asset.looked_at = None
    asset.asked_at, asset.language = clock.now(), services.language_now()
    db.session.flush()
    enqueue(services.task_of(asset), asset.id)


def lock_asset(asset_id: str) -> Asset:
    return db.session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)
