"""Assets: made with a post, prepared by the worker, never fetched in a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l

from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import new_id
from contentflow.core.work import claim, due_ids, ring, settle
from contentflow.pipeline.models import Asset

PREPARE = "pipeline.prepare"
MOST_ATTEMPTS = 5
INTERRUPTED = _l("La préparation a été interrompue plusieurs fois. Crée le post à nouveau.")

Subscriber = Callable[[Asset], object]

# A post of words alone has nothing to render; one with a video waits, ``new``, for the renderer.
WORDS_ALONE = Asset.has_video.is_(False)


def create_asset_for_byop(
    owner_partner_id: str, title: str, description: str, hashtags: str, cta: str, download_url: str
) -> Asset:
    """Add the asset of a partner's post, ``new``; nothing is fetched here.

    ``download_url`` may be empty: then the worker is rung and the asset is soon ``ready``.
    """
    details: dict[str, Any] = {
        "source": "byop",
        "owner_partner_id": owner_partner_id,
        "title": title,
        "description": description,
        "hashtags": hashtags,
        "cta": cta,
        "download_url": download_url,
    }
    asset = Asset(id=new_id(), state="new", details=details, has_video=bool(download_url))
    db.session.add(asset)
    db.session.flush()
    if not asset.has_video:
        ring(PREPARE, asset.id)
    return asset


def get_asset(asset_id: str) -> Asset:
    asset = db.session.get(Asset, asset_id)
    if asset is None:
        raise NotFound
    return asset


def update_details(asset_id: str, *, title: str, description: str, hashtags: str, cta: str) -> None:
    """Mend the words; everything else that stands in the details stays."""
    asset = db.session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)
    asset.details = {
        **asset.details,
        "title": title,
        "description": description,
        "hashtags": hashtags,
        "cta": cta,
    }


def on_finished(app: Flask, subscriber: Subscriber) -> None:
    """Call ``subscriber(asset)`` when an asset ends, in the transaction that writes its end."""
    app.extensions.setdefault("asset_subscribers", []).append(subscriber)


def claim_words(asset_id: str) -> str | None:
    """Take an asset of words alone; return the lease's name, or None when it is not ours to take."""
    return claim(Asset, asset_id, ["new"], "processing", WORDS_ALONE)


def finish_words(asset_id: str, lease: str) -> None:
    """End the claim: ``ready``, or ``failed`` when too many tries before this one got lost."""
    if get_asset(asset_id).attempts > MOST_ATTEMPTS:
        _finish(asset_id, lease, "failed", str(INTERRUPTED))
    else:
        _finish(asset_id, lease, "ready")


def due_words() -> list[str]:
    return due_ids(Asset, ["new"], ["processing"], WORDS_ALONE)


def _finish(asset_id: str, lease: str, state: Literal["ready", "failed"], reason: str | None = None) -> None:
    if not settle(Asset, asset_id, lease, state=state, reason=reason):
        return
    asset = db.session.get_one(Asset, asset_id, populate_existing=True)
    for subscriber in current_app.extensions.get("asset_subscribers", []):
        subscriber(asset)


def forget_details(asset_id: str) -> None:
    """Erase an asset's words and address; whose it is stays."""
    asset = db.session.get_one(Asset, asset_id, with_for_update=True, populate_existing=True)
    kept = ("source", "owner_partner_id")
    asset.details = {name: value if name in kept else "" for name, value in asset.details.items()}
    asset.reason = None
