"""Media in a bucket that many machines share; what is being sent, fetched or rendered lies under DATA_DIR.

``originals/<original>`` what was brought, named by its asset's row, ``media/<asset>/<render>/`` a finished
render, ``uploads/<partner>/<part>/<byte>`` the pieces of a video that arrives. An object that no row names is
nobody's: what a process that was killed left there goes with the hourly tidying.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Collection
from pathlib import Path

from contentflow.core import quarantine
from contentflow.core.bucket import Bucket, StoredFile
from contentflow.core.bucket_errors import BucketFailed, NoSuchObject
from contentflow.core.ids import new_id
from contentflow.pipeline.media_store import FILES, MediaStore, Part, Pieces

log = logging.getLogger(__name__)

# A clip took minutes to make: a bucket that is away for less costs no second try.
PATIENCE_SECONDS, PAUSE_SECONDS = 120.0, 3.0
KINDS = dict(FILES.values())


class BucketStore(MediaStore):
    """The folders of one DATA_DIR, and the bucket behind them."""

    def __init__(self, data_dir: Path, bucket: Bucket) -> None:
        super().__init__(data_dir)
        self.bucket = bucket

    def find(self, asset_id: str, render_id: str, name: str) -> tuple[StoredFile, str] | None:
        if name not in FILES:
            return None
        file, kind = FILES[name]
        found = self.bucket.folder(_render(asset_id, render_id)).get(file)
        return (found, kind) if found else None

    def shows(self, asset_id: str, render_id: str, name: str) -> bool:
        try:
            return self.find(asset_id, render_id, name) is not None
        except BucketFailed:
            return name not in ("srt", "vtt")  # Of which there may be none; the others every render has.

    def receive(self, source: Path) -> str | None:
        """Write it under a name of its own: no transaction waits for the network."""
        original_id = new_id()
        self.bucket.put(f"originals/{original_id}", source)
        if source.name.startswith("part-"):
            source.unlink(missing_ok=True)  # Put together from pieces that the bucket has.
        return original_id

    def keep_original(self, source: Path, asset_id: str, original_id: str | None = None) -> str | None:
        return original_id or self.receive(source)

    def bring_original(self, asset_id: str, original_id: str | None, folder: Path) -> Path | None:
        if original_id is None:
            return None
        try:
            self.bucket.download(f"originals/{original_id}", folder / "original")
        except NoSuchObject:
            return None
        return folder / "original"

    def has_original(self, asset_id: str, original_id: str | None) -> bool:
        return original_id is not None

    def keep_render(self, made: Path, asset_id: str, render_id: str) -> None:
        for path in sorted(made.iterdir()):
            key = f"{_render(asset_id, render_id)}/{path.name}"
            until = time.monotonic() + PATIENCE_SECONDS
            while True:
                try:
                    self.bucket.put(key, path, KINDS[path.name])
                    break
                except BucketFailed as failed:
                    if failed.is_refusal or time.monotonic() > until:
                        raise
                time.sleep(PAUSE_SECONDS)

    def drop_render(self, asset_id: str, render_id: str) -> None:
        self._drop_or_leave(lambda: self.bucket.delete_folder(_render(asset_id, render_id)))

    def drop_renders(self, asset_id: str, *, but: Collection[str | None] = ()) -> None:
        self._drop_or_leave(lambda: self._drop_renders(asset_id, but))

    def _drop_renders(self, asset_id: str, but: Collection[str | None]) -> None:
        files = list(self.bucket.list(f"media/{asset_id}/"))
        self.bucket.delete([file.key for file in files if file.key.split("/")[2] not in but])

    def drop_original(self, asset_id: str, original_id: str | None = None) -> None:
        if original_id is not None:
            self._drop_or_leave(lambda: self.bucket.delete([f"originals/{original_id}"]))

    def drop_all(self, asset_id: str, original_id: str | None = None) -> None:
        """Raises ``BucketFailed``: whoever erases has to know that something is left."""
        self.clear_work(asset_id)
        if not may_remove():
            return
        if original_id is not None:
            self.bucket.delete([f"originals/{original_id}"])
        self._drop_renders(asset_id, ())

    def _drop_or_leave(self, drop: Callable[[], object]) -> None:
        try:
            if may_remove():
                drop()
        except BucketFailed as failed:
            log.warning("files that nobody sees any more go with the next tidying (%s)", failed.word)

    def parts(self, partner_id: str) -> dict[str, Part]:
        found: dict[str, Part] = {}
        for file in self.bucket.list(f"uploads/{partner_id}/"):
            part_id, _, first = file.key.removeprefix(f"uploads/{partner_id}/").partition("/")
            if not first.isdecimal():
                continue
            part = found.get(part_id) or Part(0, 0.0)
            # The same bytes may have come twice, behind a break of the line; a gap ends what is here.
            at = max(part.offset, int(first) + file.size) if int(first) <= part.offset else part.offset
            found[part_id] = Part(at, max(part.touched_at, file.modified.timestamp()))
        return found

    def find_part(self, partner_id: str, part_id: str) -> Part | None:
        return self.parts(partner_id).get(part_id)

    def begin_part(self, partner_id: str, part_id: str) -> Part:
        found = self.find_part(partner_id, part_id)
        if found is None:
            self.bucket.put_bytes(_piece(partner_id, part_id, 0), b"")
        return found or Part(0, time.time())

    def append_part(self, partner_id: str, part_id: str, offset: int, pieces: Pieces) -> int:
        """What came before a break of the line is kept, as it is on a disk."""
        part = self.find_part(partner_id, part_id)
        if part is None or part.offset != offset:
            return part.offset if part else 0
        with self.open_upload() as held:
            try:
                for piece in pieces():
                    held.write(piece)
            finally:
                held.flush()
                size = held.tell()
                if size:
                    self.bucket.put(_piece(partner_id, part_id, offset), Path(held.name))
        return offset + size

    def whole_part(self, partner_id: str, part_id: str) -> Path:
        """Put the pieces together, whichever hosts they came to."""
        self.uploads.mkdir(parents=True, exist_ok=True)
        whole, at = self.uploads / f"part-{partner_id}-{part_id}-{os.getpid()}-{new_id()}", 0
        with whole.open("wb") as target:
            for file in self.bucket.list(f"uploads/{partner_id}/{part_id}/"):
                first = int(file.name)
                if first <= at < first + file.size:
                    for piece in file.pieces(at - first, first + file.size - at):
                        target.write(piece)
                    at = first + file.size
        return whole

    def drop_part(self, partner_id: str, part_id: str) -> None:
        self.bucket.delete_folder(f"uploads/{partner_id}/{part_id}")


def may_remove() -> bool:
    """A restored copy in quarantine removes nothing: its original may show what the copy knows nothing of."""
    return not quarantine.held()


def _render(asset_id: str, render_id: str) -> str:
    return f"media/{asset_id}/{render_id}"


def _piece(partner_id: str, part_id: str, offset: int) -> str:
    return f"uploads/{partner_id}/{part_id}/{offset:012d}"
