"""What a partner decides about a clip: that it may be seen, or that it is made again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from contentflow.core.db import db
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
    asset = _locked(asset_id)
    states = ("ready", "failed") if render_id else ("ready",)
    is_it = asset.render_id is not None and render_id in ("", asset.render_id)
    if asset.state not in states or not is_it:
        return False
    asset.approved_render_id = asset.render_id
    asset.state, asset.reason, asset.percent = "ready", None, 100
    return True


def choose_cover(asset_id: str, cover: int, render_id: str = "") -> bool:
    """Show that picture before the clip plays and in previews; False for another render or picture.

    The clip itself stays what it was, and so does its approval.
    """
    asset = _locked(asset_id)
    is_it = asset.render_id is not None and render_id in ("", asset.render_id)
    if asset.state != "ready" or not is_it or not 1 <= cover <= asset.facts.get("covers", 0):
        return False
    asset.facts = {**asset.facts, "cover": cover}
    return True


def is_under_way(asset_id: str, wanted: Remake) -> bool:
    """Whether the clip is being made with these wishes already."""
    asset = _locked(asset_id)
    is_busy = asset.has_video and asset.state in ("new", "processing")
    return is_busy and _wishes(asset, wanted) == asset.wishes


def make_again(asset_id: str, wanted: Remake) -> bool:
    """Put a finished or failed asset in work once more, its approval taken back; False when it cannot be."""
    asset = _locked(asset_id)
    if not asset.has_video or asset.state not in ("ready", "failed") or not has_source(asset):
        return False
    asset.wishes = _wishes(asset, wanted)
    asset.state, asset.step, asset.percent, asset.reason = "new", "", 0, None
    asset.attempts, asset.next_attempt_at = 0, None
    asset.approved_render_id = None  # The old clip stays with its owner until the new one is there.
    db.session.flush()
    ring(services.step_of(asset), asset_id)
    return True


def _locked(asset_id: str) -> Asset:
    return db.session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)


def _wishes(asset: Asset, wanted: Remake) -> dict[str, Any]:
    wishes = dict(asset.wishes)
    if wanted.framing is not None:
        wishes["framing"] = wanted.framing
    if wanted.start is not None:
        wishes["start"] = wanted.start
    elif asset.facts and "start" not in wishes:
        wishes["start"] = asset.facts["start"]
    if wanted.subtitles is not None:
        wishes["subtitles"] = [[word.start, word.end, word.text] for word in wanted.subtitles]
        wishes["text"] = None
    elif wanted.text is not None and asset.facts.get("words"):
        wishes |= {"text": wanted.text, "heard": asset.facts["words"], "heard_start": asset.facts["start"]}
        wishes["subtitles"] = []
    return wishes
