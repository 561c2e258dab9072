"""A product that believes everybody: what an attack must fell, or it tries nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

CHANNELS = 11
HELD_SECONDS = 2.0
FORM = '<form><input name="csrf_token" value="any"></form>'


class Shop:
    """What it was told. One person owns all, every click counts, every press does something anew."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.kept: dict[str, list[dict[str, Any]]] = {
            kind: [] for kind in ("submissions", "share_logs", "links", "clicks", "deliveries", "ledger")
        }

    def bring(self, fields: dict[str, str]) -> str:
        id = f"post{len(self.kept['submissions'])}"
        self.kept["submissions"].append({"id": id, "title": fields.get("title", ""), "status": "ready"})
        self.kept["links"] += [{"code": f"{id}-{n}", "submission_id": id} for n in range(CHANNELS)]
        return f"/byop/kit?id={id}"

    def mail(self, fields: dict[str, str]) -> str:
        for person in fields.get("emails", "").split():
            self.kept["deliveries"].append({"recipient": person})
        return f"/byop/kit?id={fields.get('sid', '')}&send={len(self.kept['deliveries'])}"

    def click(self, code: str) -> str:
        self.kept["clicks"].append({"code": code, "verdict": "valid"})
        self.kept["ledger"].append({"account": "available", "amount_cents": 5})
        return "https://shop.example.org/"

    def sell(self) -> str:
        self.kept["ledger"].append({"account": "available", "amount_cents": 5})
        return json.dumps({"id": len(self.kept["ledger"])})


class Believing(BaseHTTPRequestHandler):
    shop: Shop

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        with self.shop.lock:
            if path.startswith("/l/zzz"):
                self.answer(404)
            elif path.startswith("/l/"):
                self.answer(302, place=self.shop.click(path[3:]))
            elif path == "/partner/export.json":
                self.answer(200, json.dumps(self.shop.kept))
            elif "evil" in self.headers.get("Host", "evil"):
                self.answer(200, self.headers["Host"])
            elif led := dict(parse_qsl(urlsplit(self.path).query)).get("next"):
                self.answer(302, unquote(self.path), "".join(led.split("\n")[:1]))
            elif len(self.path) + len(str(self.headers)) > 5_000:
                self.answer(500)
            else:
                self.answer(200, FORM + unquote(self.path))

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        fields = dict(parse_qsl(text))
        with self.shop.lock:
            if self.path == "/byop/submit":
                self.answer(303, place=self.shop.bring(fields))
            elif self.path == "/byop/email":
                self.answer(303, place=self.shop.mail(fields))
            elif self.path.startswith("/postback/"):
                self.answer(200, self.shop.sell())
            else:
                self.answer(303, place="/")

    def answer(self, status: int, text: str = "", place: str = "") -> None:
        self.send_response(status)
        if place:
            self.send_header("Location", place)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: object) -> None:
        pass


class Patient(Believing):
    """Waits for whoever is connected, one after the other, before it is anybody else's turn."""

    protocol_version = "HTTP/1.1"
    timeout = HELD_SECONDS

    def parse_request(self) -> bool:
        is_right = super().parse_request()
        self.close_connection = False
        return is_right


@contextmanager
def weak(handler: type[Believing] = Believing) -> Iterator[str]:
    """Serve a product that holds nothing against anybody; yields its URL."""
    kind = type("Handler", (handler,), {"shop": Shop()})
    server = (HTTPServer if handler is Patient else ThreadingHTTPServer)(("127.0.0.1", 0), kind)
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
