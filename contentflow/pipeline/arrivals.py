"""A video that arrives in parts, and goes on after a break of the line, a refused form or a reload.

Each is one file under ``uploads/``, named after whose it is, what it is and how large it will be; its size
says how far it has come. What nobody touched for six hours goes with the hourly tidying.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import digest
from contentflow.pipeline import services
from contentflow.pipeline.reasons import SENTENCES, Reason

MOST_OF_A_PARTNER = 4
PIECE_BYTES = 8 * 1024 * 1024
READ_BYTES = 64 * 1024
_ID = re.compile(r"[0-9a-f]{32}-[0-9]{1,12}")

Read = Callable[[int], bytes]


class TooLarge(Refused):
    status = 413
    message = SENTENCES[Reason.TOO_LARGE]


class NoRoom(Refused):
    status = 507
    message = SENTENCES[Reason.NO_ROOM]


@dataclass(frozen=True)
class Part:
    """``id`` is the same for the same file of the same partner; ``at`` is how many bytes are here."""

    id: str
    path: Path

    @property
    def at(self) -> int:
        return self.path.stat().st_size

    @property
    def size(self) -> int:
        return int(self.id.partition("-")[2])


def begin(partner_id: str, name: str, size: int, modified: str) -> Part:
    """Return the part of this very file, begun or gone on with. Raises ``TooLarge`` and ``NoRoom``.

    Of more than MOST_OF_A_PARTNER the one that was left the longest goes.
    """
    if not 0 < size <= services.most_bytes():
        raise TooLarge
    part = _part(partner_id, f"{digest(f'{name}/{size}/{modified}')[:32]}-{size}")
    here = part.at if part.path.exists() else 0
    if not services.media().has_room(size - here):
        raise NoRoom
    part.path.parent.mkdir(parents=True, exist_ok=True)
    part.path.touch()
    others = sorted(
        (path for path in _of(partner_id) if path != part.path), key=lambda path: path.stat().st_mtime
    )
    for path in others[: max(0, len(others) + 1 - MOST_OF_A_PARTNER)]:
        path.unlink(missing_ok=True)
    return part


def append(partner_id: str, part_id: str, at: int, read: Read) -> Part:
    """Write what ``read`` gives behind the first ``at`` bytes; what came before a break of the line stays.

    Nothing is written where another number of bytes is here: the answer tells how many. Raises ``NotFound``,
    ``TooLarge`` and ``NoRoom``.
    """
    part = find(partner_id, part_id)
    with part.path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        if file.seek(0, os.SEEK_END) != at:
            return part
        while piece := read(READ_BYTES):
            if at + len(piece) > part.size:
                raise TooLarge
            if not services.media().has_room(len(piece)):
                raise NoRoom
            at += file.write(piece)
    return part


def find(partner_id: str, part_id: str) -> Part:
    """Raises ``NotFound``, also for another partner's."""
    if _ID.fullmatch(part_id):
        part = _part(partner_id, part_id)
        if part.path.is_file():
            return part
    raise NotFound


def find_whole(partner_id: str, part_id: str) -> Path | None:
    """Return the file once all of it is here."""
    try:
        part = find(partner_id, part_id)
    except NotFound:
        return None
    return part.path if part.at == part.size else None


def drop(partner_id: str, part_id: str) -> None:
    """Forget a part; again: nothing more happens."""
    if _ID.fullmatch(part_id):
        _part(partner_id, part_id).path.unlink(missing_ok=True)


def drop_all(partner_id: str) -> None:
    for path in _of(partner_id):
        path.unlink(missing_ok=True)


def _part(partner_id: str, part_id: str) -> Part:
    return Part(part_id, services.media().uploads / f"part-{partner_id}-{part_id}")


def _of(partner_id: str) -> list[Path]:
    return list(services.media().uploads.glob(f"part-{partner_id}-*"))
