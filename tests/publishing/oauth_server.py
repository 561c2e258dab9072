"""A real OAuth server (oidc-provider), strict on codes, PKCE, redirects and reuse, for YouTube and TikTok.

In front of it stands what speaks as these platforms do where they differ from it: TikTok says ``client_key``,
parts scopes by commas, has paths of its own, says errors with 200 and names the account (``open_id``) with
its tokens; Google revokes without the client's secret, and says no refresh token where the old one stays.
Whose token it is (a channel, a user) is answered there too, after the real server vouched for the token.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.cookiejar import CookieJar
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, Request, build_opener

from tests.live import free_port
from tests.publishing.cutting import DROPPED, Cutting
from tests.publishing.node_process import node

SECRET = "our-own-secret-of-some-length"
BACK = "https://share.example.org/partner/accounts/callback"
# Two clients of each platform: a refresh token of one counts once, that of the other stays.
CLIENTS = {"youtube": ("youtube-turns", "youtube-keeps"), "tiktok": ("tiktok-turns", "tiktok-keeps")}
KEEPS = [kept for _, kept in CLIENTS.values()]
# All that the server knows: whoever asks for more (``video.publish``) is granted less.
SCOPES = [
    "https://www.googleapis.com/auth/youtube.upload",
    "https://www.googleapis.com/auth/youtube.readonly",
    "user.info.basic",
    "video.upload",
]
TIKTOK = "/v2/oauth/"

Exchange = tuple[int, list[tuple[str, str]], bytes]


class _GoesNoFurther(HTTPRedirectHandler):
    """Follows the server's own redirects; the way back to us is read, not gone."""

    def redirect_request(self, *args: Any) -> Request | None:
        return None if args[-1].startswith(BACK) else super().redirect_request(*args)


class OAuthServer:
    """``proxy`` stands before all of it, and may cut."""

    def __init__(self, port: int, proxy: Cutting) -> None:
        self._port, self.proxy = port, proxy

    def consent(self, going: str, login: str = "alice", *, accepts: bool = True) -> str:
        """Log in and accept as a person's browser does; returns the query with which it is sent back."""
        opener = build_opener(HTTPCookieProcessor(CookieJar()), _GoesNoFurther())
        request: Request | str = going
        for _ in range(4):
            try:
                with opener.open(request, timeout=20) as page:
                    place, html = page.url, page.read().decode()
            except HTTPError as answer:
                with answer:
                    if found := answer.headers.get("Location"):
                        return urlsplit(found).query
                    raise AssertionError(answer.read().decode()) from answer
            prompt = re.search(r'name="prompt" value="(\w+)"', html)[1]
            fields = {"prompt": prompt, "login": login, "password": "any"}
            request = Request(
                urljoin(place, re.search(r'action="([^"]+)"', html)[1]), urlencode(fields).encode()
            )
            if prompt == "consent" and not accepts:
                request = urljoin(place, re.search(r'href="([^"]+/abort)"', html)[1])
        raise AssertionError("it asks for ever")

    def who(self, token: str, client: str = "youtube-turns") -> str:
        """Return whose token this is; "" for one that counts no more."""
        fields = {"token": token, "client_id": client, "client_secret": SECRET}
        _, _, body = self.ask("POST", "/introspect", {}, urlencode(fields).encode())
        told = json.loads(body)
        return str(told["sub"]) if told["active"] else ""

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Exchange:
        """Ask the real server."""
        ahead = HTTPConnection("127.0.0.1", self._port, timeout=20)
        form = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        ahead.request(method, path, body or None, {"Host": self.proxy.host, **headers, **form})
        answer = ahead.getresponse()
        heard = answer.read()
        ahead.close()
        return answer.status, answer.getheaders(), heard

    def translated(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Exchange:
        """Answer as the platform that was asked would."""
        parts, fields = urlsplit(path), dict(parse_qsl(body.decode()))
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        if parts.path == "/youtube/v3/channels":
            name = self.who(token)
            channel = {"id": f"UC{name}", "snippet": {"title": name.title()}}
            return _json(200, {"items": [channel]}) if name else _json(401, {"error": {"code": 401}})
        if parts.path == "/v2/user/info/":
            name = self.who(token)
            user = {"open_id": f"open-{name}", "display_name": name.title()}
            told = {"data": {"user": user}, "error": {"code": "ok"}}
            return _json(200, told) if name else _json(401, {"error": {"code": "access_token_invalid"}})
        if parts.path == "/auth" and (query := dict(parse_qsl(parts.query))).get("client_key"):
            query |= {"client_id": query.pop("client_key"), "scope": query["scope"].replace(",", " ")}
            return self.ask(method, f"/auth?{urlencode(query)}", headers, body)
        if parts.path.startswith(TIKTOK):
            fields["client_id"] = fields.pop("client_key")
            status, _, heard = self.ask(
                "POST", f"/{parts.path.split('/')[3]}", {}, urlencode(fields).encode()
            )
            return _json(status if status >= 500 else 200, self._named(json.loads(heard or b"{}")))
        if parts.path == "/revoke":
            fields |= {"client_id": "youtube-turns", "client_secret": SECRET}
            return self.ask("POST", "/revoke", {}, urlencode(fields).encode())
        status, told_headers, heard = self.ask(method, path, headers, body)
        if parts.path == "/token" and fields.get("client_id") in KEEPS and fields.get("refresh_token"):
            return _json(status, {**json.loads(heard), "refresh_token": ""})
        return status, told_headers, heard

    def _named(self, told: dict[str, Any]) -> dict[str, Any]:
        """Return a token answer as TikTok gives it."""
        if token := told.get("access_token"):
            return {**told, "open_id": f"open-{self.who(token)}", "scope": told["scope"].replace(" ", ",")}
        return told


def _json(status: int, told: Any) -> Exchange:
    return status, [("Content-Type", "application/json")], json.dumps(told).encode()


@contextmanager
def oauth_server(folder: Path) -> Iterator[OAuthServer]:
    """Start all three: the proxy that may cut, the one that translates, the real server."""
    port = free_port()

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            with suppress(OSError):
                super().handle_one_request()

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {name: value for name, value in self.headers.items() if name not in DROPPED}
            status, headers, heard = server.translated(self.command, self.path, sent, body)
            self.send_response(status)
            for name, value in headers:
                if name.title() not in DROPPED | {"Date", "Server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(heard)))
            self.end_headers()
            self.wfile.write(heard)

        do_GET = do_POST = _pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    door.daemon_threads = True
    threading.Thread(target=door.serve_forever, daemon=True).start()
    proxy = Cutting("127.0.0.1", door.server_port, keeps_host=True)
    server = OAuthServer(port, proxy)
    clients = [
        {
            "client_id": name,
            "client_secret": SECRET,
            "redirect_uris": [f"{BACK}/{platform}"],
            "grant_types": ["authorization_code", "refresh_token"],
            "response_types": ["code"],
            "token_endpoint_auth_method": "client_secret_post",
        }
        for platform, names in CLIENTS.items()
        for name in names
    ]
    asked = {"issuer": proxy.origin, "port": port, "clients": clients, "scopes": SCOPES, "keeps": KEEPS}
    try:
        with node("oidc.mjs", asked, folder):
            yield server
    finally:
        proxy.close()
        door.shutdown()
        door.server_close()
