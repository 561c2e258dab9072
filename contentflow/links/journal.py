"""This process's journal: each click is one line in it before the visitor is answered.

One file a process and some seconds below ``DATA_DIR/journal``. Whoever holds its lock may write to it; a
file that nobody holds is complete, whether its process closed it or was killed. The kernel has a line as
soon as it is written, the disk within 50 ms: a killed process loses none, a power cut the last ones.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import threading
import time
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Final

from contentflow.core.ids import new_id

log = logging.getLogger(__name__)

SUFFIX: Final = ".journal"
DRAFT_SUFFIX: Final = ".new"
SYNC_SECONDS: Final = 0.05
# What is folded leaves the disk soon, and no file grows without end.
ROTATE_SECONDS: Final = 10.0
ROTATE_BYTES: Final = 16 * 1024 * 1024
MAX_FILES: Final = 100  # With a database that is away, files grow instead of growing many.
PROBE_BYTES: Final = 64 * 1024

_journals: weakref.WeakSet[Journal] = weakref.WeakSet()


class Journal:
    """Written by any number of threads; a forked process begins one of its own.

    ``lost`` counts the clicks that could not be written; ``is_losing`` holds from one of them until the
    next one that is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lost = 0
        self.is_losing = False
        self._begin()
        _journals.add(self)

    def _begin(self) -> None:
        self._fd = -1
        self._size = 0
        self._rotate_at = 0.0
        self._is_dirty = self._is_closed = False
        self._sync_error: str | None = None
        self._lock = threading.Lock()
        self._written = threading.Event()
        self._thread: threading.Thread | None = None

    def leave_parents_file(self) -> None:
        """Leave the parent's file to the parent, whose lock on it stays."""
        if self._fd >= 0:
            os.close(self._fd)
        self._begin()

    def append(self, line: bytes) -> None:
        """Return once the kernel has the line; raises ``OSError`` when it has not; no part of it stays."""
        with self._lock:
            try:
                if self._fd < 0:
                    self._open()
                self._write(line)
            except OSError:
                self.lost += 1
                self.is_losing = True
                raise
            self.is_losing = False
            if not self._is_dirty:
                self._is_dirty = True
                self._written.set()

    def _write(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written != len(line):
            os.ftruncate(self._fd, self._size)
            raise OSError(errno.ENOSPC, "the disk took a part of the line")
        self._size += written

    def _open(self) -> None:
        """Begin a file: it gets its name once it is locked, so that nobody takes it for a dead process's."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            fd = self._open_draft()
        except FileNotFoundError:  # A clock leapt ahead, and whoever folds took it for one left behind.
            fd = self._open_draft()
        self._fd, self._size, self._rotate_at = fd, 0, time.monotonic() + ROTATE_SECONDS
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name="journal", daemon=True)
            self._thread.start()

    def _open_draft(self) -> int:
        name = self.folder / new_id()
        draft = name.with_suffix(DRAFT_SUFFIX)
        fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            draft.rename(name.with_suffix(SUFFIX))
        except OSError:
            os.close(fd)
            raise
        return fd

    def _keep(self) -> None:
        """Bring what was written to the disk, and end the file when its time is over."""
        while not self._is_closed:
            self._written.wait(1.0 if self._fd >= 0 else None)
            if self._is_dirty:
                time.sleep(SYNC_SECONDS)
            with suppress(OSError):  # What it says stands in ``complaint``.
                self.sync()
            if self._size > ROTATE_BYTES or self._is_old():
                self.rotate()

    def _is_old(self) -> bool:
        if self._fd < 0 or time.monotonic() < self._rotate_at:
            return False
        self._rotate_at = time.monotonic() + ROTATE_SECONDS
        return sum(1 for _ in self.folder.glob(f"*{SUFFIX}")) < MAX_FILES

    def sync(self) -> None:
        """Return once the disk has what was written, or keep its complaint for ``complaint``."""
        with self._lock:
            self._written.clear()
            self._is_dirty = False
            if self._fd < 0:
                return
            fd = os.dup(self._fd)
        _to_disk(self, fd)

    def rotate(self) -> None:
        """End the file: the next click begins another, and this one is removed once it is folded."""
        with self._lock:
            fd, self._fd, self._size = self._fd, -1, 0
        if fd >= 0:
            _to_disk(self, fd)

    def close(self) -> None:
        self._is_closed = True
        self._written.set()
        self.rotate()

    def complaint(self) -> str | None:
        """Return what stands in the way of the next click, in the system's words; None when nothing does."""
        probe = self.folder / f"{new_id()}{DRAFT_SUFFIX}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            try:
                probe.write_bytes(bytes(PROBE_BYTES))
            finally:
                probe.unlink(missing_ok=True)
        except OSError as error:
            return error.strerror or type(error).__name__
        return self._sync_error


def _to_disk(journal: Journal, fd: int) -> None:
    try:
        os.fdatasync(fd)
        journal._sync_error = None
    except OSError as error:
        journal._sync_error = error.strerror
        log.error("the disk does not take the journal of clicks: %s", error.strerror)
    finally:
        os.close(fd)


def _begin_anew() -> None:
    for journal in list(_journals):
        journal.leave_parents_file()


os.register_at_fork(after_in_child=_begin_anew)
