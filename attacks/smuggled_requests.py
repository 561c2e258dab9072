"""Requests whose end can be read in two ways: each is refused, or read in the one way that RFC 9112 names.

python attacks/smuggled_requests.py URL

Each shape carries a second request inside. Whoever answers both, where a proxy in front would have seen one,
answers a stranger with what was meant for another.
"""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from urllib.parse import urlsplit

SECONDS = 3.0
CHUNK = b"5\r\nsmugg\r\n0\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


class Shapes:
    """Requests to one host, each with a second one inside."""

    def __init__(self, host: str) -> None:
        self.inner = b"GET /robots.txt?smuggled HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode()
        self.head = (
            b"POST /postback/smuggle HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
        ) % host.encode()

    def with_length(self, *lengths: bytes) -> bytes:
        return self.head + b"".join(b"Content-Length: " + length + b"\r\n" for length in lengths)

    def of_two_meanings(self) -> dict[str, bytes]:
        """Return what must end in 400, 501 or a closed line, with nothing behind it answered."""
        head, inner = self.head, self.inner
        return {
            "length and chunks": self.with_length(b"5") + CHUNKED + b"\r\n" + CHUNK + inner,
            "chunks and length": head + CHUNKED + b"Content-Length: 5\r\n\r\n" + CHUNK + inner,
            "two lengths": self.with_length(b"0", b"58") + b"\r\n" + inner,
            "a list of lengths": self.with_length(b"0, 58") + b"\r\n" + inner,
            "length with a sign": self.with_length(b"+0") + b"\r\n" + inner,
            "negative length": self.with_length(b"-1") + b"\r\n" + inner,
            "length with an underscore": self.with_length(b"0_0") + b"\r\n" + inner,
            "hexadecimal length": self.with_length(b"0x0") + b"\r\n" + inner,
            "length in other digits": self.with_length("٠".encode()) + b"\r\n" + inner,
            "empty length": self.with_length(b"") + b"\r\n" + inner,
            "blank before the colon": head + b"Content-Length : 0\r\n\r\n" + inner,
            "blank before the coding's colon": head + b"Transfer-Encoding : chunked\r\n\r\n" + CHUNK + inner,
            "folded header": head + b"Transfer-Encoding:\r\n chunked\r\n\r\n" + CHUNK + inner,
            "unknown coding": head + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNK + inner,
            "chunked is not the last": head + b"Transfer-Encoding: chunked, identity\r\n\r\n" + CHUNK + inner,
            "coding after a tab of another kind": head
            + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNK + inner,
            "chunked twice": head + CHUNKED + CHUNKED + b"\r\n" + CHUNK + inner,
            "chunked and nonsense": head + CHUNKED + b"Transfer-Encoding: cow\r\n\r\n" + CHUNK + inner,
            "coding in quotes": head + b'Transfer-Encoding: "chunked"\r\n\r\n' + CHUNK + inner,
            "chunks in HTTP/1.0": head.replace(b"/1.1\r\n", b"/1.0\r\n", 1)
            + CHUNKED + b"\r\n" + CHUNK + inner,
            "chunk size with a sign": head + CHUNKED + b"\r\n+5\r\nsmugg\r\n0\r\n\r\n" + inner,
            "chunk size 0x5": head + CHUNKED + b"\r\n0x5\r\nsmugg\r\n0\r\n\r\n" + inner,
            "chunk size with an underscore": head + CHUNKED + b"\r\n0_5\r\nsmugg\r\n0\r\n\r\n" + inner,
            "negative chunk": head + CHUNKED + b"\r\n-5\r\nsmugg\r\n0\r\n\r\n" + inner,
            "chunk without its end": head + CHUNKED + b"\r\n5\r\nsmuggXX0\r\n\r\n" + inner,
            "chunk lines by LF": head + CHUNKED + b"\r\n5\nsmugg\n0\n\n" + inner,
            "huge chunk size": head + CHUNKED + b"\r\n" + b"f" * 40 + b"\r\nsmugg" + inner,
            "bare CR in a header": head + b"X-A: b\rTransfer-Encoding: chunked\r\n\r\n" + inner,
            "NUL in a header": head + b"X-A: b\x00\r\nContent-Length: 0\r\n\r\n" + inner,
            "a line that is no header": head + b"Content-Length 0\r\nContent-Length: 0\r\n\r\n" + inner,
            "two hosts": head + b"Host: evil.example\r\nContent-Length: 0\r\n\r\n" + inner,
            "HTTP/0.9": b"GET /robots.txt\r\n\r\n" + inner,
            "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + inner,
            "version 1.10": b"GET /robots.txt HTTP/1.10\r\n" + inner.partition(b"\r\n")[2] + inner,
            "tabs in the first line": b"GET\t/robots.txt\tHTTP/1.1\r\n" + inner.partition(b"\r\n")[2] + inner,
            "body by LF alone": head.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + inner,
        }  # fmt: skip

    def of_one_meaning(self) -> dict[str, bytes]:
        """Return what is right, however odd: two requests, and the body of the first is its own."""
        head, inner = self.head, self.inner
        return {
            "two in one packet": inner + inner,
            "a body that looks like a request": self.with_length(str(len(inner)).encode())
            + b"\r\n" + inner + inner,
            "a chunk that looks like a request": head + CHUNKED
            + b"\r\n%x\r\n" % len(inner) + inner + b"\r\n0\r\n\r\n" + inner,
            "chunk extensions and trailers": head + CHUNKED
            + b"\r\n5;a=b\r\nsmugg\r\n0\r\nX-Trailer: GET / HTTP/1.1\r\n\r\n" + inner,
            "a header that is almost a coding": head
            + b"Content-Length: 0\r\nTransfer_Encoding: chunked\r\n\r\n" + inner,
            "a GET with a body": inner[:-2] + b"Content-Length: %d\r\n\r\n" % len(inner) + inner + inner,
        }  # fmt: skip


def answers(url: str, shape: bytes, is_split: bool = False) -> list[int]:
    """Return the statuses of what came back, until the other side ends or is silent."""
    parts, said = urlsplit(url), b""
    address = parts.hostname or "", parts.port or 80
    with contextlib.suppress(OSError), socket.create_connection(address, timeout=SECONDS) as line:
        for piece in (shape[:-20], shape[-20:]) if is_split else (shape,):
            line.sendall(piece)
        line.shutdown(socket.SHUT_WR)
        while more := line.recv(65_536):
            said += more
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3}) ", said, re.MULTILINE)]


def main(url: str) -> int:
    shapes, fallen = Shapes(urlsplit(url).netloc), []
    two, one = shapes.of_two_meanings(), shapes.of_one_meaning()
    for name, shape in two.items():
        for is_split in (False, True):
            found = answers(url, shape, is_split)
            if len(found) > 1 or any(status < 400 or status == 500 for status in found):
                fallen.append(f"{name} {found}")
    for name, shape in one.items():
        found = answers(url, shape)
        if len(found) != 2 or found[1] != 200:
            fallen.append(f"{name} {found}")
    print(
        f"{len(two)} shapes of two meanings, {len(one)} odd ones of one: {len(fallen)} misread"
        f"{''.join(f'; {fault}' for fault in fallen)}"
    )
    return int(bool(fallen))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
