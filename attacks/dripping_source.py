"""A server on this machine that drips its answer, named as a video in many spellings: never connected to.

ATTACK_LOGIN=https://… python attacks/dripping_source.py URL

A product fetches from public addresses alone, so nothing on its own machine, where this has to run, can drip
at it. How long a public source that drips holds a thread is tried in ``tests/core/test_download.py``, with
the guard told that loopback is public, and a mail service that drips in ``tests/core/test_outbound.py``.
"""

from __future__ import annotations

import contextlib
import secrets
import socket
import sys
import threading
import time

from browser import partner
from slow_clients import MAX_SECONDS, seconds_of

HOSTS = (
    "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "0.0.0.0", "[::1]",
    "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]", "①②⑦.⓪.⓪.①",
)  # fmt: skip
NAME = "localhost"  # No literal: judged when it is fetched, and the asset fails.
WATCHED_SECONDS = 8.0


class Source:
    """A web server that sends a byte of its headers now and then, and counts who came."""

    def __init__(self) -> None:
        self.came = 0
        self._doors = []
        for port in (80, 443, 0):
            with contextlib.suppress(OSError):  # The low ports need rights.
                door = socket.create_server(("127.0.0.1", port))
                self._doors.append(door)
                threading.Thread(target=self._serve, args=(door,), daemon=True).start()
        self.ports = [door.getsockname()[1] for door in self._doors]

    def _serve(self, door: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = door.accept()
                self.came += 1
                threading.Thread(target=self._drip, args=(client,), daemon=True).start()

    def _drip(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while True:
                client.sendall(b"a")
                time.sleep(1)


def main(url: str) -> int:
    mallory, source = partner(url), Source()
    port = source.ports[-1]
    places = [f"http://{host}/film.mp4" for host in HOSTS] + [f"http://127.0.0.1:{port}/film.mp4"]
    statuses = [
        mallory.post("/byop/submit", source_url=place, nonce=secrets.token_hex(8)) for place in places
    ]
    refused = sum(answer.status == 422 for answer in statuses)
    named = mallory.post("/byop/submit", source_url=f"http://{NAME}/film.mp4", nonce=secrets.token_hex(8))
    state, slowest, until = "", 0.0, time.monotonic() + WATCHED_SECONDS
    while state not in ("failed", "ready") and time.monotonic() < until:
        slowest = max(slowest, seconds_of(f"{url}/healthz"))
        posts = {post["id"]: post["status"] for post in mallory.export()["submissions"]}
        state = posts.get(named.named("id"), "")
        time.sleep(0.5)
    print(
        f"{len(places)} spellings of a dripping server: {refused} refused; {NAME}: {state or 'no post'}; "
        f"{source.came} connections came to ports {', '.join(map(str, source.ports))}; "
        f"slowest answer meanwhile {slowest:.2f} s"
    )
    return int(refused < len(places) or state != "failed" or source.came > 0 or slowest >= MAX_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
