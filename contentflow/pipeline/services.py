"""Assets: made with a post, prepared by the worker, never fetched in a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from flask_babel import get_locale
from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.bucket import bucket
from contentflow.core.db import after_commit, db
from contentflow.core.errors import NotFound
from contentflow.core.ids import new_id
from contentflow.core.jobs import Claim
from contentflow.partners import locks
from contentflow.pipeline.bucket_store import BucketStore
from contentflow.pipeline.media_store import MediaStore
from contentflow.pipeline.models import ASSETS, Asset
from contentflow.pipeline.reasons import SENTENCES, Failure
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.speech import can_listen

PREPARE = "pipeline.prepare"
FETCH = "pipeline.fetch"
RENDER = "pipeline.render"

Subscriber = Callable[[Asset], object]

# A post of words alone has nothing to render; one with a video goes through the video queue.
WORDS_ALONE = Asset.has_video.is_(False)


def media() -> MediaStore:
    """Return where media lie: under DATA_DIR, or in the bucket that MEDIA_URL names."""
    shared = bucket()
    return BucketStore(settings().data_dir, shared) if shared else MediaStore(settings().data_dir)


def max_bytes() -> int:
    """The size of the largest video that may be brought."""
    return settings().upload_max_mb * 1024 * 1024


def writes_captions() -> bool:
    """Whether this server writes down what is said: a model is set, and what runs it is there."""
    return can_listen(settings().whisper_model)


def create_asset_for_byop(
    owner_partner_id: str,
    title: str,
    description: str,
    hashtags: str,
    cta: str,
    download_url: str,
    upload: Path | None = None,
    original_id: str | None = None,
) -> Asset:
    """Add the asset of a partner's post, ``new``, and enqueue its task; nothing is fetched here.

    ``upload`` is a file under DATA_DIR that was sent: it is kept, and ``download_url`` not asked;
    ``original_id`` is what the media store said when it received it.
    Without either the asset is of words alone, and soon ``ready``.
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
    has_video = bool(download_url) or upload is not None
    asset = Asset(
        id=new_id(),
        state="new",
        details=details,
        has_video=has_video,
        partner_id=owner_partner_id,
        language=language_now(),
    )
    if upload is not None:
        asset.original_id = media().keep_original(upload, asset.id, original_id)
        asset.original_at = clock.now()
    db.session.add(asset)
    db.session.flush()
    enqueue(task_of(asset), asset.id)
    return asset


def language_now() -> str:
    """The language of whoever asks, in which they will be told of the end."""
    locale = get_locale()
    return str(locale.language) if locale is not None else "fr"


def task_of(asset: Asset) -> str:
    """Return the task that is next for an asset that is ``new``."""
    if not asset.has_video:
        return PREPARE
    return FETCH if asset.original_at is None else RENDER


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


def claim_words(asset_id: str) -> Claim | None:
    """Take an asset of words alone; None when it is not ours to take."""
    owner_id = db.session.scalar(select(Asset.partner_id).where(Asset.id == asset_id))
    locks.lock_partner(owner_id or "")
    return ASSETS.claim(asset_id, WORDS_ALONE)


def finish_words(claim: Claim) -> None:
    """End the claim: ``ready``, or ``failed`` when too many tries before this one got lost."""
    if claim.attempts > ASSETS.max_attempts:
        fail(claim, Failure.INTERRUPTED)
    else:
        finish(claim)


def due_words() -> list[str]:
    return ASSETS.due_ids(WORDS_ALONE)


def finish(claim: Claim, **values: Any) -> bool:
    """Make the asset ``ready`` and tell the subscribers; False when it has another holder by now."""
    _lock_owner(claim)
    made = {"reason": None, "step": "", "percent": 100} | values
    return ASSETS.complete(claim, state="ready", **made) and _tell_of(claim)


def fail(claim: Claim, reason: Failure) -> bool:
    """Give the asset up and tell the subscribers; False when it has another holder by now."""
    _lock_owner(claim)
    return ASSETS.give_up(claim, reason.value, step="", percent=0) and _tell_of(claim)


def _lock_owner(claim: Claim) -> None:
    locks.lock_partner(get_asset(claim.row_id).partner_id)  # Before the asset and its post, as everywhere.


def _tell_of(claim: Claim) -> bool:
    _tell_subscribers(db.session.get_one(Asset, claim.row_id, populate_existing=True))
    return True


def _tell_subscribers(asset: Asset) -> None:
    for subscriber in current_app.extensions.get("asset_subscribers", []):
        subscriber(asset)


def reason_sentence(reason: str | None) -> str | None:
    """Return what a kept reason says to people, in the language of whoever reads."""
    if reason is None or reason not in set(Failure):
        return reason
    return str(SENTENCES[Failure(reason)])


def may_pass(reason: str | None) -> bool:
    """Whether another try of the same video can help; what is not known may."""
    return reason not in set(Failure) or Failure(reason).may_pass


def erase_assets(asset_ids: list[str]) -> None:
    """Let go of videos and words; files are removed once the open transaction is committed.

    A render that goes on loses its claim. Files that outlive this process go with the next tidying: the row
    goes on naming the original until it is removed. Raises ``BucketFailed`` then.
    """
    own = select(Asset).where(Asset.id.in_(asset_ids)).order_by(Asset.id).with_for_update()
    files = media()
    for asset in db.session.scalars(own.execution_options(populate_existing=True)):
        if asset.has_video:
            # End an asset whose video, clip and captions are nobody's any more.
            asset.state, asset.step, asset.percent, asset.reason = "failed", "", 0, None
            asset.lease = asset.leased_until = asset.next_attempt_at = None
            asset.render_id = asset.approved_render_id = asset.original_at = None
            asset.result, asset.options = RenderResult(), RenderOptions()
            db.session.flush()
            _tell_subscribers(asset)
            after_commit(partial(files.drop_all, asset.id, asset.original_id))
        kept = ("source", "owner_partner_id")
        asset.details = {name: value if name in kept else "" for name, value in asset.details.items()}
        asset.reason = None
    db.session.flush()
