"""From one machine to many: what lies under DATA_DIR is copied into the bucket; nothing of it is removed."""

from __future__ import annotations

from pathlib import Path

from flask_babel import lazy_gettext as _l
from sqlalchemy import or_, select

from contentflow.config import settings
from contentflow.core.bucket import bucket
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.pipeline.bucket_store import BucketStore
from contentflow.pipeline.media_store import FILES, MediaStore
from contentflow.pipeline.models import Asset


class NoBucket(Refused):
    message = _l("MEDIA_URL est vide : nommez le bucket, s3://nom/préfixe.")


def copy_all() -> dict[str, int]:
    """Copy what rows name and the bucket lacks; return how many ``originals`` and ``clips``. Again: the rest.

    Raises ``NoBucket`` and ``BucketFailed``; what was copied by then stays.
    """
    shared = bucket()
    if shared is None:
        raise NoBucket
    source, target = MediaStore(settings().data_dir), BucketStore(settings().data_dir, shared)
    has_files = or_(Asset.original_at.is_not(None), Asset.render_id.is_not(None))
    copied, kept = {"originals": 0, "clips": 0}, {file for file, _ in FILES.values()}
    for asset_id in list(db.session.scalars(select(Asset.id).where(Asset.has_video, has_files))):
        asset = db.session.get_one(Asset, asset_id, populate_existing=True)
        needs_original = asset.original_at is not None and asset.original_id is None
        renders = {asset.render_id, asset.approved_render_id} - {None}
        db.session.rollback()  # Only read: no transaction waits for the network.
        if needs_original and source.original(asset_id).exists():
            copied["originals"] += _copy_original(asset_id, source.original(asset_id), target)
        for render_id in renders:
            made = source.render(asset_id, str(render_id))
            names = {path.name for path in made.iterdir()} & kept if made.is_dir() else set()
            if names - set(shared.folder(f"media/{asset_id}/{made.name}")):
                target.keep_render(made, asset_id, made.name)
                copied["clips"] += 1
    return copied


def _copy_original(asset_id: str, path: Path, target: BucketStore) -> bool:
    seen = path.stat()
    original_id = target.receive(path)
    with transaction():
        asset = db.session.get_one(Asset, asset_id, with_for_update=True)
        is_same = path.exists() and path.stat().st_ino == seen.st_ino
        if not is_same or asset.original_at is None or asset.original_id is not None:
            return False  # Replaced or removed meanwhile; nobody names what was copied, so it goes.
        asset.original_id = original_id
    return True
