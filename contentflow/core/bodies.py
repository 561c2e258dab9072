"""What a call sends: bytes, a form, JSON, a part of a file that is never read whole."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import quote, urlencode

BLOCK_BYTES = 64 * 1024


class Body(NamedTuple):
    """What a call sends: bytes, a part of a file, bytes; the file is never read whole.

    ``length`` bytes of ``path`` are sent from ``start`` on.
    """

    kind: str
    head: bytes = b""
    path: Path | None = None
    start: int = 0
    length: int = 0
    tail: bytes = b""


def json_body(payload: Any) -> Body:
    return Body("application/json", json.dumps(payload).encode())


def form_body(fields: Mapping[str, str]) -> Body:
    return Body("application/x-www-form-urlencoded", urlencode(fields).encode())


def file_body(kind: str, path: Path, start: int = 0, length: int | None = None) -> Body:
    """A part of a file, by default all that follows ``start``."""
    whole = path.stat().st_size
    return Body(kind, path=path, start=start, length=whole - start if length is None else length)


def multipart_body(fields: Mapping[str, str], name: str, filename: str, kind: str, path: Path) -> Body:
    """Fields, then one file, as a browser's form sends them (RFC 7578)."""
    mark = f"contentflow-{secrets.token_hex(16)}"
    parts = [
        f'--{mark}\r\nContent-Disposition: form-data; name="{quote(key)}"\r\n\r\n{value}\r\n'
        for key, value in fields.items()
    ]
    disposition = f'form-data; name="{quote(name)}"; filename="{quote(filename)}"'
    parts.append(f"--{mark}\r\nContent-Disposition: {disposition}\r\nContent-Type: {kind}\r\n\r\n")
    return Body(
        f"multipart/form-data; boundary={mark}",
        "".join(parts).encode(),
        path,
        0,
        path.stat().st_size,
        f"\r\n--{mark}--\r\n".encode(),
    )


class Upload:
    """What http.client reads a block at a time; its length is known, so nothing is sent in chunks."""

    def __init__(self, body: Body, file: IO[bytes]) -> None:
        self._file, self._left, self._tail = file, body.length, body.tail
        self._head, self._length = body.head, len(body.head) + body.length + len(body.tail)
        file.seek(body.start)

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while block := self.read(BLOCK_BYTES):
            yield block

    def read(self, size: int = -1) -> bytes:
        size = size if size > 0 else BLOCK_BYTES
        if self._head:
            block, self._head = self._head[:size], self._head[size:]
            return block
        if self._left:
            block = self._file.read(min(size, self._left))
            if not block:
                raise OSError("the file is shorter than it was")
            self._left -= len(block)
            return block
        block, self._tail = self._tail[:size], self._tail[size:]
        return block


@contextmanager
def opened(body: Body | None) -> Iterator[Upload | bytes | None]:
    if body is None or body.path is None:
        yield None if body is None else body.head
        return
    with body.path.open("rb") as file:
        yield Upload(body, file)
