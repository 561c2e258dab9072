"""Where a partner's media lie under DATA_DIR, and how they get there whole; ``bucket_store``: in a bucket.

``uploads/`` what is being sent, ``originals/<asset>`` what was brought, ``work/`` a render that goes
on, ``media/<asset>/<render>/`` a finished one. All names are ids of ours: none can be guessed, and
nothing a person typed becomes a path.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, NamedTuple

from contentflow.core.bucket import MediaFile

STALE_SECONDS = 6 * 3_600.0
# What no video takes: clicks, mails and the database are written to the same disk.
FLOOR_BYTES = 1024**3

FILES = {
    "clip": ("clip.mp4", "video/mp4"),
    **{
        f"{kind}-{rank}": (f"{kind}-{rank}.jpg", "image/jpeg")
        for kind in ("cover", "poster")
        for rank in (1, 2, 3)
    },
    "srt": ("captions.srt", "application/x-subrip"),
    "vtt": ("captions.vtt", "text/vtt"),
}


Pieces = Callable[[], Iterator[bytes]]


class Part(NamedTuple):
    """``offset`` bytes of a video that arrives are here; ``touched_at`` is in seconds since 1970."""

    offset: int
    touched_at: float


class MediaStore:
    """The folders of one DATA_DIR."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir = data_dir
        self.uploads = data_dir / "uploads"
        self.originals = data_dir / "originals"
        self.work = data_dir / "work"
        self.media = data_dir / "media"

    def original(self, asset_id: str) -> Path:
        return self.originals / asset_id

    def render(self, asset_id: str, render_id: str) -> Path:
        return self.media / asset_id / render_id

    def find(self, asset_id: str, render_id: str, name: str) -> tuple[MediaFile, str] | None:
        """Return a file of a render and its type; None for a name or a file that is not there."""
        if name not in FILES:
            return None
        file, kind = FILES[name]
        path = self.render(asset_id, render_id) / file
        return (path, kind) if path.is_file() else None

    def shows(self, asset_id: str, render_id: str, name: str) -> bool:
        """Whether a page may link this file; it is not asked for, and nobody waits for it."""
        return self.find(asset_id, render_id, name) is not None

    def has_room(self, size: int = 0) -> bool:
        """Whether ``size`` bytes more leave the floor free."""
        return shutil.disk_usage(self.data_dir).free - size >= FLOOR_BYTES

    def open_upload(self) -> IO[bytes]:
        """A file that is gone once it is closed, unless it was kept."""
        self.uploads.mkdir(parents=True, exist_ok=True)
        return NamedTemporaryFile(dir=self.uploads, prefix="upload-")

    def receive(self, source: Path) -> str | None:
        """Do what takes time with a video that was sent, before the transaction that keeps it.

        Returns what ``keep_original`` is told as ``original_id``.
        """
        return None

    def keep_original(self, source: Path, asset_id: str, original_id: str | None = None) -> str | None:
        """Make ``source`` the original of an asset, whole or not at all; ``source`` may go on to exist.

        Returns the name for the asset's row; None where the asset's id is name enough.
        """
        self.originals.mkdir(parents=True, exist_ok=True)
        draft = self.originals / f".{asset_id}-{os.getpid()}"
        draft.unlink(missing_ok=True)
        os.link(source, draft)
        sync(draft)
        draft.replace(self.original(asset_id))
        sync(self.originals)
        return None

    def bring_original(self, asset_id: str, original_id: str | None, folder: Path) -> Path | None:
        """Return the original as a file of this machine, in ``folder`` if need be; None where it is gone."""
        path = self.original(asset_id)
        return path if path.exists() else None

    def has_original(self, asset_id: str, original_id: str | None) -> bool:
        return self.original(asset_id).exists()

    @contextmanager
    def working(self, asset_id: str, lease: str) -> Iterator[Path]:
        """A folder for one try; what a killed try before left behind is removed first."""
        self.clear_work(asset_id)
        folder = self.work / f"{asset_id}-{lease}"
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def clear_work(self, asset_id: str) -> None:
        for left in self.work.glob(f"{asset_id}-*"):
            shutil.rmtree(left, ignore_errors=True)

    def keep_render(self, made: Path, asset_id: str, render_id: str) -> None:
        """Move a finished render to its place in one step, after all of it is on the disk."""
        for path in made.iterdir():
            sync(path)
        sync(made)
        target = self.render(asset_id, render_id)
        target.parent.mkdir(parents=True, exist_ok=True)
        made.rename(target)
        sync(target.parent)

    def drop_render(self, asset_id: str, render_id: str) -> None:
        shutil.rmtree(self.render(asset_id, render_id), ignore_errors=True)

    def drop_renders(self, asset_id: str, *, but: Collection[str | None] = ()) -> None:
        for folder in _entries(self.media / asset_id):
            if folder.name not in but:
                shutil.rmtree(folder, ignore_errors=True)
        if not any(but):
            shutil.rmtree(self.media / asset_id, ignore_errors=True)

    def drop_original(self, asset_id: str, original_id: str | None = None) -> None:
        self.original(asset_id).unlink(missing_ok=True)

    def drop_all(self, asset_id: str, original_id: str | None = None) -> None:
        self.drop_original(asset_id)
        self.drop_renders(asset_id)
        self.clear_work(asset_id)

    def parts(self, partner_id: str) -> dict[str, Part]:
        """Return what arrives of a partner, by its id."""
        paths = self.uploads.glob(f"part-{partner_id}-*")
        return {path.name.removeprefix(f"part-{partner_id}-"): _part(path) for path in paths}

    def find_part(self, partner_id: str, part_id: str) -> Part | None:
        path = self.whole_part(partner_id, part_id)
        return _part(path) if path.is_file() else None

    def begin_part(self, partner_id: str, part_id: str) -> Part:
        path = self.whole_part(partner_id, part_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        return _part(path)

    def append_part(self, partner_id: str, part_id: str, offset: int, pieces: Pieces) -> int:
        """Write behind the first ``offset`` bytes; return how many are here; nothing where others are."""
        with self.whole_part(partner_id, part_id).open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            here = file.seek(0, os.SEEK_END)
            if here == offset:
                for piece in pieces():
                    here += file.write(piece)
        return here

    def whole_part(self, partner_id: str, part_id: str) -> Path:
        """Return where a part that is whole lies on this machine."""
        return self.uploads / f"part-{partner_id}-{part_id}"

    def drop_part(self, partner_id: str, part_id: str) -> None:
        self.whole_part(partner_id, part_id).unlink(missing_ok=True)

    def asset_ids(self) -> set[str]:
        """The ids that files belong to."""
        found = [path.name for folder in (self.originals, self.media) for path in _entries(folder)]
        working = [path.name.partition("-")[0] for path in _entries(self.work)]
        return {name for name in (*found, *working) if not name.startswith(".")}

    def is_new(self, asset_id: str) -> bool:
        """Whether its files came just now: their row may be on its way."""
        limit = time.time() - STALE_SECONDS
        places = (self.original(asset_id), self.media / asset_id, *self.work.glob(f"{asset_id}-*"))
        return any(path.lstat().st_ctime >= limit for path in places if path.exists())

    def sweep_stale(self) -> None:
        """Remove what processes that were killed left in ``uploads`` and ``work``."""
        limit = time.time() - STALE_SECONDS
        for path in [*_entries(self.uploads), *_entries(self.work), *self.originals.glob(".*")]:
            if path.lstat().st_mtime < limit:
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def _part(path: Path) -> Part:
    seen = path.stat()
    return Part(seen.st_size, seen.st_mtime)


def _entries(folder: Path) -> list[Path]:
    return list(folder.iterdir()) if folder.is_dir() else []


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
