"""What the worker does with an asset."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, func, select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.broker import broker, enqueue_now
from contentflow.core.bucket import bucket
from contentflow.core.db import db, transaction
from contentflow.core.jobs import Claim
from contentflow.core.metrics import count_by_state
from contentflow.core.registry import Remark
from contentflow.pipeline import bucket_upkeep, queue, services
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.media_store import FLOOR_BYTES
from contentflow.pipeline.models import ASSETS, Asset
from contentflow.pipeline.speech import can_listen, is_lost
from contentflow.terminal_language import says

# More threads than this cannot have been quicker one after the other.
MAX_LOOKS = 5


def prepare(asset_id: str) -> None:
    """Make an asset of words alone ready. A second message about the same asset does nothing."""
    with transaction():
        claim = services.claim_words(asset_id)
    if claim is None:
        return
    with transaction():
        services.finish_words(claim)


def fetch(_asset_id: str) -> None:
    """Fetch one video: not of the asset that the message names, but of whoever's turn it is."""
    from contentflow.pipeline import rendering

    if claim := _claim(queue.IS_AWAY):
        rendering.run_job(claim, rendering.fetch_original)


def render(_asset_id: str) -> None:
    """Render one clip, of whoever's turn it is."""
    from contentflow.pipeline import rendering  # OpenCV and NumPy are no part of a web process.

    if claim := _claim(queue.IS_HERE):
        rendering.run_job(claim, rendering.render)


def _claim(which: ColumnElement[bool]) -> Claim | None:
    """Look again where another thread was quicker: someone else may be waiting."""
    for _ in range(MAX_LOOKS):
        with transaction():
            claim = queue.claim_next(which)
            is_over = claim is not None or not queue.is_any_due(which)
        if is_over:
            return claim
    return None


def enqueue_due() -> None:
    missed = services.due_words()
    is_away, is_here = queue.is_any_due(queue.IS_AWAY), queue.is_any_due(queue.IS_HERE)
    db.session.rollback()  # Only read: no snapshot stays open while messages are enqueued.
    for asset_id in missed:
        enqueue_now(services.PREPARE, asset_id)
    # One message is enough: each task takes whoever's turn it is, and the next sweep enqueues again.
    if is_away and not broker().depth("fetch"):
        enqueue_now(services.FETCH, "next")
    if is_here and not broker().depth("video"):
        enqueue_now(services.RENDER, "next")


def fetch_backlog() -> tuple[int, float]:
    return ASSETS.backlog(func.coalesce(Asset.asked_at, Asset.created_at), queue.IS_AWAY)


def render_backlog() -> tuple[int, float]:
    return ASSETS.backlog(func.coalesce(Asset.asked_at, Asset.created_at), queue.IS_HERE)


def assets_by_state() -> dict[str, float]:
    return count_by_state(Asset, queue.HAS_VIDEO)


def check_video() -> str | None:
    return (
        None
        if find_program()
        else says("Aucune vidéo ne peut être préparée : installez le supplément « video ».")
    )


def check_captions() -> str | None:
    model = settings().whisper_model
    if not model:
        sentence = says(
            "Les clips n’ont pas de sous-titres automatiques, et aucune page n’en promet : WHISPER_MODEL est "
            "vide. Les partenaires peuvent envoyer un fichier .srt."
        )
        return Remark(sentence)
    if can_listen(model):
        return None
    if is_lost(model):
        return says("WHISPER_MODEL est un dossier absent : mettez-y le modèle, ou nommez-en un autre.")
    return says("WHISPER_MODEL est donné, mais rien ne sait écouter : installez le supplément « captions ».")


def check_room() -> str | None:
    files, max_bytes = services.media(), services.max_bytes()
    if files.has_room(max_bytes):
        return None
    needed = (FLOOR_BYTES + max_bytes) / 1024**3
    sentence = says(
        "Moins de %.1f Go sont libres pour DATA_DIR, les grandes vidéos sont donc refusées : faites-y de la "
        "place, ou baissez ORIGINALS_KEEP_DAYS ou UPLOAD_MAX_MB."
    )
    return sentence % needed


def tidy_media() -> None:
    """Remove originals that are old, and what belongs to no asset."""
    files, limit = services.media(), clock.now() - timedelta(days=settings().originals_keep_days)
    files.sweep_stale()
    if shared := bucket():
        bucket_upkeep.tidy(shared, limit)
        return
    for asset_id in files.asset_ids():
        with transaction():
            asset = db.session.scalar(select(Asset).where(Asset.id == asset_id).with_for_update())
            if asset is None and not files.is_new(asset_id):
                files.drop_all(asset_id)
            elif asset is not None and asset.state in ("ready", "failed"):
                files.clear_work(asset_id)
                files.drop_renders(asset_id, but=(asset.render_id, asset.approved_render_id))
                if asset.original_at is None or asset.original_at <= limit:
                    files.drop_original(asset_id)
                    asset.original_at = None
