"""TLS on port 443 of several addresses, before servers that listen on this machine alone."""

from __future__ import annotations

import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.publishing.cutting import DROPPED

SECONDS = 60.0
OURS = DROPPED | {"Date", "Server", "X-Forwarded-For", "X-Forwarded-Proto"}


@dataclass(frozen=True)
class Passed:
    """One request and its answer; ``form`` and ``told`` are empty where they are no form, no plain object."""

    host: str
    method: str
    path: str
    status: int
    headers: dict[str, str]
    form: dict[str, str] = field(repr=False)
    told: dict[str, Any] = field(repr=False)


class Front:
    """``port_of`` says at which port of this machine a host listens.

    ``passed`` holds every request in the order of the answers, ``arrivals`` the address of every connection.
    """

    def __init__(self, pem: Path, addresses: Iterable[str], port_of: Callable[[str], int]) -> None:
        self.passed: list[Passed] = []
        self.arrivals: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        front = self

        class Handler(_Handler):
            def pass_on(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                answer, heard = self.ask_behind(port_of(self.headers["Host"]), sent)
                front.passed.append(self.kept(sent, answer, heard))
                self.tell(answer, heard)

            do_GET = do_POST = pass_on

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

            def verify_request(self, request: Any, client_address: Any) -> bool:
                front.arrivals.append(str(self.server_address[0]))
                return True

            def finish_request(self, request: Any, client_address: Any) -> None:
                """In the connection's own thread: who does not go on with the handshake holds up nobody."""
                request.settimeout(SECONDS)
                with context.wrap_socket(request, server_side=True) as secure:
                    Handler(secure, client_address, self)

            def handle_error(self, request: Any, client_address: Any) -> None:
                if not isinstance(sys.exception(), OSError):  # Whoever hangs up has had enough.
                    super().handle_error(request, client_address)

        for address in addresses:
            server = Server((address, 443), Handler)
            threading.Thread(target=server.serve_forever, daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    """One request a connection, so that none is sent into a line that ends."""

    def ask_behind(self, port: int, sent: bytes) -> tuple[HTTPResponse, bytes]:
        headers = {name: value for name, value in self.headers.items() if name.title() not in OURS}
        headers |= {"Host": self.headers["Host"], "X-Forwarded-Proto": "https"}
        headers |= {"X-Forwarded-For": self.client_address[0]}
        behind = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        with closing(behind):
            behind.request(self.command, self.path, sent or None, headers)
            answer = behind.getresponse()
            return answer, answer.read()

    def kept(self, sent: bytes, answer: HTTPResponse, heard: bytes) -> Passed:
        is_form = "form-urlencoded" in self.headers.get("Content-Type", "")
        form = dict(parse_qsl(sent.decode())) if is_form else {}
        is_packed = answer.getheader("Content-Encoding") is not None  # Refusals are too short for that.
        is_json = heard and "json" in answer.getheader("Content-Type", "") and not is_packed
        told = json.loads(heard) if is_json else {}
        headers = {name.title(): value for name, value in self.headers.items()}
        return Passed(
            host=self.headers["Host"],
            method=self.command,
            path=self.path,
            status=answer.status,
            headers=headers,
            form=form,
            told=told if isinstance(told, dict) else {},
        )

    def tell(self, answer: HTTPResponse, heard: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.title() not in OURS:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(heard)))
        self.end_headers()
        self.wfile.write(heard)

    def log_message(self, format: str, *arguments: Any) -> None:
        pass
