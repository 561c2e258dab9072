"""Assets: made with a post, prepared by the worker, never fetched in a request."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from flask import Flask, current_app
from flask_babel import get_locale
from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import after_commit, db
from contentflow.core.errors import NotFound
from contentflow.core.ids import new_id
from contentflow.core.work import claim, due_ids, ring, settle
from contentflow.partners import locks
from contentflow.pipeline.media import Media
from contentflow.pipeline.models import Asset
from contentflow.pipeline.reasons import SENTENCES, Reason
from contentflow.pipeline.speech import can_listen

PREPARE = "pipeline.prepare"
FETCH = "pipeline.fetch"
RENDER = "pipeline.render"
MOST_ATTEMPTS = 5

Subscriber = Callable[[Asset], object]

# A post of words alone has nothing to render; one with a video goes through the video lane.
WORDS_ALONE = Asset.has_video.is_(False)


def media() -> Media:
    return Media(settings().data_dir)


def most_bytes() -> int:
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
) -> Asset:
    """Add the asset of a partner's post, ``new``, and ring the worker; nothing is fetched here.

    ``upload`` is a file under DATA_DIR that was sent: it is kept, and ``download_url`` not asked.
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
        media().keep_original(upload, asset.id)
        asset.original_at = clock.now()
    db.session.add(asset)
    db.session.flush()
    ring(step_of(asset), asset.id)
    return asset


def language_now() -> str:
    """The language of whoever asks, in which they will be told of the end."""
    locale = get_locale()
    return str(locale.language) if locale is not None else "fr"


def step_of(asset: Asset) -> str:
    """Return the step that is next for an asset that is ``new``."""
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


def claim_words(asset_id: str) -> str | None:
    """Take an asset of words alone; return the lease's name, or None when it is not ours to take."""
    owner_id = db.session.scalar(select(Asset.partner_id).where(Asset.id == asset_id))
    locks.lock_partner(owner_id or "")
    return claim(Asset, asset_id, ["new"], "processing", WORDS_ALONE)


def finish_words(asset_id: str, lease: str) -> None:
    """End the claim: ``ready``, or ``failed`` when too many tries before this one got lost."""
    if get_asset(asset_id).attempts > MOST_ATTEMPTS:
        finish(asset_id, lease, "failed", reason=Reason.INTERRUPTED.value)
    else:
        finish(asset_id, lease, "ready")


def due_words() -> list[str]:
    return due_ids(Asset, ["new"], ["processing"], WORDS_ALONE)


def finish(asset_id: str, lease: str, state: Literal["ready", "failed"], **values: Any) -> bool:
    """End a claim and tell the subscribers; False when the asset has another holder by now."""
    locks.lock_partner(get_asset(asset_id).partner_id)  # Before the asset and its post, as everywhere.
    ended = {"reason": None, "step": "", "percent": 100 if state == "ready" else 0} | values
    if not settle(Asset, asset_id, lease, state=state, **ended):
        return False
    _tell_subscribers(db.session.get_one(Asset, asset_id, populate_existing=True))
    return True


def _tell_subscribers(asset: Asset) -> None:
    for subscriber in current_app.extensions.get("asset_subscribers", []):
        subscriber(asset)


def reason_sentence(reason: str | None) -> str | None:
    """Return what a kept reason says to people, in the language of whoever reads."""
    if reason is None or reason not in set(Reason):
        return reason
    return str(SENTENCES[Reason(reason)])


def may_pass(reason: str | None) -> bool:
    """Whether another try of the same video can help; what is not known may."""
    return reason not in set(Reason) or Reason(reason).may_pass


def erase_assets(asset_ids: list[str]) -> None:
    """Let go of videos and words; files are removed once the open transaction is committed.

    A render that goes on loses its claim. Files that outlive this process go with the next tidying.
    """
    own = select(Asset).where(Asset.id.in_(asset_ids)).order_by(Asset.id).with_for_update()
    files = media()
    for asset in db.session.scalars(own.execution_options(populate_existing=True)):
        if asset.has_video:
            _let_go(asset)
            after_commit(partial(files.drop_all, asset.id))
        kept = ("source", "owner_partner_id")
        asset.details = {name: value if name in kept else "" for name, value in asset.details.items()}
        asset.reason = None
    db.session.flush()


def _let_go(asset: Asset) -> None:
    """End an asset whose video, clip and captions are nobody's any more."""
    asset.state, asset.step, asset.percent, asset.reason = "failed", "", 0, None
    asset.lease = asset.leased_until = asset.next_attempt_at = None
    asset.render_id = asset.approved_render_id = asset.original_at = None
    asset.facts, asset.wishes = {}, {}
    db.session.flush()
    _tell_subscribers(asset)
