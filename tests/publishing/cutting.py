"""A proxy that passes each request on and does with the answer what a bad day does.

``plan`` maps a call (method and path) to what happens: ``cut`` reads the whole answer and drops it,
``reset`` hangs up before the request is read, ``middle`` when half of its body is, ``hang`` does as ``cut``
and keeps the line open for a while, ``500``, ``503`` and ``broken`` answer for a server that
heard nothing, ``late`` passes on what the server did and says 503.
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Plan = Callable[[str, str], str]
HANG_SECONDS = 4.0
DROPPED = {"Connection", "Transfer-Encoding", "Content-Length", "Host", "Keep-Alive"}


class Cutting:
    """``calls`` holds every call that came; ``plan`` may be changed at any time.

    ``at`` is its port, where the server behind names itself by it; with ``keeps_host`` it hears that name.
    """

    def __init__(
        self,
        host: str,
        port: int,
        plan: Plan = lambda method, path: "",
        *,
        at: int = 0,
        keeps_host: bool = False,
    ) -> None:
        self.plan, self.calls = plan, []  # type: ignore[var-annotated]
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                with suppress(OSError):
                    super().handle_one_request()

            def _pass(self) -> None:
                outer.calls.append((self.command, self.path))
                what = outer.plan(self.command, self.path)
                length = int(self.headers.get("Content-Length", 0))
                if what in ("reset", "middle"):
                    self.rfile.read(length // 2 if what == "middle" else 0)
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.close_connection = True
                    return self.connection.close()
                body = self.rfile.read(length)
                if what in ("500", "503", "broken"):
                    answer = b'{"id": "1' if what == "broken" else b"<html>"
                    return self._answer(200 if what == "broken" else int(what), [], answer)
                ahead = HTTPConnection(host, port, timeout=20)
                headers = {name: value for name, value in self.headers.items() if name not in DROPPED}
                named = self.headers["Host"] if keeps_host else f"{host}:{port}"
                with closing(ahead):
                    ahead.request(self.command, self.path, body or None, headers | {"Host": named})
                    answer = ahead.getresponse()
                    heard = answer.read()
                if what in ("cut", "hang"):
                    time.sleep(HANG_SECONDS if what == "hang" else 0)
                    self.close_connection = True
                    return None
                if what == "late":
                    return self._answer(503, [], b"")
                return self._answer(answer.status, answer.getheaders(), heard)

            do_GET = do_POST = do_DELETE = do_PUT = _pass

            def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
                self.send_response(status)
                for name, value in headers:
                    if name.title() not in DROPPED | {"Date", "Server"}:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", at), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.host = f"127.0.0.1:{self._server.server_port}"
        self.origin = f"http://{self.host}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
