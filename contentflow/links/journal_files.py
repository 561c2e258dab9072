"""The journals of a ``DATA_DIR``, read by whoever folds them: every process's, the dead ones' too.

How far each is folded stands in ``folded.json``. It may be lost, or older than the database: a click that
is there already is not written again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from contentflow.config import settings
from contentflow.links.journal import DRAFT_SUFFIX, SUFFIX
from contentflow.links.journal_lines import MAX_LINE, JournaledClick, NotAClick, from_line

log = logging.getLogger(__name__)

REFUSED: Final = "refused.lines"
FOLDED: Final = "folded.json"
PASS: Final = "folding.pass"  # Its time is that of the newest pass, or batch in it.
MAX_OPEN: Final = 256
_AT_ONCE: Final = 1 << 20

# A fork inherits locks with what it inherits open, and would hold them for as long as it lives.
_open: Final[set[int]] = set()
_DRAFT_SECONDS: Final = 60.0


class JournalLine(NamedTuple):
    """What stands in ``journal`` up to byte ``end``; without a ``click`` it is broken."""

    at_us: int
    journal: JournalFile
    end: int
    raw: bytes
    click: JournaledClick | None


class JournalFile:
    """One file, open for reading; ``is_dead``: no process can write to it any more."""

    def __init__(self, path: Path, folded: int) -> None:
        self.path = path
        if not path.is_file():
            raise IsADirectoryError(errno.EISDIR, "it is no file")
        self.fd = _open_for_lock(path)
        self.is_dead = _lock(self.fd)
        self.size = os.fstat(self.fd).st_size
        self.folded = min(folded, self.size)

    def lines(self) -> Iterator[JournalLine]:
        """Yield what is not folded yet; a last line that its process may still be writing is left."""
        at, rest = self.folded, b""
        while block := os.pread(self.fd, _AT_ONCE, at + len(rest)):
            *whole, rest = (rest + block).split(b"\n")
            for raw in whole:
                at += len(raw) + 1
                yield self._read(raw, at)
            if len(rest) > _AT_ONCE:  # No line of ours: whatever it is, memory need not hold all of it.
                at += len(rest)
                yield JournalLine(0, self, at, rest, None)
                rest = b""
        if rest and self.is_dead:
            line = self._read(rest, at + len(rest))
            if line.click is None:
                log.warning("%s ends in the middle of a line: no visitor was answered for it", self.path.name)
                line = JournalLine(0, self, line.end, b"", None)
            yield line

    def _read(self, raw: bytes, end: int) -> JournalLine:
        try:
            click = from_line(raw)
        except NotAClick:
            return JournalLine(0, self, end, raw, None)
        return JournalLine(click.at_us, self, end, raw, click)

    def close(self) -> None:
        _close(self.fd)


def folder() -> Path:
    return settings().data_dir / "journal"


@contextmanager
def the_only_folder() -> Iterator[bool]:
    """Yield whether nobody else folds here; a killed process leaves no lock behind."""
    fd = _open_for_lock(folder())
    try:
        yield _lock(fd)
    finally:
        _close(fd)


def open_journals() -> list[JournalFile]:
    """Return the files that hold something, and remove those whose process is gone and that hold nothing."""
    folded, found = _read_folded(), []
    _say_folding()
    for path in _oldest(MAX_OPEN):
        try:
            found.append(JournalFile(path, folded.get(path.name, 0)))
        except OSError as error:
            log.error("%s cannot be read: %s", path.name, error.strerror)
    for draft in folder().glob(f"*{DRAFT_SUFFIX}"):
        # A process that was killed before its first click, or while it tried the disk, leaves a draft.
        with contextlib.suppress(OSError):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                draft.unlink()
    return found


def _say_folding() -> None:
    with contextlib.suppress(OSError):
        (folder() / PASS).touch(mode=0o600)


def was_folded_within(seconds: float) -> bool:
    """Whether somebody looked after these journals a moment ago; not if a clock was set."""
    try:
        return abs(time.time() - (folder() / PASS).stat().st_mtime) < seconds
    except OSError:
        return False


def close_journals(journals: list[JournalFile]) -> None:
    """Remove the dead ones that are folded, note how far the others are, and close all."""
    for journal in journals:
        if journal.is_dead and journal.folded == journal.size:
            journal.path.unlink(missing_ok=True)
        journal.close()


def note_folded(journals: list[JournalFile]) -> None:
    """Write down how far the files are folded; where that cannot be written, they are read again."""
    _say_folding()
    path = folder() / FOLDED
    draft = path.with_suffix(f".{os.getpid()}")
    try:
        draft.write_text(
            json.dumps({journal.path.name: journal.folded for journal in journals if journal.folded})
        )
        draft.rename(path)
    except OSError as error:
        log.warning("%s cannot be written: %s", FOLDED, error.strerror)


def set_aside(lines: list[bytes]) -> None:
    """Keep lines that can never be clicks, for a person to look at; none of more than ``MAX_LINE``."""
    fd = os.open(folder() / REFUSED, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.write(fd, b"".join(line[:MAX_LINE] + b"\n" for line in lines))
    finally:
        os.close(fd)


def erase_set_aside(codes: set[str]) -> None:
    """Erase the lines that were set aside and name a link of ``codes``."""
    path = folder() / REFUSED
    if not path.exists():
        return
    with the_only_folder():
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if not any(code.encode() in line for code in codes)]
        if len(kept) < len(lines):
            path.write_bytes(b"".join(kept))


def refused() -> int:
    """Return how many lines were set aside; one may stand there twice when a fold was killed."""
    try:
        return (folder() / REFUSED).read_bytes().count(b"\n")
    except OSError:
        return 0


def waiting() -> int:
    """Return about how many clicks are not in the database yet.

    It only looks: whoever folds is not kept from it, nor told that somebody folded.
    """
    folded, number = _read_folded(), 0
    for path in _oldest(MAX_OPEN):
        with contextlib.suppress(OSError), path.open("rb") as file:
            file.seek(folded.get(path.name, 0))
            for line in file:
                with contextlib.suppress(NotAClick):
                    from_line(line.removesuffix(b"\n"))
                    number += 1
    return number


def oldest_waiting_at() -> float | None:
    """Return when the oldest click was made that is not folded yet, in seconds since 1970.

    It only looks: whoever folds is not kept from it.
    """
    folded, found = _read_folded(), []
    for path in _oldest(MAX_OPEN):
        with contextlib.suppress(OSError, NotAClick), path.open("rb") as file:
            file.seek(folded.get(path.name, 0))
            line = file.readline(MAX_LINE + 1)
            if line.endswith(b"\n"):
                found.append(from_line(line[:-1]).at_us / 1_000_000)
    return min(found, default=None)


def _open_for_lock(path: Path) -> int:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    _open.add(fd)
    return fd


def _close(fd: int) -> None:
    _open.discard(fd)
    os.close(fd)


def _close_inherited() -> None:
    for fd in list(_open):
        _close(fd)


os.register_at_fork(after_in_child=_close_inherited)


def _lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _oldest(number: int) -> list[Path]:
    """Return the journals that were written to longest ago, all of them unless a database was long away."""
    found = []
    for path in folder().glob(f"*{SUFFIX}"):
        with contextlib.suppress(OSError):
            found.append((path.stat().st_mtime, path))
    return [path for _, path in sorted(found)[:number]]


def _read_folded() -> dict[str, int]:
    try:
        read = json.loads((folder() / FOLDED).read_bytes())
        return {name: end for name, end in read.items() if isinstance(end, int) and end > 0}
    except (OSError, ValueError, AttributeError):
        return {}
