"""How much of a request has arrived: what a server must know to keep the rest out of its threads. Pure.

It judges nothing: whatever is malformed counts as whole, and the server that parses it refuses it.
"""

from __future__ import annotations

import re
from enum import Enum

HEAD_BYTES = 64 * 1024
# All fields of a form, and the parts of a multipart one around them; videos and subtitles may be larger.
SMALL_BYTES = 192 * 1024

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length[ \t]*:[ \t]*([0-9]{1,18})[ \t]*(?=\r\n)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding[ \t]*:", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect[ \t]*:[ \t]*100-continue", re.IGNORECASE)

_RAW = re.compile(rb"[\x80-\xff]")


class Arrival(Enum):
    PART = "there is more to come"
    WHOLE = "head and body are here"
    LARGE = "the head is here, and a body of more than SMALL_BYTES comes or may come"
    ENDLESS = "the head is longer than any"


class RequestBuffer:
    """The bytes of one request, fed as they come; the time it takes grows with them and no faster."""

    def __init__(self) -> None:
        self.bytes = bytearray()
        self.expects_continue = False  # “Expect: 100-continue”: the client waits before it sends the body.
        self._body_at = 0
        self._length = 0
        self._is_chunked = False
        self._chunk_at = 0

    def feed(self, data: bytes) -> Arrival:
        looked = max(0, len(self.bytes) - len(_END))
        self.bytes += data
        if not self._body_at:
            end = self.bytes.find(_END, looked)
            if end < 0:
                return Arrival.ENDLESS if len(self.bytes) > HEAD_BYTES else Arrival.PART
            head = bytes(self.bytes[: end + 2])
            self._body_at = self._chunk_at = end + len(_END)
            self._is_chunked = _CHUNKED.search(head) is not None
            self._length = max((int(length) for length in _LENGTH.findall(head)), default=0)
            self.expects_continue = _EXPECT.search(head) is not None
        if self._is_chunked:
            return self._chunks()
        if self._length > SMALL_BYTES:
            return Arrival.LARGE
        return Arrival.WHOLE if len(self.bytes) - self._body_at >= self._length else Arrival.PART

    def written(self) -> bytes:
        """Return all that came, with the address in ASCII: curl and others send “»” as it was typed.

        Browsers write “%C2%BB”, and so is it read (RFC 3986, 2.1); nothing but the first line changes.
        """
        end = self.bytes.find(b"\r\n")
        line = bytes(self.bytes[: max(end, 0)])
        if line.isascii():
            return bytes(self.bytes)
        return _RAW.sub(lambda byte: b"%%%02X" % byte[0][0], line) + self.bytes[end:]

    def _chunks(self) -> Arrival:
        """Go from chunk to chunk, as RFC 9112, 7.1 writes them."""
        while True:
            if len(self.bytes) - self._body_at > SMALL_BYTES:
                return Arrival.LARGE
            line_end = self.bytes.find(b"\r\n", self._chunk_at)
            if line_end < 0:
                return Arrival.PART
            digits = bytes(self.bytes[self._chunk_at : line_end]).partition(b";")[0].strip()
            size = int(digits, 16) if re.fullmatch(rb"[0-9A-Fa-f]{1,15}", digits) else None
            if size is None:
                return Arrival.WHOLE
            if size == 0:  # Trailers may follow, then an empty line.
                return Arrival.WHOLE if self.bytes.find(_END, line_end) >= 0 else Arrival.PART
            if size > SMALL_BYTES:
                return Arrival.LARGE
            behind = line_end + 2 + size + 2
            if behind > len(self.bytes):
                return Arrival.PART
            self._chunk_at = behind
