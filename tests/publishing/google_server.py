"""What Google's consent, token and YouTube servers say, as their documentation has it: a stand-in of ours."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

CLIENT = {"client_id": "our-client", "client_secret": "our-client-secret"}


class GoogleServer:
    """``videos`` holds every video whose last byte came; ``sessions`` every upload under way, with its bytes.

    ``errors`` are told once each, by path: (status, reason). ``grants`` is what the consent gives.
    """

    def __init__(self) -> None:
        self.videos: dict[str, dict[str, Any]] = {}
        self.sessions: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.access: set[str] = set()
        self.refresh_tokens: set[str] = set()
        self.errors: dict[str, tuple[int, str]] = {}
        self.grants, self.privacy = "", "public"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                with suppress(OSError):
                    super().handle_one_request()

            def do_GET(self) -> None:
                self._answer(*outer._get(self))

            def do_POST(self) -> None:
                self._answer(*outer._post(self, self._body()))

            def do_PUT(self) -> None:
                self._answer(*outer._put(self, self._body()))

            def _body(self) -> bytes:
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))

            def _answer(self, status: int, told: Any = None, headers: dict[str, str] | None = None) -> None:
                body = json.dumps(told).encode() if told is not None else b""
                self.send_response(status)
                if body:
                    self.send_header("Content-Type", "application/json; charset=UTF-8")
                for name, value in (headers or {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_port

    def bytes_of(self, video: str) -> bytes:
        (found,) = (one["bytes"] for one in self.sessions.values() if one.get("video") == video)
        return bytes(found)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def consent(self, going: str, grants: str | None = None) -> str:
        """Return the query with which the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(going).query))
        assert asked["client_id"] == CLIENT["client_id"] and asked["code_challenge_method"] == "S256"
        code = secrets.token_urlsafe(12)
        self.codes[code] = {**asked, "scope": asked["scope"] if grants is None else grants}
        return f"state={asked['state']}&code={code}&scope=x"

    def _is_known(self, request: BaseHTTPRequestHandler) -> bool:
        return (request.headers.get("Authorization") or "").removeprefix("Bearer ") in self.access

    def _post(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[Any, ...]:
        path = urlsplit(request.path).path
        if path == "/token":
            return self._token(dict(parse_qsl(body.decode())))
        if path == "/revoke":
            token = dict(parse_qsl(body.decode()))["token"]
            self.refresh_tokens.discard(token)
            self.access.clear()
            return 200, {}
        if not self._is_known(request):
            return 401, _error("authError")
        if path in self.errors:
            status, reason = self.errors.pop(path)
            return status, _error(reason)
        name = secrets.token_urlsafe(8)
        length = int(request.headers["X-Upload-Content-Length"])
        self.sessions[name] = {"told": json.loads(body), "bytes": b"", "length": length}
        return 200, None, {"Location": f"http://{request.headers['Host']}{path}?upload_id={name}"}

    def _token(self, asked: dict[str, str]) -> tuple[Any, ...]:
        if {name: asked.get(name) for name in CLIENT} != CLIENT:
            return 401, {"error": "invalid_client"}
        scope = ""
        if asked["grant_type"] == "refresh_token":
            if asked["refresh_token"] not in self.refresh_tokens:
                return 400, {"error": "invalid_grant"}
        else:
            known = self.codes.pop(asked["code"], None)
            hashed = hashlib.sha256(asked["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
            if (
                known is None
                or known["redirect_uri"] != asked["redirect_uri"]
                or challenge != known["code_challenge"]
            ):
                return 400, {"error": "invalid_grant"}
            scope = known["scope"]
        pair = {"access_token": secrets.token_urlsafe(24)}
        self.access.add(pair["access_token"])
        if asked["grant_type"] != "refresh_token":
            pair["refresh_token"] = secrets.token_urlsafe(24)
            self.refresh_tokens.add(pair["refresh_token"])
        return 200, {**pair, "expires_in": 3599, "scope": scope, "token_type": "Bearer"}

    def _put(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[Any, ...]:
        name = dict(parse_qsl(urlsplit(request.path).query))["upload_id"]
        session = self.sessions.get(name)
        if session is None:
            return 404, _error("notFound")
        if not self._is_known(request):
            return 401, _error("authError")
        if "video" in session:
            return 200, self.videos[session["video"]]
        span = re.fullmatch(r"bytes (\*|(\d+)-(\d+))/(\d+)", request.headers["Content-Range"])
        assert span and int(span[4]) == session["length"]
        if span[1] != "*":
            assert int(span[2]) == len(session["bytes"]) and int(span[3]) - int(span[2]) + 1 == len(body)
            session["bytes"] += body
        if len(session["bytes"]) < session["length"]:
            return 308, None, {"Range": f"bytes=0-{len(session['bytes']) - 1}"} if session["bytes"] else {}
        video = secrets.token_urlsafe(8)
        session["video"] = video
        status = {**session["told"]["status"], "privacyStatus": self.privacy}
        at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        snippet = {**session["told"]["snippet"], "publishedAt": at}
        self.videos[video] = {**session["told"], "id": video, "status": status, "snippet": snippet}
        return 200, self.videos[video]

    def _get(self, request: BaseHTTPRequestHandler) -> tuple[Any, ...]:
        parts = urlsplit(request.path)
        query = dict(parse_qsl(parts.query))
        if not self._is_known(request):
            return 401, _error("authError")
        if parts.path in self.errors:
            status, reason = self.errors.pop(parts.path)
            return status, _error(reason)
        if parts.path.endswith("/channels"):
            lists = {"relatedPlaylists": {"uploads": "UUalice"}}
            return 200, {"items": [{"id": "UCalice", "snippet": {"title": "Alice"}, "contentDetails": lists}]}
        if parts.path.endswith("/playlistItems"):
            start = int(query.get("pageToken", "0"))
            listed, size = list(self.videos.values())[::-1], int(query.get("maxResults", "5"))
            shown = [
                {
                    "snippet": {
                        "description": one["snippet"]["description"],
                        "publishedAt": one["snippet"]["publishedAt"],
                        "resourceId": {"videoId": one["id"]},
                    }
                }
                for one in listed[start : start + size]
            ]
            more = {"nextPageToken": str(start + size)} if len(listed) > start + size else {}
            return 200, {"items": shown, **more}
        numbers = {"viewCount": "12", "likeCount": "3", "commentCount": "1"}
        return 200, {"items": [{"statistics": numbers}] if query["id"] in self.videos else []}


def _error(reason: str) -> dict[str, Any]:
    return {"error": {"errors": [{"reason": reason}], "message": reason}}
