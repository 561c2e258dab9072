"""200 clients that take their answer and hold on to the connection; others must be answered in a second.

python attacks/held_answers.py URL
"""

from __future__ import annotations

import contextlib
import socket
import sys
from urllib.parse import urlsplit

from slow_clients import MAX_SECONDS, seconds_of

MANY = 200


def main(url: str) -> int:
    parts = urlsplit(url)
    held, slowest = [], 0.0
    for number in range(MANY):
        with contextlib.suppress(OSError):
            client = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2)
            client.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            held.append(client)
        if number % 20 == 0:
            slowest = max(slowest, seconds_of(f"{url}/healthz"))
    slowest = max(slowest, seconds_of(f"{url}/healthz"))
    for client in held:
        client.close()
    print(f"{len(held)} clients that hold on: slowest answer {slowest:.2f} s")
    return int(slowest >= MAX_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/")))
