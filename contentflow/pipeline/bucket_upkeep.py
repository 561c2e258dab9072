"""What the bucket holds and no row names any more is removed, slowly and surely; and is the bucket well?

One programme, one prefix: a mark in the bucket says whose it is, and nobody else removes anything.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import groupby, islice

from sqlalchemy import or_, select

from contentflow.core import clock
from contentflow.core.bucket import Bucket, StoredFile, bucket
from contentflow.core.bucket_errors import BucketFailed
from contentflow.core.db import db, transaction
from contentflow.core.heartbeat import Heartbeat, beat
from contentflow.core.ids import is_id, new_id
from contentflow.mailing.recipients import recipient_hash
from contentflow.pipeline.bucket_store import may_remove
from contentflow.pipeline.media_store import STALE_SECONDS
from contentflow.pipeline.models import Asset
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

MARK, TRIAL = "contentflow-owner", "trial"
TIDIED, EVERY = "bucket-tidied", timedelta(minutes=50)  # A row among the signs of life.
STALE = timedelta(seconds=STALE_SECONDS)
AT_ONCE = 500
DONE = Asset.state.in_(["ready", "failed"])


def tidy(shared: Bucket, originals_from_before: datetime) -> None:
    """Remove old originals, and what belongs to no asset for six hours. Raises ``BucketFailed``."""
    if not may_remove():
        return
    tidied = db.session.get(Heartbeat, TIDIED)
    db.session.rollback()
    # Another host may have done it: one look an hour at all that lies there is enough.
    if tidied is not None and timedelta(0) <= clock.now() - tidied.seen_at < EVERY:
        return
    if not is_ours(shared):
        log.error("the bucket belongs to another programme: nothing is removed")
        return
    _drop_old_originals(shared, originals_from_before)
    for batch in _batches(_stale(shared.list("originals/"))):
        ids = [file.name for file in batch if is_id(file.name)]
        named = set(db.session.scalars(select(Asset.original_id).where(Asset.original_id.in_(ids))))
        db.session.rollback()
        shared.delete([f"originals/{one}" for one in ids if one not in named])
    _drop_nameless_renders(shared)
    # What the doctor tried, and could not take back: the bucket went away in between.
    for batch in _batches(_stale(shared.list(f"{TRIAL}/"))):
        shared.delete([file.key for file in batch if is_id(file.name)])
    # A slow line may need a day: an upload in parts is old once its newest piece is.
    for _, pieces in groupby(shared.list("uploads/"), lambda file: file.key.rpartition("/")[0]):
        all_of_it = list(pieces)
        if min(piece.age for piece in all_of_it) > STALE:
            shared.delete([piece.key for piece in all_of_it])
    try:
        shared.abort_unfinished()
    except BucketFailed as failed:  # Not every service tells of them; its own rules may end them.
        log.warning("uploads in parts were not looked for (%s)", failed.word)
    with transaction():
        beat(TIDIED)


def is_ours(shared: Bucket) -> bool:
    """Whether the mark in the bucket is this programme's; where there is none, it is put there."""
    ours = recipient_hash(f"{MARK}@bucket.invalid").encode()
    found = shared.get_bytes(MARK)
    if found is None:
        shared.put_bytes(MARK, ours)
    return found in (None, ours)


def _drop_old_originals(shared: Bucket, before: datetime) -> None:
    is_over = or_(Asset.original_at.is_(None), Asset.original_at <= before)
    old = select(Asset.id).where(Asset.original_id.is_not(None), is_over, DONE)
    for asset_id in list(db.session.scalars(old.limit(10_000))):
        with transaction():
            asset = db.session.scalar(
                select(Asset).where(Asset.id == asset_id, is_over, DONE).with_for_update()
            )
            if asset is not None and asset.original_id is not None:
                key = f"originals/{asset.original_id}"
                # First: should the bucket be away, the row goes on saying what is left.
                shared.delete([key])
                asset.original_id = asset.original_at = None


def _drop_nameless_renders(shared: Bucket) -> None:
    """A render that goes on has an asset in work, which is left alone."""
    for batch in _batches(_stale(shared.list("media/"))):
        files = [(file.key, *file.key.split("/")[1:3]) for file in batch if file.key.count("/") == 3]
        ours = [each for each in files if is_id(each[1]) and is_id(each[2])]
        ids = {asset_id for _, asset_id, _ in ours}
        rows = db.session.execute(
            select(Asset.id, Asset.state, Asset.render_id, Asset.approved_render_id).where(Asset.id.in_(ids))
        )
        known = {row.id: row for row in rows}
        db.session.rollback()
        keys = []
        for key, asset_id, render_id in ours:
            asset = known.get(asset_id)
            is_over = asset is None or asset.state in ("ready", "failed")
            if is_over and (asset is None or render_id not in (asset.render_id, asset.approved_render_id)):
                keys.append(key)
        shared.delete(keys)


def _stale(files: Iterable[StoredFile]) -> Iterator[StoredFile]:
    return (file for file in files if file.age > STALE)


def _batches(files: Iterator[StoredFile]) -> Iterator[list[StoredFile]]:
    while batch := list(islice(files, AT_ONCE)):
        yield batch


def check_bucket() -> str | None:
    """Doctor: None when an object can be written, listed, read and removed, and the bucket is ours."""
    shared = bucket()
    if shared is None:
        return None
    key, sent = f"{TRIAL}/{new_id()}", new_id().encode()
    try:
        shared.put_bytes(key, sent)
        found = next((file for file in shared.list(key)), None)
        is_well = found is not None and b"".join(found.pieces(0, found.size)) == sent
        shared.delete([key])
        is_owned = is_ours(shared)
    except BucketFailed as failed:
        return _complaint(failed)
    if not is_well:
        return says("Le bucket de MEDIA_URL ne rend pas ce qui y est écrit : choisissez un autre service.")
    if not is_owned:
        return says(
            "Le bucket de MEDIA_URL est celui d’un autre programme, et rien n’y est supprimé : donnez à "
            "chacun son préfixe."
        )
    return None


def _complaint(failed: BucketFailed) -> str:
    if failed.word == "RequestTimeTooSkewed":
        return says("Le bucket de MEDIA_URL refuse l’heure de cette machine : réglez-la (NTP).")
    if failed.is_refusal:
        sentence = says(
            "Le bucket de MEDIA_URL refuse l’accès (%s) : voyez son nom, AWS_DEFAULT_REGION, la clé et ses "
            "droits (lire, écrire, lister, supprimer)."
        )
    else:
        sentence = says(
            "Le bucket de MEDIA_URL ne répond pas (%s) : les vidéos attendent et ne se voient pas. Voyez "
            "AWS_ENDPOINT_URL_S3 et le réseau."
        )
    return sentence % failed.word
