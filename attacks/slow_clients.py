"""300 clients that send a byte now and then, in five ways; others must be answered in under a second.

python attacks/slow_clients.py URL [SECONDS]
"""

from __future__ import annotations

import socket
import sys
import time
import urllib.error
import urllib.request
from urllib.parse import urlsplit

MANY = 300
MAX_SECONDS = 1.0
HEADS = {
    "silent": b"",
    "headers": b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
    "form body": b"POST /partner/login HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\nemail=",
    "chunked": b"POST /partner/login HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n1000\r\n",
    "postback": b"POST /postback/nova HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b'Content-Length: 900\r\n\r\n{"a":"',
}


class Dripper:
    """One slow client; it comes again as soon as it is hung up on."""

    def __init__(self, address: tuple[str, int], head: bytes) -> None:
        self._address, self._head = address, head
        self._socket: socket.socket | None = None
        self.times_hung_up_on = -1

    def drip(self) -> None:
        try:
            if self._socket is None:
                self.times_hung_up_on += 1
                self._socket = socket.create_connection(self._address, timeout=2)
                self._socket.sendall(self._head)
                self._socket.setblocking(False)
            elif self._head:
                self._socket.send(b"a")
            if self._socket.recv(1000) == b"":
                raise ConnectionResetError
        except BlockingIOError:
            pass
        except OSError:
            self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def seconds_of(url: str) -> float:
    began = time.monotonic()
    try:
        urllib.request.urlopen(url, timeout=10).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return 10.0
    return time.monotonic() - began


def main(url: str, seconds: float = 30.0) -> int:
    parts = urlsplit(url)
    address = parts.hostname or "", parts.port or 80
    kinds = list(HEADS.values())
    drippers = [Dripper(address, kinds[number % len(kinds)]) for number in range(MANY)]
    for dripper in drippers:
        dripper.drip()
    slowest, asked, until = 0.0, 0, time.monotonic() + seconds
    while time.monotonic() < until:
        slowest = max(slowest, *(seconds_of(url + path) for path in ("/healthz", "/", "/l/0000000")))
        asked += 3
        for dripper in drippers:
            dripper.drip()
        time.sleep(0.5)
    hung_up_on = sum(dripper.times_hung_up_on for dripper in drippers)
    for dripper in drippers:
        dripper.close()
    print(f"{MANY} drippers, {hung_up_on} times hung up on: slowest of {asked} answers {slowest:.2f} s")
    return int(slowest >= MAX_SECONDS)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1].rstrip("/"), *map(float, sys.argv[2:3])))
