"""Another video for a post that is there: its words, links and counts stay, and so does its public clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from contentflow.core import clock
from contentflow.pipeline import services
from contentflow.pipeline.models import Asset
from contentflow.pipeline.remaking import locked, put_in_work


def replace_video(asset_id: str, download_url: str, upload: Path | None = None, digest: str = "") -> bool:
    """Make the clip of another video, or the first one of a post of words; what is in work is given up.

    ``upload`` goes before ``download_url``, and ``digest`` is its SHA-256. False, and nothing happens, where
    that very video is in work. The clip that may be seen in public stays until the new one is approved.
    """
    asset, name = locked(asset_id), digest or download_url
    if asset.has_video and asset.state in ("new", "processing") and asset.details.get("video") == name:
        return False
    if upload is not None:
        services.media().keep_original(upload, asset.id)
    asset.original_at = None if upload is None else clock.now()
    asset.has_video = True
    asset.details = {**asset.details, "download_url": download_url, "video": name}
    asset.wishes, asset.facts = {}, _pictures_of(asset)
    put_in_work(asset)
    return True


def _pictures_of(asset: Asset) -> dict[str, Any]:
    """What stays true of the clip that is there: its words and moments are of another video."""
    kept = {name: asset.facts[name] for name in ("covers", "cover") if name in asset.facts}
    has_captions = bool(asset.facts.get("words") or asset.facts.get("has_captions"))
    return kept | {"has_captions": has_captions} if asset.render_id else {}
