"""A video that arrives in parts, and goes on after a break of the line, a refused form or a reload.

Each is named after whose it is, what it is and how large it will be; in a bucket its parts may come to
several hosts. What nobody touched for six hours goes with the hourly tidying.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import digest
from contentflow.pipeline import services
from contentflow.pipeline.reasons import SENTENCES, Failure

MAX_OF_A_PARTNER = 4
PIECE_BYTES = 8 * 1024 * 1024
READ_BYTES = 64 * 1024
_ID = re.compile(r"[0-9a-f]{32}-[0-9]{1,12}")

Read = Callable[[int], bytes]


class TooLarge(Refused):
    status = 413
    message = SENTENCES[Failure.TOO_LARGE]


class NoRoom(Refused):
    status = 507
    message = SENTENCES[Failure.NO_ROOM]


class UploadPart(NamedTuple):
    """``id`` is the same for the same file of the same partner; ``offset`` is how many bytes are here."""

    id: str
    offset: int

    @property
    def size(self) -> int:
        return int(self.id.partition("-")[2])


def begin(partner_id: str, name: str, size: int, modified: str) -> UploadPart:
    """Return the part of this very file, begun or gone on with. Raises ``TooLarge`` and ``NoRoom``.

    Of more than MAX_OF_A_PARTNER the one that was left the longest goes.
    """
    if not 0 < size <= services.max_bytes():
        raise TooLarge
    files, part_id = services.media(), f"{digest(f'{name}/{size}/{modified}')[:32]}-{size}"
    found = files.find_part(partner_id, part_id)
    if not files.has_room(size - (found.offset if found else 0)):
        raise NoRoom
    part = files.begin_part(partner_id, part_id)
    others = {other: each for other, each in files.parts(partner_id).items() if other != part_id}
    oldest = sorted(others, key=lambda other: others[other].touched_at)
    for other in oldest[: max(0, len(others) + 1 - MAX_OF_A_PARTNER)]:
        files.drop_part(partner_id, other)
    return UploadPart(part_id, part.offset)


def append(partner_id: str, part_id: str, offset: int, read: Read) -> UploadPart:
    """Write what ``read`` gives behind the first ``offset`` bytes; what came before a break stays.

    Nothing is written where another number of bytes is here: the answer tells how many. Raises ``NotFound``,
    ``TooLarge`` and ``NoRoom``.
    """
    part = find(partner_id, part_id)

    def pieces() -> Iterator[bytes]:
        left = part.size - offset
        while piece := read(READ_BYTES):
            left -= len(piece)
            if left < 0:
                raise TooLarge
            if not services.media().has_room(len(piece)):
                raise NoRoom
            yield piece

    return UploadPart(part_id, services.media().append_part(partner_id, part_id, offset, pieces))


def find(partner_id: str, part_id: str) -> UploadPart:
    """Raises ``NotFound``, also for another partner's."""
    found = services.media().find_part(partner_id, part_id) if _ID.fullmatch(part_id) else None
    if found is None:
        raise NotFound
    return UploadPart(part_id, found.offset)


def is_whole(partner_id: str, part_id: str) -> bool:
    """Whether all of it is here."""
    try:
        part = find(partner_id, part_id)
    except NotFound:
        return False
    return part.offset == part.size


def find_whole(partner_id: str, part_id: str) -> Path | None:
    """Return a file of this machine once all of it is here; in a bucket it is put together for that."""
    return services.media().whole_part(partner_id, part_id) if is_whole(partner_id, part_id) else None


def drop(partner_id: str, part_id: str) -> None:
    """Forget a part; again: nothing more happens."""
    if _ID.fullmatch(part_id):
        services.media().drop_part(partner_id, part_id)


def drop_all(partner_id: str) -> None:
    files = services.media()
    for part_id in files.parts(partner_id):
        files.drop_part(partner_id, part_id)
