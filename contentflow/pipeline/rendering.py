"""A claimed asset: fetched in one queue, made into a clip in another; both tell how far it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import Settings, settings
from contentflow.core import clock, download
from contentflow.core.broker import enqueue
from contentflow.core.bucket_errors import BucketFailed
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.core.jobs import Claim
from contentflow.pipeline import queue, services
from contentflow.pipeline.clip import RenderSettings, make_clip
from contentflow.pipeline.fetch import fetch
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.media_store import sync
from contentflow.pipeline.models import ASSETS
from contentflow.pipeline.probe import MediaLimits
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions

log = logging.getLogger(__name__)

# Where each step stands in the whole, in percent: first and last.
SHARES = {"fetch": (0, 15), "look": (15, 25), "listen": (25, 40), "render": (40, 96), "finish": (96, 99)}
TELL_SECONDS = 1.0
# A bucket that is away, or refuses us, is no fault of a video: it waits for it, and no try is counted.
BUCKET_SECONDS = 20.0


class ClaimLost(Exception):
    """The asset is no longer ours: whatever was made here is thrown away."""


def run_job(claim: Claim, step: Callable[[Claim], object]) -> None:
    """Carry one claim to its end: handed on, ready, failed with a reason, or another try later."""
    if claim.attempts > ASSETS.max_attempts:
        _fail(claim, Failure.INTERRUPTED)
        return

    def release() -> None:
        with transaction():
            queue.release(claim)

    try:
        with ASSETS.keep_lease(claim, 5 * settings().render_max_seconds, release):
            step(claim)
    except ClaimLost:
        log.warning("asset %s was released, or taken by another worker", claim.row_id)
    except BucketFailed as failed:
        log.warning("asset %s waits: the bucket failed (%s)", claim.row_id, failed.word)
        with transaction():
            queue.wait(claim, BUCKET_SECONDS)
    except UnprocessableMedia as unprocessable:
        log.info("asset %s: %s", claim.row_id, unprocessable.reason)
        if unprocessable.is_passing and ASSETS.may_retry(claim):
            with transaction():
                ASSETS.retry_later(claim)
        else:
            _fail(claim, unprocessable.reason)
    except Exception:
        log.exception("asset %s met what nobody foresaw", claim.row_id)
        if ASSETS.may_retry(claim):
            with transaction():
                ASSETS.retry_later(claim)
        else:
            _fail(claim, Failure.RENDER)


def fetch_original(claim: Claim) -> None:
    """Fetch the video of a post and hand the asset on."""
    files = services.media()
    _require(services.max_bytes())
    details, _, _ = _order(claim)
    with files.working(claim.row_id, claim.lease) as folder:
        # What lies there without a date is of a killed worker, or the video that this one replaces.
        _fetch(claim, str(details["download_url"]), folder, progress_writer(claim))
    with transaction():
        if queue.release(claim, SHARES["fetch"][1]):
            enqueue(services.RENDER, claim.row_id)


def render(claim: Claim) -> None:
    """Make the clip of a video that is here, and keep it."""
    files, on_step = services.media(), progress_writer(claim)
    _require(0)
    details, options, original_id = _order(claim)
    with files.working(claim.row_id, claim.lease) as folder:
        source = files.bring_original(claim.row_id, original_id, folder)
        if source is None:  # Somebody removed it.
            source = _fetch(claim, str(details["download_url"]), folder, on_step)
        made, result = make_clip(source, options, _render_settings(settings()), folder, on_step)
        render_id = new_id()
        files.keep_render(made, claim.row_id, render_id)
    # Write the render's name in the transaction that ends the claim: one output, whoever else tried.
    files = services.media()
    with transaction():
        asset = services.get_asset(claim.row_id)
        before, public = asset.result, asset.approved_render_id
        # The choice stays where the pictures are the same: that part of the video, framed like before.
        is_same = (before.start, before.framing, before.covers) == (
            result.start,
            result.framing,
            result.covers,
        )
        kept = services.finish(
            claim, render_id=render_id, result=replace(result, cover=before.cover if is_same else 1)
        )
    if not kept:
        files.drop_render(claim.row_id, render_id)
        raise ClaimLost
    files.drop_renders(claim.row_id, but=(render_id, public))


def _require(size: int) -> None:
    """Raises ``UnprocessableMedia`` where there is no ffmpeg, or no room for ``size`` bytes."""
    if find_program() is None:
        raise UnprocessableMedia(Failure.UNAVAILABLE)
    if not services.media().has_room(size):
        raise UnprocessableMedia(Failure.NO_ROOM, is_passing=True)


def _order(claim: Claim) -> tuple[dict[str, Any], RenderOptions, str | None]:
    asset = services.get_asset(claim.row_id)
    order = dict(asset.details), asset.options, asset.original_id
    db.session.rollback()  # Only read: nothing stays open while the clip is made.
    return order


def _fetch(claim: Claim, url: str, folder: Path, on_step: Callable[[str, float], object]) -> Path:
    """Keep what the address gives as the original; return where it lies on this machine."""
    if not url:
        raise UnprocessableMedia(Failure.SOURCE_GONE)
    on_step("fetch", 0.0)
    limits = download.DownloadLimits(max_bytes=services.max_bytes())
    fetched = fetch(url, folder / "fetched", folder, limits, lambda share: on_step("fetch", share))
    sync(fetched)  # Here, or the transaction would wait for the disk.
    files = services.media()
    original_id = files.receive(fetched)
    with transaction():
        if not ASSETS.write(claim, original_at=clock.now(), original_id=original_id):
            raise ClaimLost
        files.keep_original(fetched, claim.row_id, original_id)
    return fetched


def _render_settings(chosen: Settings) -> RenderSettings:
    return RenderSettings(
        limits=MediaLimits(
            max_seconds=chosen.video_max_seconds,
            max_side=chosen.video_max_side,
            max_fps=chosen.video_max_fps,
        ),
        clip_seconds=chosen.clip_max_seconds,
        disclosure=chosen.ad_disclosure,
        whisper_model=chosen.whisper_model,
        models=chosen.data_dir / "models",
        max_seconds=chosen.render_max_seconds,
    )


def _fail(claim: Claim, reason: Failure) -> None:
    with transaction():
        failed = services.fail(claim, reason)
        asset = services.get_asset(claim.row_id)
        known = asset.render_id, asset.approved_render_id
    if failed:  # A worker that was killed may have left a folder, or a render that no row names.
        files = services.media()
        files.clear_work(claim.row_id)
        files.drop_renders(claim.row_id, but=known)


def progress_writer(claim: Claim) -> Callable[[str, float], None]:
    """Return ``on_step(step, share)``, which writes what the status shows, once a second at most."""
    told: tuple[str, int] = ("", -1)
    told_at = 0.0

    def on_step(step: str, share: float) -> None:
        nonlocal told, told_at
        first, last = SHARES[step]
        now = (step, first + int((last - first) * share))
        is_due = now[0] != told[0] or time.monotonic() >= told_at + TELL_SECONDS
        if now == told or not is_due:
            return
        told, told_at = now, time.monotonic()
        try:
            with transaction():
                is_ours = ASSETS.write(claim, step=now[0], percent=now[1])
        except SQLAlchemyError:
            log.warning("the progress of asset %s was not written", claim.row_id)
            return
        if not is_ours:
            raise ClaimLost

    return on_step
