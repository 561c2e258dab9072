"""A mail service that takes every mail at once, in a process of its own: Brevo's API as far as it is asked.

``python bench/standin.py`` prints its port; a POST is answered 201, a GET with what came so far.
"""

from __future__ import annotations

import asyncio
import json
import re
import time

_KEY = re.compile(rb'"idempotencyKey": ?"([^"]+)"')
_LENGTH = re.compile(rb"\r\ncontent-length: ?(\d+)", re.IGNORECASE)


class Post:
    """What came: ``first`` and ``last`` are seconds of one clock."""

    def __init__(self) -> None:
        self.keys: set[bytes] = set()
        self.calls = 0
        self.first = self.last = 0.0
        self.body = b""

    def take(self, body: bytes) -> bytes:
        self.calls += 1
        self.last = time.monotonic()
        self.first = self.first or self.last
        self.body = body
        if found := _KEY.search(body):
            self.keys.add(found[1])
        return b'{"messageId": "<%d@relay.example>"}' % self.calls

    def told(self) -> bytes:
        return json.dumps(
            {
                "calls": self.calls,
                "messages": len(self.keys),
                "seconds": self.last - self.first,
                "body": self.body.decode(),
            }
        ).encode()


class Caller(asyncio.Protocol):
    def __init__(self, post: Post) -> None:
        self._post, self._got = post, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._got += data
        while (end := self._got.find(b"\r\n\r\n")) >= 0:
            found = _LENGTH.search(self._got[:end])
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._got) < whole:
                return
            request, self._got = self._got[:whole], self._got[whole:]
            self._answer(request[:4], request[end + 4 :])

    def _answer(self, method: bytes, body: bytes) -> None:
        if method == b"POST":
            status, answer = b"201 Created", self._post.take(body)
        else:
            status, answer = b"200 OK", self._post.told()
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % (
            status,
            len(answer),
        )
        self._transport.write(head + answer)


async def serve() -> None:
    post = Post()
    server = await asyncio.get_running_loop().create_server(lambda: Caller(post), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
