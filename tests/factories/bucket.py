"""An S3-compatible server of this process, and a stranger between us and it who breaks what is asked."""

from __future__ import annotations

import functools
import http.client
import secrets
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3

KEY, SECRET = "AKIAOFTHETESTS", "a-secret/of+the=tests"


class Between(ThreadingHTTPServer):
    """Hands each request on to the server; ``mood`` says what it does instead."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behind = port
        self.mood = ""
        self.times = 10**9
        self.asked: list[str] = []
        self.silence = threading.Event()
        self.prefix = ""
        self.clients: dict[tuple[int, str, int], Any] = {}  # A client takes half a second to make.

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def settings(self) -> dict[str, str]:
        return {
            "MEDIA_URL": f"s3://media/{self.prefix}",
            "AWS_ENDPOINT_URL_S3": self.url,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }

    @property
    def keys(self) -> list[str]:
        """What the bucket holds under the prefix, past everything of ours."""
        found = self.client().list_objects_v2(Bucket="media", Prefix=f"{self.prefix}/").get("Contents", [])
        return [each["Key"].removeprefix(f"{self.prefix}/") for each in found]

    @functools.cache  # noqa: B019 (one server a process)
    def client(self) -> Any:
        """A client of the bucket that is not ours."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.behind}",
            region_name="us-east-1",
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
        )

    def begin_anew(self) -> None:
        self.be("")
        self.prefix = secrets.token_hex(8)
        self.asked.clear()

    def be(self, mood: str, times: int = 10**9) -> None:
        self.mood, self.times = mood, times


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Between

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except OSError:
            self.close_connection = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"{self.command} {self.path}")
        mood = self.server.mood if self.server.times > 0 else ""
        self.server.times -= 1
        if mood == "reset":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif mood == "silent":
            self.server.silence.wait(30)
            self.close_connection = True
        elif mood.isdigit() or ":" in mood:
            status, _, code = mood.partition(":")
            self._say(int(status), _error(code) if code else b"")
        else:
            self._hand_on(body, is_cut=mood == "cut")

    def _hand_on(self, body: bytes, *, is_cut: bool) -> None:
        inner = http.client.HTTPConnection("127.0.0.1", self.server.behind, timeout=30)
        try:
            inner.request(self.command, self.path, body, dict(self.headers))
            answer = inner.getresponse()
            content = answer.read()
        finally:
            inner.close()
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("transfer-encoding", "connection"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if is_cut else content)
        if is_cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def _say(self, status: int, content: bytes) -> None:
        self.send_response_only(status)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def _error(code: str) -> bytes:
    return f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>{SECRET}</Message></Error>".encode()


@contextmanager
def s3_server() -> Iterator[Between]:
    """Start moto's server with the bucket ``media``, and the stranger before it."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    between = Between(port)
    thread = threading.Thread(target=between.serve_forever, daemon=True)
    thread.start()
    try:
        between.client().create_bucket(Bucket="media")
        yield between
    finally:
        between.silence.set()
        for each in (between.client(), *between.clients.values()):
            each.close()
        between.shutdown()
        between.server_close()
        server.stop()
