"""A stand-in for Brevo's API: a real HTTP server that remembers idempotency keys.

It answers by ``mode``; ``accept …`` modes make the message first and fail to say so. ``messages``
are what readers got, ``tries`` every call by its key. A key that made a message is answered as Brevo
does: 400 ``duplicate_parameter`` (https://developers.brevo.com/docs/heterogenous-versions-batch-emails),
whatever the mode; it wants a UUID, and names of at most 70 characters.
"""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

ACCEPTED = b'{"messageId": "<%d@relay.example>"}'
USED = b'{"code": "duplicate_parameter", "message": "idempotencyKey is already in use"}'
HTML = b"<html><body><h1>503 Service Unavailable</h1></body></html>"
STRANGE_IDS = {
    "lone surrogate": "<1\ud800@relay.example>",
    "nul": "<1\x00@relay.example>",
    "only strange": "\x00\udfff",
    "very long": "<" + "1" * 5_000 + "@relay.example>",
}
ACCEPTING = {"201", "202", "201 without id", "broken json", "slow", *STRANGE_IDS}
HANG_SECONDS = 3.0


class Brevo:
    """``fail_first`` calls of each key are answered by ``mode``, later ones 201."""

    def __init__(self, mode: str = "201", fail_first: int = 1_000_000) -> None:
        self.mode, self.fail_first = mode, fail_first
        self.reset_seconds = "1"
        self.delay_seconds = 0.0
        self.messages: dict[str, dict[str, Any]] = {}
        self.tries: Counter[str] = Counter()
        self.calls: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.connections = 0
        # What GET /smtp/statistics/events knows, the oldest first, and what was asked of it.
        self.statistics: list[dict[str, Any]] = []
        self.statistics_mode = "200"
        self.asked: list[dict[str, str]] = []
        # What its double opt-in asked, who stands in the list, and each call about it: (when, path, emails).
        self.asked_to_join: list[dict[str, Any]] = []
        self.members: set[str] = set()
        self.list_calls: list[tuple[float, str, list[str]]] = []
        self.contacts_mode = "201"
        self.after_answer: Callable[[str], None] = lambda key: None
        self.choose: Callable[[], str] | None = None
        self.lock = threading.Lock()
        self._over = threading.Event()
        self._refusing = socket.socket()
        brevo = self

        class Handler(_Handler):
            standin = brevo

        self._server = _Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/v3"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def take(self, payload: dict[str, Any], headers: dict[str, str]) -> tuple[str, str]:
        """Count a call, make its message where the mode accepts it; return its key and the mode."""
        key = payload["headers"]["idempotencyKey"]
        with self.lock:
            self.tries[key] += 1
            self.calls.append(payload)
            self.headers.append(headers)
            if not re.fullmatch("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", key):
                return key, "400"
            if len(payload["sender"].get("name", "").encode("utf-16-le")) > 2 * 70:
                return key, "400"
            if key in self.messages:
                return key, "used"
            mode = self.mode if self.tries[key] <= self.fail_first else "201"
            mode = self.choose() if self.choose is not None else mode
            if mode in ACCEPTING or mode.startswith("accept"):
                self.messages.setdefault(key, payload)
        return key, mode

    def readers(self) -> Counter[str]:
        with self.lock:
            return Counter(message["to"][0]["email"] for message in self.messages.values())

    def hang(self, seconds: float) -> None:
        self._over.wait(seconds)

    def refuse(self) -> None:
        """Stop; the port refuses from now on, and goes to no other server meanwhile."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)
        self._refusing.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._refusing.bind(self._server.server_address[:2])

    def close(self) -> None:
        if not self._over.is_set():
            self.refuse()
        self._refusing.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # Clients that hang up are the point.


class _Handler(BaseHTTPRequestHandler):
    standin: Brevo
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.standin.connections += 1

    def log_message(self, *args: Any) -> None:
        pass

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.startswith("/v3/contacts"):
            return self._on_contacts(payload)
        assert self.path == "/v3/smtp/email", self.path
        key, mode = self.standin.take(payload, dict(self.headers))
        self.standin.hang(self.standin.delay_seconds)
        self._answer_as(mode, key)

    def _on_contacts(self, payload: dict[str, Any]) -> None:
        """Double opt-in and the list, https://developers.brevo.com/reference/create-doi-contact"""
        standin, mode = self.standin, self.standin.contacts_mode
        with standin.lock:
            if self.path == "/v3/contacts/doubleOptinConfirmation":
                assert set(payload) == {
                    "email", "includeListIds", "templateId", "redirectionUrl", "attributes"
                }  # fmt: skip
                if mode in {"201", "204"} or mode.startswith("accept"):
                    standin.asked_to_join.append(payload)
                standin.after_answer(payload["email"])
            elif mode == "201" and self.path == "/v3/contacts":
                assert payload["updateEnabled"] is True
                standin.list_calls.append((time.monotonic(), "add", [payload["email"]]))
                standin.members.add(payload["email"])
            else:
                assert re.fullmatch(r"/v3/contacts/lists/\d+/contacts/remove", self.path), self.path
                standin.list_calls.append((time.monotonic(), "remove", payload["emails"]))
                there = standin.members & set(payload["emails"])
                standin.members -= there
                mode = mode if there or mode != "201" else "400 invalid_parameter: already removed from list"
        if mode == "204":
            self._answer(204, b"")
        elif mode == "201":
            self._answer(201, b'{"contacts": {"success": [], "failure": []}}')
        else:
            self._answer_as(mode, "")

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        assert path == "/v3/smtp/statistics/events", self.path
        asked = dict(parse_qsl(query, strict_parsing=True))
        standin = self.standin
        standin.asked.append(asked)
        if standin.statistics_mode == "429":
            self._answer(429, b"{}", {"x-sib-ratelimit-reset": standin.reset_seconds})
        elif standin.statistics_mode != "200":
            self._answer(int(standin.statistics_mode), b'{"code": "unauthorized"}')
        else:
            limit, offset = int(asked["limit"]), int(asked["offset"])
            assert limit <= 2_500
            assert asked["sort"] == "asc"
            days = asked["startDate"], asked["endDate"]
            found = [one for one in standin.statistics if days[0] <= one["date"][:10] <= days[1]]
            page = found[offset : offset + limit]
            self._answer(200, json.dumps({"events": page} if page else {}).encode())

    def _answer_as(self, mode: str, key: str) -> None:
        number = len(self.standin.calls)
        if mode in {"201", "202"}:
            self._answer(int(mode), ACCEPTED % number)
            self.standin.after_answer(key)
        elif mode in {"400", "401", "402", "403", "404", "405", "409", "413", "422", "451", "500"}:
            self._answer(int(mode), b'{"code": "invalid_parameter", "message": "reader@example.org is bad"}')
        elif mode == "used":
            self._answer(400, USED)
        elif mode.startswith("400 "):
            code, _, message = mode.removeprefix("400 ").partition(": ")
            self._answer(400, json.dumps({"code": code, "message": message}).encode())
        elif mode == "429":
            self._answer(429, b"{}", {"x-sib-ratelimit-reset": self.standin.reset_seconds})
        elif mode == "503 html":
            self._answer(503, HTML, {"Content-Type": "text/html"})
        elif mode == "broken json":
            self._answer(201, b'{"messageId": "<1@re')
        elif mode == "201 without id":
            self._answer(201, b"{}")
        elif mode in STRANGE_IDS:
            self._answer(201, json.dumps({"messageId": STRANGE_IDS[mode]}).encode())
        elif mode == "accept then hang":
            self.standin.hang(HANG_SECONDS)
            self.close_connection = True
        elif mode == "accept then drip":
            for _ in range(100):
                self.wfile.write(b"HTTP/1.1 100 Continue\r\nX-Wait: yes\r\n\r\n")
                self.standin.hang(0.05)
            self.close_connection = True
        elif mode in {"accept then reset", "reset"}:
            self._reset()
        elif mode == "garbage":
            self.wfile.write(bytes(range(256)) * 300)
            self.close_connection = True
        elif mode == "slow":
            self.standin.hang(0.3)
            self._answer(201, ACCEPTED % number)
        else:
            raise AssertionError(mode)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()


def wait_until(holds: Callable[[], bool], seconds: float = 10.0) -> bool:
    """Look every 20 ms until it holds; False when it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
