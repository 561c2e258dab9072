"""Whose video is next: at most two of a partner at a time, and whoever waited longest since their last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.work import claim, due
from contentflow.partners import locks
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset

MOST_AT_A_TIME = 2
RETRY_SECONDS = (10, 60, 300, 900)

HAS_VIDEO = Asset.has_video.is_(True)
IS_HERE = HAS_VIDEO & Asset.original_at.is_not(None)
IS_AWAY = HAS_VIDEO & Asset.original_at.is_(None)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Claim:
    asset_id: str
    lease: str
    attempts: int


def claim_next(which: ColumnElement[bool]) -> Claim | None:
    """Take the asset whose turn it is, ``IS_HERE`` or ``IS_AWAY``; None when there is none to take now."""
    partner_id = _next_partner(which)
    if partner_id is None:
        return None
    # Two workers that look at one partner take turns, so that neither counts what the other is taking.
    partner = locks.lock_partner(partner_id)
    if (partner is not None and not partner.is_active) or _busy().get(partner_id, 0) >= MOST_AT_A_TIME:
        return None
    oldest = select(Asset.id).where(_is_due(which), Asset.partner_id == partner_id).order_by(Asset.created_at)
    asset_id = db.session.scalar(oldest.limit(1))
    lease = claim(Asset, asset_id, ["new"], "processing", which) if asset_id else None
    if asset_id is None or lease is None:
        return None
    asset = db.session.get_one(Asset, asset_id, populate_existing=True)
    if asset.original_at is not None:
        asset.started_at = clock.now()
    asset.step, asset.percent = "", 0
    db.session.flush()
    return Claim(asset_id, lease, asset.attempts)


def is_any_due(which: ColumnElement[bool]) -> bool:
    return _next_partner(which) is not None


def _is_due(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return due(Asset, ["new"], ["processing"]) & which


def _next_partner(which: ColumnElement[bool]) -> str | None:
    owners = select(Asset.partner_id).outerjoin(Partner, Partner.id == Asset.partner_id)
    is_open = _is_due(which) & Partner.is_active.is_not(False)
    waiting = list(db.session.scalars(owners.where(is_open).distinct()))
    if not waiting:
        return None
    busy, served = _busy(), _served(waiting)
    free = [partner_id for partner_id in waiting if busy.get(partner_id, 0) < MOST_AT_A_TIME]
    return min(free, key=lambda one: (busy.get(one, 0), served.get(one, _NEVER), one), default=None)


def _busy() -> dict[str, int]:
    held = select(Asset.partner_id, func.count()).where(
        HAS_VIDEO, Asset.state == "processing", Asset.leased_until > clock.now()
    )
    return {partner_id: count for partner_id, count in db.session.execute(held.group_by(Asset.partner_id))}


def _served(waiting: list[str]) -> dict[str, datetime]:
    last = select(Asset.partner_id, func.max(Asset.started_at)).where(
        Asset.partner_id.in_(waiting), Asset.started_at.is_not(None)
    )
    found = db.session.execute(last.group_by(Asset.partner_id))
    return {partner_id: at for partner_id, at in found if at is not None}


def write_progress(asset_id: str, lease: str, step: str, percent: int) -> bool:
    """Return False when the claim is over: another worker has the asset, or nobody."""
    return _write(asset_id, lease, step=step, percent=percent)


def write_original(asset_id: str, lease: str) -> bool:
    """Note that the original is here since now; False when the claim is over."""
    return _write(asset_id, lease, original_at=clock.now())


def try_later(asset_id: str, lease: str, attempts: int) -> None:
    """Give the asset back for another try, later each time."""
    pause = RETRY_SECONDS[min(attempts, len(RETRY_SECONDS)) - 1]
    _write(
        asset_id,
        lease,
        state="new",
        lease=None,
        leased_until=None,
        next_attempt_at=clock.now() + timedelta(seconds=pause),
    )


def give_back(asset_id: str, lease: str, percent: int = 0) -> bool:
    """Undo a claim that its worker does not end: the asset is due at once, and no try is counted."""
    return _write(
        asset_id,
        lease,
        state="new",
        lease=None,
        leased_until=None,
        next_attempt_at=None,
        attempts=Asset.attempts - 1,
        started_at=None,
        step="",
        percent=percent,
    )


def _write(asset_id: str, held: str, **values: Any) -> bool:
    written = db.session.execute(
        update(Asset)
        .where(Asset.id == asset_id, Asset.lease == held)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    return bool(written.rowcount)  # type: ignore[attr-defined]
