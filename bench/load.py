"""A load generator in a process of its own: so many kept connections, each asks again once it is answered.

``python bench/load.py`` reads what to do as JSON from its input and prints what came of it. It composes a
request and reads an answer in some 20 microseconds, and says how busy it was: near 1 it measured itself.
"""

from __future__ import annotations

import contextlib
import json
import random
import select
import socket
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from itertools import accumulate

DRAWN_AT_ONCE = 5_000
PATIENCE_SECONDS = 60.0
_ENGINE = "AppleWebKit/537.36 (KHTML, like Gecko)"
AGENTS = (
    f"Mozilla/5.0 (Linux; Android 10; K) {_ENGINE} Chrome/{{}}.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_ENGINE} Chrome/{{}}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Mobile/15E148 Instagram {}.0.0.25.86 (iPhone14,5; iOS 18_5; fr_FR; fr; scale=3.00; 1170x2532; 72417)",
    f"Mozilla/5.0 (Linux; Android 14; SM-A546B) {_ENGINE} Version/4.0 Chrome/{{}}.0.7151.115"
    " Mobile Safari/537.36 musical_ly_2024006030 BytedanceWebview/d8a21c6",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:{0}.0) Gecko/20100101 Firefox/{0}.0",
)  # fmt: skip


@dataclass
class Load:
    """What to ask of ``port``: ``paths``, drawn evenly, or by Zipf's law, the first one most often."""

    port: int
    paths: list[str]
    seconds: float
    connections: int = 32
    is_zipf: bool = False
    host: str = "share.example.org"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Outcome:
    """Times in milliseconds; ``busy``: the generator's part of a processor; ``broken``: unanswered."""

    answered: int
    seconds: float
    p50: float
    p99: float
    busy: float
    broken: int
    statuses: dict[int, int]

    @property
    def rate(self) -> float:
        return self.answered / self.seconds


class Visitors:
    """Requests of people who all differ in address, and in some hundred agents."""

    def __init__(self, load: Load) -> None:
        fixed = {
            "Host": load.host,
            "X-Forwarded-Proto": "https",
            "Accept": "text/html,*/*;q=0.8",
            "Accept-Language": "fr-FR,fr;q=0.9",
            **load.headers,
        }
        lines = ["GET %s HTTP/1.1", *(f"{name}: {value}" for name, value in fixed.items())]
        self._form = "\r\n".join([*lines, "X-Forwarded-For: %d.%d.%d.%d", "User-Agent: %s", "", ""])
        self._paths, self._is_zipf = load.paths, load.is_zipf
        self._weights = list(accumulate(1 / rank for rank in range(1, len(load.paths) + 1)))
        self._agents = [agent.format(version) for agent in AGENTS for version in range(110, 140)]
        self._drawn: list[str] = []

    def next(self) -> bytes:
        if not self._drawn:
            self._drawn = random.choices(
                self._paths, cum_weights=self._weights if self._is_zipf else None, k=DRAWN_AT_ONCE
            )
        bits = random.getrandbits(40)
        address = bits % 190 + 20, bits >> 8 & 255, bits >> 16 & 255, bits >> 24 & 255
        words = (self._drawn.pop(), *address, self._agents[(bits >> 32) % len(self._agents)])
        return (self._form % words).encode()


class Connection:
    """One kept connection, on which one thing is asked at a time."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.asked_at = 0.0
        self._got = b""

    def ask(self, request: bytes) -> None:
        self._got = b""
        self.asked_at = time.perf_counter()
        with contextlib.suppress(ConnectionError):  # Who hangs up meanwhile is heard, not told.
            self.sock.sendall(request)

    def status_once_whole(self) -> int | None:
        """Read what is there: the answer's status once all of it is, else None; raises ``EOFError``."""
        data = self.sock.recv(65_536)
        if not data:
            raise EOFError
        self._got = self._got + data if self._got else data
        return int(self._got[9:12]) if is_whole(self._got) else None


def is_whole(got: bytes) -> bool:
    head = got.find(b"\r\n\r\n")
    if head < 0:
        return False
    words = got[:head].lower()
    at = words.find(b"\r\ncontent-length:")
    if at >= 0:
        return len(got) - head - 4 >= int(words[at + 17 :].split(b"\r\n", 1)[0])
    return b"chunked" not in words or got.endswith(b"0\r\n\r\n")


class Crowd:
    """All connections at once; what was asked before the time is over is answered before the end."""

    def __init__(self, load: Load) -> None:
        self._load, self._visitors = load, Visitors(load)
        self._poll = select.epoll()
        self._open: dict[int, Connection] = {}
        self.took: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.broken = 0

    def ask_until(self, until: float) -> None:
        for _ in range(self._load.connections):
            self._begin()
        while self._open:
            events = self._poll.poll(PATIENCE_SECONDS)
            if not events:
                raise TimeoutError(f"{len(self._open)} requests unanswered for {PATIENCE_SECONDS:g} s")
            for number, _ in events:
                self._hear(number, until)
        self._poll.close()

    def _begin(self) -> None:
        connection = Connection(self._load.port)
        self._open[connection.sock.fileno()] = connection
        self._poll.register(connection.sock, select.EPOLLIN)
        connection.ask(self._visitors.next())

    def _end(self, number: int) -> None:
        self._poll.unregister(number)
        self._open.pop(number).sock.close()

    def _hear(self, number: int, until: float) -> None:
        connection = self._open[number]
        try:
            status = connection.status_once_whole()
        except (EOFError, ConnectionError):
            self.broken += 1
            self._end(number)
            if time.perf_counter() < until:
                self._begin()
            return
        if status is None:
            return
        now = time.perf_counter()
        self.took.append(now - connection.asked_at)
        self.statuses[status] += 1
        if now < until:
            connection.ask(self._visitors.next())
        else:
            self._end(number)


def run(load: Load) -> Outcome:
    crowd, worked, began = Crowd(load), time.process_time(), time.perf_counter()
    crowd.ask_until(began + load.seconds)
    seconds = time.perf_counter() - began
    took = sorted(crowd.took)
    return Outcome(
        answered=len(took),
        seconds=seconds,
        p50=took[len(took) // 2] * 1000,
        p99=took[len(took) * 99 // 100] * 1000,
        busy=(time.process_time() - worked) / seconds,
        broken=crowd.broken,
        statuses=dict(crowd.statuses),
    )


if __name__ == "__main__":
    print(json.dumps(asdict(run(Load(**json.load(sys.stdin))))))
