"""The files of a backup: by hard link where both lie on one disk, else copied.

What is linked never changes, it is only removed: the backup keeps it then. What grows (journals) is copied.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from contentflow.backup import manifest
from contentflow.backup.manifest import FILES, File
from contentflow.core import durable
from contentflow.core.registry import Folder


def take(
    folders: Iterable[Folder],
    data_dir: Path,
    backup: Path,
    known: dict[str, File],
    before: Path | None,
    *,
    but: Collection[str] = (),
) -> dict[str, File]:
    """Bring the files of ``folders`` into ``backup``; return them under their names in it.

    ``known`` are those of the backup ``before``: what is the same by size and time is not read again, and
    is linked to it where it cannot be linked to the original. What goes meanwhile, and ``but``, is left out.
    """
    taken = {}
    for folder in folders:
        for source in _files(data_dir / folder.name):
            name = f"{FILES}/{source.relative_to(data_dir).as_posix()}"
            if name in but:
                continue
            with suppress(FileNotFoundError):
                file = _take(source, backup / name, folder.grows, known.get(name), before and before / name)
                taken[name] = file
    return taken


def _files(root: Path) -> Iterator[Path]:
    """Yield what is finished: a name that begins with a dot is a draft."""
    for folder, _folders, names in os.walk(root):
        for name in sorted(names):
            path = Path(folder, name)
            if not name.startswith(".") and path.is_file() and not path.is_symlink():
                yield path


def _take(source: Path, target: Path, grows: bool, known: File | None, before: Path | None) -> File:
    seen = source.stat()
    target.parent.mkdir(parents=True, exist_ok=True)
    if grows:
        return _copy(source, target, seen.st_mtime_ns)
    is_same = known is not None and (known.size, known.mtime_ns) == (seen.st_size, seen.st_mtime_ns)
    is_there = is_same and before is not None and before.is_file()
    if _linked(source, target) or (is_there and before is not None and _linked(before, target)):
        sha256 = known.sha256 if is_same and known is not None else manifest.sum_of(target) or ""
        return File(sha256, target.stat().st_size, seen.st_mtime_ns)
    return _copy(source, target, seen.st_mtime_ns)


def _linked(source: Path, target: Path) -> bool:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # Another disk, or a file system without links.
        return False
    return True


def _copy(source: Path, target: Path, mtime_ns: int) -> File:
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as original, durable.writing(target) as copy:
        while part := original.read(1 << 20):
            digest.update(part)
            size += len(part)
            copy.write(part)
    return File(digest.hexdigest(), size, mtime_ns)


def bring_back(backup: Path, names: Iterable[str], target: Path, growing: Collection[str]) -> None:
    """Put files where they were, below ``target``: linked where they can be, but for ``growing`` folders."""
    for name in names:
        source, place = backup / name, target / Path(name).relative_to(FILES)
        place.parent.mkdir(parents=True, exist_ok=True)
        if Path(name).parts[1] in growing or not _linked(source, place):
            shutil.copyfile(source, place)
            durable.sync(place)
