"""What the worker does with an asset."""

from __future__ import annotations

from contentflow.core.db import db, transaction
from contentflow.core.work import ring_now
from contentflow.pipeline import services


def prepare(asset_id: str) -> None:
    """Make an asset of words alone ready. A second bell for the same asset does nothing."""
    with transaction():
        lease = services.claim_words(asset_id)
    if lease is None:
        return
    with transaction():
        services.finish_words(asset_id, lease)


def ring_missed() -> None:
    missed = services.due_words()
    db.session.rollback()  # Only read: no snapshot stays open while the bells are rung.
    for asset_id in missed:
        ring_now(services.PREPARE, asset_id)
