"""A real Bluesky server (@atproto/pds) with the directory of identities, in a process of its own.

``.ci/run`` installs it; by hand: ``tests/publishing/peers/install``.
"""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.live import free_port
from tests.publishing.cutting import Cutting
from tests.publishing.node_process import node

PASSWORD = "motdepasse-de-test"


class Bluesky:
    """A server as anybody sees it: ``origin`` is where it is found, and it listens at port ``inner``."""

    def __init__(self, origin: str, inner: int) -> None:
        self.origin, self._direct = origin, f"http://127.0.0.1:{inner}"

    def ask(self, name: str, payload: Any = None, token: str = "", **query: str) -> Any:
        """Call as anybody may, or by whom ``token`` is, past the proxy."""
        url = f"{self._direct}/xrpc/{name}" + (f"?{urllib.parse.urlencode(query)}" if query else "")
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {token}"} if token else {}
        )
        request = urllib.request.Request(url, headers=headers)
        data = json.dumps(payload).encode() if payload is not None else None
        with urllib.request.urlopen(request, data, timeout=20) as answer:
            return json.loads(answer.read() or b"null")

    def sign_up(self, handle: str) -> str:
        """Make an account; returns its DID."""
        person = {"handle": handle, "email": f"{handle}@example.org", "password": PASSWORD}
        return str(self.ask("com.atproto.server.createAccount", person)["did"])

    def leave(self, handle: str, kind: str, record: dict[str, Any]) -> None:
        """Let somebody like, repost or answer, as their own app would."""
        who = self.ask("com.atproto.server.createSession", {"identifier": handle, "password": PASSWORD})
        record = {"createdAt": "2026-11-28T12:00:00Z", **record}
        payload = {"repo": who["did"], "collection": f"app.bsky.feed.{kind}", "record": record}
        self.ask("com.atproto.repo.createRecord", payload, who["accessJwt"])

    def posts(self, did: str) -> list[dict[str, Any]]:
        """Return every post of an account, the newest first, each with its ``key``."""
        query = {"repo": did, "collection": "app.bsky.feed.post", "limit": "100"}
        found = self.ask("com.atproto.repo.listRecords", **query)["records"]
        return [{**one["value"], "key": one["uri"].rpartition("/")[2]} for one in found]

    def blob(self, did: str, reference: Any) -> bytes:
        query = urllib.parse.urlencode({"did": did, "cid": reference["ref"]["$link"]})
        with urllib.request.urlopen(f"{self._direct}/xrpc/com.atproto.sync.getBlob?{query}") as answer:
            return bytes(answer.read())

    def consent(self, going: str, handle: str, *, accepts: bool = True) -> str:
        """Log in and accept as a person's browser does; returns where it is sent to, with what query."""
        jar = CookieJar()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = urllib.request.Request(going, headers=_NAVIGATES)
        opener.open(page, timeout=20).read()
        cookies = {cookie.name: str(cookie.value) for cookie in jar}

        def press(act: str, fields: dict[str, Any], token: str = "") -> Any:
            url = f"{self.origin}/@atproto/oauth-provider/~api{act}"
            headers = {
                "Content-Type": "application/json",
                "Origin": self.origin,
                "Referer": going,
                "Sec-Fetch-Site": "same-origin",
                "Sec-Fetch-Mode": "same-origin",
                "x-csrf-token": cookies["csrf-token"],
                "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items()),
            } | ({"Authorization": f"Bearer {token}"} if token else {})
            request = urllib.request.Request(url, json.dumps(fields).encode(), headers)
            with urllib.request.urlopen(request, timeout=20) as answer:
                for line in answer.headers.get_all("Set-Cookie") or []:
                    name, _, value = line.partition(";")[0].partition("=")
                    cookies[name] = value
                return json.loads(answer.read())

        person = {"username": handle, "password": PASSWORD, "locale": "en", "remember": False}
        known = press("/sign-in", person)
        if accepts:
            told = press("/consent", {"did": known["account"]["did"]}, known["ephemeralToken"])
        else:
            told = press("/reject", {})
        back = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(told["url"]).query))
        place = urllib.parse.urlsplit(back["redirect_uri"]).path
        kept = {name: back[name] for name in ("state", "code", "error", "iss") if name in back}
        return f"{place}?{urllib.parse.urlencode(kept)}"


class BlueskyServer(Bluesky):
    """``origin`` is the server, behind a proxy that may cut; ``directory`` answers for its DIDs.

    ``view`` is the proxy before what counts as an AppView does, from the server's own records.
    ``client`` is asked for the product's own document, by its path.
    """

    def __init__(self, ports: dict[str, int], proxy: Cutting) -> None:
        self.proxy, self.host = proxy, f"localhost:{ports['port']}"
        super().__init__(f"http://{self.host}", ports["inner"])
        self.view = Cutting("127.0.0.1", ports["view"])
        self.directory = f"http://localhost:{ports['plc']}"
        self.client: Callable[[str], bytes] = lambda path: b""


_NAVIGATES = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@contextmanager
def bluesky(folder: Path) -> Iterator[BlueskyServer]:
    ports = {name: free_port() for name in ("port", "inner", "plc", "view")}
    proxy = Cutting("127.0.0.1", ports["inner"], at=ports["port"], keeps_host=True)
    server = BlueskyServer(ports, proxy)

    class Document(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = server.client(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Document)
    threading.Thread(target=door.serve_forever, daemon=True).start()
    asked = {**ports, "folder": str(folder), "client": f"http://localhost:{door.server_port}"}
    try:
        with node("bluesky.mjs", asked, folder):
            yield server
    finally:
        proxy.close()
        server.view.close()
        door.shutdown()
        door.server_close()
