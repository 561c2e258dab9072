"""Another video for a post that is there: its words, links and counts stay, and so does its public clip."""

from __future__ import annotations

from pathlib import Path

from contentflow.core import clock
from contentflow.core.db import after_commit
from contentflow.pipeline import services
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.review import lock_asset, requeue


def replace_video(
    asset_id: str,
    download_url: str,
    upload: Path | None = None,
    digest: str = "",
    original_id: str | None = None,
) -> bool:
    """Make the clip of another video, or the first one of a post of words; what is in work is given up.

    ``upload`` goes before ``download_url``; ``digest`` is its SHA-256, ``original_id`` what the store calls
    it. False, and nothing happens, where that very video is in work. The clip that may be seen in public
    stays until the new one is approved.
    """
    asset, name = lock_asset(asset_id), digest or download_url
    if asset.has_video and asset.state in ("new", "processing") and asset.details.get("video") == name:
        return False
    files, before = services.media(), asset.original_id
    asset.original_id = files.keep_original(upload, asset.id, original_id) if upload is not None else None
    if before is not None:
        after_commit(lambda: files.drop_original(asset_id, before))
    asset.original_at = None if upload is None else clock.now()
    asset.has_video = True
    asset.details = {**asset.details, "download_url": download_url, "video": name}
    asset.options = RenderOptions()
    asset.result = asset.result.of_replaced_video() if asset.render_id else RenderResult()
    requeue(asset)
    return True
