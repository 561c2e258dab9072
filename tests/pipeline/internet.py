"""An internet of one machine: public and private addresses, names, pages, certificates.

A script, run in network and mount namespaces of its own: ``unshare -nm python internet.py FOLDER``.
It reads orders as JSON, a line each, gets the video of an address with the product's own code,
unchanged, and says what came of it. Nothing that it sends can leave its namespaces.
"""

from __future__ import annotations

import json
import logging
import mimetypes
import resource
import ssl
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from contentflow.core.download import DownloadLimits
from contentflow.pipeline.fetch import fetch
from contentflow.pipeline.reasons import UnprocessableMedia
from tests.namespaces import answer_names, certificate, open_addresses

PUBLIC = "93.184.216.34"
PRIVATE = ("127.0.0.1", "10.0.0.1", "169.254.169.254")
# A name has its addresses in turn, and keeps the last; any other name has the public one.
NAMES = {
    "inside.example.org": ["10.0.0.1"],
    "here.example.org": ["127.0.0.1"],
    "rebinding.example.org": [PUBLIC, "10.0.0.1"],
    "missing.example.org": [],
}

asked: Counter[str] = Counter()
pages: dict[str, Any] = {}
visits: list[str] = []
intrusions: list[str] = []


def addresses_of(name: str) -> list[str]:
    asked[name] += 1
    return NAMES.get(name, [PUBLIC])[: asked[name]][-1:]


class Site(BaseHTTPRequestHandler):
    """Answers with what the order says about a path: a page, a status, {"to": …} or {"file": …}."""

    def do_GET(self) -> None:
        visits.append(self.path)
        what = pages.get(self.path, 404)
        if isinstance(what, list):  # In turn; the last one stays.
            what = what.pop(0) if len(what) > 1 else what[0]
        if isinstance(what, int):
            self.tell(what, {})
        elif isinstance(what, str):
            self.tell(200, {"Content-Type": "text/html; charset=utf-8"}, what.encode())
        elif "to" in what:
            self.tell(302, {"Location": what["to"]})
        else:
            path = Path(what["file"])
            kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            self.tell(200, {"Content-Type": kind} | what.get("headers", {}), path.read_bytes(), what)

    do_HEAD = do_GET

    def tell(self, status: int, headers: dict[str, str], body: bytes = b"", how: Any = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not (how or {}).get("times"):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            for _ in range((how or {}).get("times", 1)):
                self.wfile.write(body)
                time.sleep((how or {}).get("pause", 0))

    def log_message(self, format: str, *arguments: Any) -> None:
        pass


class Server(ThreadingHTTPServer):
    def verify_request(self, request: Any, client_address: Any) -> bool:
        if self.server_address[0] in PRIVATE:
            intrusions.append(str(self.server_address))
        return True

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # Whoever hangs up has had enough.


def open_sites(pem: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    for address in (PUBLIC, *PRIVATE):
        for port in (80, 443):
            server = Server((address, port), Site)
            if (address, port) == (PUBLIC, 443):
                server.socket = context.wrap_socket(server.socket, server_side=True)
            threading.Thread(target=server.serve_forever, daemon=True).start()


def carry_out(order: dict[str, Any]) -> dict[str, Any]:
    for memory in (asked, pages, visits, intrusions):
        memory.clear()
    pages.update(order["pages"])
    folder = Path(order["folder"])
    began = time.monotonic()
    try:
        file = fetch(order["url"], folder / "brought", folder, DownloadLimits(**order["limits"]))
        result: dict[str, Any] = {"file": str(file)}
    except UnprocessableMedia as unprocessable:
        result = {"reason": unprocessable.reason, "is_passing": unprocessable.is_passing}
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    took = time.monotonic() - began
    heard = {"visits": visits, "intrusions": intrusions, "asked": asked}
    return result | heard | {"seconds": took, "max_mib": most}


def main(folder: Path) -> None:
    logging.basicConfig(stream=sys.stderr)
    open_addresses((PUBLIC, *PRIVATE[1:]))
    answer_names(addresses_of, folder)
    open_sites(certificate(("*.example.org", "framatube.org"), folder))
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
