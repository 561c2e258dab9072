"""Clicks that the database refused wait in ``DATA_DIR/spool``, one JSON line each.

Written by any number of web processes, replayed by any number of others, whatever is killed when:
a file is renamed aside under the lock that writers hold, its lines are inserted unless they are
there already, and only then it is removed. No line holds an address or an agent string.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contentflow.config import settings
from contentflow.core.ids import new_id
from contentflow.links.entries import Entry, NotAnEntry, from_line, to_line

log = logging.getLogger(__name__)

OPEN = "clicks.jsonl"
TAKEN = "taken-*.jsonl"
REFUSED = "refused.jsonl"


def folder() -> Path:
    return settings().data_dir / "spool"


def append(entry: Entry) -> None:
    """Return once the line is on the disk; raises ``OSError`` when it is not, and leaves no part of it."""
    folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked():
        _append(folder() / OPEN, to_line(entry))


def refuse(line: bytes) -> None:
    """Keep a line that can never be inserted, for a person to look at."""
    with _locked():
        _append(folder() / REFUSED, line.rstrip(b"\n") + b"\n")


def take() -> Iterator[Path]:
    """Yield the files to replay: those that a replay which was killed left, then the open one.

    Each is to be removed before the next is asked for; so a database that stays away leaves one
    file aside, not one a second.
    """
    if not folder().is_dir():
        return
    yield from sorted(folder().glob(TAKEN))
    if (folder() / OPEN).exists():
        with _locked():
            taken = folder() / f"taken-{new_id()}.jsonl"
            try:
                (folder() / OPEN).rename(taken)
            except FileNotFoundError:  # Another replay was faster.
                return
        yield taken


def read(path: Path) -> Iterator[tuple[bytes, Entry]]:
    """Yield each line with its entry. One that cannot be read is set aside in ``REFUSED`` and reported."""
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:  # Another replay was faster.
        return
    for line in filter(None, lines):
        try:
            yield line, from_line(line)
        except NotAnEntry:
            log.error(
                "a broken line of %d bytes in %s is no click: kept in %s", len(line), path.name, REFUSED
            )
            refuse(line)


def refused() -> int:
    """Return how many lines were set aside; a broken line may stand there twice when a replay was killed."""
    return _count(folder() / REFUSED)


def waiting() -> int:
    """Return how many clicks wait to be replayed."""
    return sum(_count(path) for path in [folder() / OPEN, *folder().glob(TAKEN)])


def _count(path: Path) -> int:
    try:
        return sum(1 for line in path.read_bytes().split(b"\n") if line)
    except OSError:
        return 0


def is_writable() -> bool:
    existing = folder() if folder().exists() else settings().data_dir
    return existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)


@contextmanager
def _locked() -> Iterator[None]:
    # A file of its own: the lock must outlive the renaming of what it guards. A kill releases it.
    fd = os.open(folder() / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _append(path: Path, line: bytes) -> None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        size = os.fstat(fd).st_size
        # A writer that was killed in its line must not spoil this one.
        line = b"\n" + line if size and os.pread(fd, 1, size - 1) != b"\n" else line
        try:
            if os.write(fd, line) != len(line):
                raise OSError("the disk took a part of the line")
            os.fdatasync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)
