"""A claimed asset: fetched in one lane, made into a clip in another; both tell how far it is."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import Settings, settings
from contentflow.core import download
from contentflow.core.db import db, transaction
from contentflow.core.ids import new_id
from contentflow.core.lease import held
from contentflow.core.work import GiveBack, ring
from contentflow.pipeline import queue, services
from contentflow.pipeline.clip import Facts, House, Wishes, make_clip
from contentflow.pipeline.fetch import fetch
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.media import sync
from contentflow.pipeline.models import Asset
from contentflow.pipeline.probe import Limits
from contentflow.pipeline.queue import Claim
from contentflow.pipeline.reasons import Reason, Unfit

log = logging.getLogger(__name__)

# Where each step stands in the whole, in percent: first and last.
SHARES = {"fetch": (0, 15), "look": (15, 25), "listen": (25, 40), "render": (40, 96), "finish": (96, 99)}
TELL_SECONDS = 1.0


class ClaimLost(Exception):
    """The asset is no longer ours: whatever was made here is thrown away."""


def work_off(claim: Claim, work: Callable[[Claim], object]) -> None:
    """Carry one claim to its end: handed on, ready, failed with a reason, or another try later."""
    if claim.attempts > services.MOST_ATTEMPTS:
        _fail(claim, Reason.INTERRUPTED)
        return
    try:
        with held(Asset, claim.asset_id, claim.lease, 5 * settings().render_max_seconds, _give_back(claim)):
            work(claim)
    except ClaimLost:
        log.warning("asset %s was given back, or taken by another worker", claim.asset_id)
    except Unfit as unfit:
        log.info("asset %s: %s", claim.asset_id, unfit.reason)
        if unfit.is_passing and claim.attempts < services.MOST_ATTEMPTS:
            with transaction():
                queue.try_later(claim.asset_id, claim.lease, claim.attempts)
        else:
            _fail(claim, unfit.reason)
    except Exception:
        log.exception("asset %s met what nobody foresaw", claim.asset_id)
        if claim.attempts < services.MOST_ATTEMPTS:
            with transaction():
                queue.try_later(claim.asset_id, claim.lease, claim.attempts)
        else:
            _fail(claim, Reason.RENDER)


def _give_back(claim: Claim) -> GiveBack:
    def give_back() -> None:
        with transaction():
            queue.give_back(claim.asset_id, claim.lease)

    return give_back


def bring(claim: Claim) -> None:
    """Fetch the video of a post and hand the asset on."""
    files = services.media()
    _demand(services.most_bytes())
    details, _ = _order(claim)
    with files.working(claim.asset_id, claim.lease) as folder:
        # What lies there without a date is of a killed worker, or the video that this one replaces.
        _fetch(claim, str(details["download_url"]), folder, teller(claim))
    with transaction():
        if queue.give_back(claim.asset_id, claim.lease, SHARES["fetch"][1]):
            ring(services.RENDER, claim.asset_id)


def make(claim: Claim) -> None:
    """Make the clip of a video that is here, and keep it."""
    files, tell = services.media(), teller(claim)
    source = files.original(claim.asset_id)
    _demand(0)
    details, wishes = _order(claim)
    with files.working(claim.asset_id, claim.lease) as folder:
        if not source.exists():  # Somebody removed it.
            _fetch(claim, str(details["download_url"]), folder, tell)
        made, facts = make_clip(source, wishes, _house(settings()), folder, tell)
        render_id = new_id()
        files.keep_render(made, claim.asset_id, render_id)
    _keep(claim, render_id, facts)


def _demand(size: int) -> None:
    """Raises ``Unfit`` where there is no ffmpeg, or no room for ``size`` bytes."""
    if find_program() is None:
        raise Unfit(Reason.UNAVAILABLE)
    if not services.media().has_room(size):
        raise Unfit(Reason.NO_ROOM, is_passing=True)


def _order(claim: Claim) -> tuple[dict[str, Any], Wishes]:
    asset = services.get_asset(claim.asset_id)
    details, wishes = dict(asset.details), Wishes(**asset.wishes)
    db.session.rollback()  # Only read: nothing stays open while the clip is made.
    return details, wishes


def _fetch(claim: Claim, url: str, folder: Path, tell: Callable[[str, float], object]) -> None:
    if not url:
        raise Unfit(Reason.SOURCE_GONE)
    tell("fetch", 0.0)
    limits = download.Limits(most_bytes=services.most_bytes())
    brought = fetch(url, folder / "brought", folder, limits, lambda share: tell("fetch", share))
    sync(brought)  # Here, or the transaction would wait for the disk.
    with transaction():
        if not queue.write_original(claim.asset_id, claim.lease):
            raise ClaimLost
        services.media().keep_original(brought, claim.asset_id)


def _house(chosen: Settings) -> House:
    return House(
        limits=Limits(
            most_seconds=chosen.video_max_seconds,
            most_side=chosen.video_max_side,
            most_fps=chosen.video_max_fps,
        ),
        clip_seconds=chosen.clip_max_seconds,
        disclosure=chosen.ad_disclosure,
        whisper_model=chosen.whisper_model,
        models=chosen.data_dir / "models",
        most_seconds=chosen.render_max_seconds,
    )


def _keep(claim: Claim, render_id: str, facts: Facts) -> None:
    """Write the render's name in the transaction that ends the claim: one output, whoever else tried."""
    files = services.media()
    with transaction():
        asset = services.get_asset(claim.asset_id)
        before, public = asset.facts, asset.approved_render_id
        kept = services.finish(
            claim.asset_id,
            claim.lease,
            "ready",
            render_id=render_id,
            facts=facts.as_json() | {"cover": _chosen_cover(before, facts)},
        )
    if not kept:
        files.drop_render(claim.asset_id, render_id)
        raise ClaimLost
    files.drop_renders(claim.asset_id, but=(render_id, public))


def _chosen_cover(before: dict[str, Any], facts: Facts) -> int:
    """The choice stays where the pictures are the same: that part of the video, framed like before."""
    known = (before.get("start"), before.get("framing"), before.get("covers"))
    is_same = known == (facts.start, facts.framing, facts.covers)
    return int(before.get("cover", 1)) if is_same else 1


def _fail(claim: Claim, reason: Reason) -> None:
    with transaction():
        failed = services.finish(claim.asset_id, claim.lease, "failed", reason=reason.value)
        asset = services.get_asset(claim.asset_id)
        known = asset.render_id, asset.approved_render_id
    if failed:  # A worker that was killed may have left a folder, or a render that no row names.
        files = services.media()
        files.clear_work(claim.asset_id)
        files.drop_renders(claim.asset_id, but=known)


def teller(claim: Claim) -> Callable[[str, float], None]:
    """Return ``tell(step, share)``, which writes what the status shows, once a second at most."""
    told: tuple[str, int] = ("", -1)
    told_at = 0.0

    def tell(step: str, share: float) -> None:
        nonlocal told, told_at
        first, last = SHARES[step]
        now = (step, first + int((last - first) * share))
        is_due = now[0] != told[0] or time.monotonic() >= told_at + TELL_SECONDS
        if now == told or not is_due:
            return
        told, told_at = now, time.monotonic()
        try:
            with transaction():
                is_ours = queue.write_progress(claim.asset_id, claim.lease, *now)
        except SQLAlchemyError:
            log.warning("the progress of asset %s was not written", claim.asset_id)
            return
        if not is_ours:
            raise ClaimLost

    return tell
