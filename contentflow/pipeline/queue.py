"""Whose video is next: at most two of a partner at a time, and whoever waited longest since their last."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.jobs import Claim
from contentflow.partners import locks
from contentflow.partners.models import Partner
from contentflow.pipeline.models import ASSETS, Asset

# One partner with many videos leaves some of the threads to the others.
MAX_AT_A_TIME = 2

HAS_VIDEO = Asset.has_video.is_(True)
IS_HERE = HAS_VIDEO & Asset.original_at.is_not(None)
IS_AWAY = HAS_VIDEO & Asset.original_at.is_(None)
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)


def claim_next(which: ColumnElement[bool]) -> Claim | None:
    """Take the asset whose turn it is, ``IS_HERE`` or ``IS_AWAY``; None when there is none to take now."""
    partner_id = _next_partner(which)
    if partner_id is None:
        return None
    # Two workers that look at one partner take turns, so that neither counts what the other is taking.
    partner = locks.lock_partner(partner_id)
    if (partner is not None and not partner.is_active) or _busy().get(partner_id, 0) >= MAX_AT_A_TIME:
        return None
    oldest = select(Asset.id).where(_is_due(which), Asset.partner_id == partner_id).order_by(Asset.created_at)
    asset_id = db.session.scalar(oldest.limit(1))
    claim = ASSETS.claim(asset_id, which) if asset_id else None
    if claim is None:
        return None
    asset = db.session.get_one(Asset, claim.row_id, populate_existing=True)
    if asset.original_at is not None:
        asset.started_at = clock.now()
    asset.step, asset.percent = "", 0
    db.session.flush()
    return claim


def is_any_due(which: ColumnElement[bool]) -> bool:
    return _next_partner(which) is not None


def _is_due(which: ColumnElement[bool]) -> ColumnElement[bool]:
    return ASSETS.is_due() & which


def _next_partner(which: ColumnElement[bool]) -> str | None:
    owners = select(Asset.partner_id).outerjoin(Partner, Partner.id == Asset.partner_id)
    is_open = _is_due(which) & Partner.is_active.is_not(False)
    waiting = list(db.session.scalars(owners.where(is_open).distinct()))
    if not waiting:
        return None
    last = select(Asset.partner_id, func.max(Asset.started_at)).where(
        Asset.partner_id.in_(waiting), Asset.started_at.is_not(None)
    )
    found = db.session.execute(last.group_by(Asset.partner_id))
    busy, served = _busy(), {partner_id: at for partner_id, at in found if at is not None}
    free = [partner_id for partner_id in waiting if busy.get(partner_id, 0) < MAX_AT_A_TIME]
    return min(free, key=lambda one: (busy.get(one, 0), served.get(one, _NEVER), one), default=None)


def _busy() -> dict[str, int]:
    held = select(Asset.partner_id, func.count()).where(
        HAS_VIDEO, Asset.state == "processing", Asset.leased_until > clock.now()
    )
    return {partner_id: count for partner_id, count in db.session.execute(held.group_by(Asset.partner_id))}


def release(claim: Claim, percent: int = 0) -> bool:
    """Undo a claim that its worker does not end; False when it was over."""
    return ASSETS.release(claim, started_at=None, step="", percent=percent)


def wait(claim: Claim, seconds: float) -> bool:
    """Undo a claim as ``release`` does, and let the asset wait."""
    waits = ASSETS.waits(seconds) | {"attempts": Asset.attempts - 1}
    return ASSETS.complete(claim, started_at=None, step="", percent=0, **waits)
