"""What TikTok's servers say, as their documentation has it: a stand-in of ours."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

CLIENT = {"client_key": "our-key", "client_secret": "our-key-secret"}


class TikTokServer:
    """``uploads`` holds every publication by its id, with what was asked and the bytes that came.

    ``errors`` are told once each, by the path's end: (status, code). ``ends`` is what becomes of an upload.
    """

    def __init__(self) -> None:
        self.uploads: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.access: set[str] = set()
        self.errors: dict[str, tuple[int, str]] = {}
        self.ends: dict[str, Any] = {}
        self.privacies = ["PUBLIC_TO_EVERYONE", "MUTUAL_FOLLOW_FRIENDS", "SELF_ONLY"]
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *args: Any) -> None:
                pass

            def handle_one_request(self) -> None:
                with suppress(OSError):
                    super().handle_one_request()

            def _act(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                status, told = outer._told(self, body)
                answer = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            do_GET = do_POST = do_PUT = _act

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def consent(self, going: str, grants: str | None = None) -> str:
        """Return the query with which the browser is sent back."""
        asked = dict(parse_qsl(urlsplit(going).query))
        assert asked["client_key"] == CLIENT["client_key"]
        code = secrets.token_urlsafe(12)
        self.codes[code] = {**asked, "scope": asked["scope"] if grants is None else grants}
        return f"state={asked['state']}&code={code}&scopes=x"

    def _told(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any]:
        path = urlsplit(request.path).path
        self.asked.append(path)
        for end, (status, code) in list(self.errors.items()):
            if path.endswith(end):
                del self.errors[end]
                return status, {"data": {}, "error": {"code": code, "message": "no", "log_id": "1"}}
        if path.startswith("/v2/oauth/"):
            return self._oauth(path, dict(parse_qsl(body.decode())))
        if path.startswith("/upload/"):
            return self._bytes(path.rpartition("/")[2], request.headers["Content-Range"], body)
        if (request.headers.get("Authorization") or "").removeprefix("Bearer ") not in self.access:
            return 401, {"data": {}, "error": {"code": "access_token_invalid"}}
        return 200, {"data": self._data(path, request, body), "error": {"code": "ok", "message": ""}}

    def _oauth(self, path: str, asked: dict[str, str]) -> tuple[int, Any]:
        if {name: asked.get(name) for name in CLIENT} != CLIENT:
            return 200, {"error": "invalid_client"}
        if path.endswith("/revoke/"):
            self.access.discard(asked["token"])
            return 200, {}
        scope = ""
        if asked["grant_type"] == "authorization_code":
            known = self.codes.pop(asked["code"], None)
            hashed = base64.urlsafe_b64encode(hashlib.sha256(asked["code_verifier"].encode()).digest())
            if known is None or hashed.rstrip(b"=").decode() != known["code_challenge"]:
                return 200, {"error": "invalid_grant", "error_description": "code"}
            scope = known["scope"]
        token = secrets.token_urlsafe(24)
        self.access.add(token)
        pair = {"access_token": token, "refresh_token": secrets.token_urlsafe(24), "open_id": "open-alice"}
        return 200, {**pair, "expires_in": 86_400, "scope": scope, "token_type": "Bearer"}

    def _data(self, path: str, request: BaseHTTPRequestHandler, body: bytes) -> dict[str, Any]:
        if path == "/v2/user/info/":
            return {"user": {"open_id": "open-alice", "display_name": "Alice"}}
        if path.endswith("/creator_info/query/"):
            limits = {"comment_disabled": False, "duet_disabled": False, "stitch_disabled": True}
            longest = {"max_video_post_duration_sec": 300}
            return {
                "creator_nickname": "Alice",
                "creator_username": "alice.tok",
                "privacy_level_options": self.privacies,
                **limits,
                **longest,
            }
        if path.endswith("/video/init/"):
            name = secrets.token_urlsafe(8)
            self.uploads[name] = {"asked": json.loads(body), "bytes": b"", "is_inbox": "inbox" in path}
            return {"publish_id": name, "upload_url": f"http://{request.headers['Host']}/upload/{name}"}
        upload = self.uploads[json.loads(body)["publish_id"]]
        if len(upload["bytes"]) < upload["asked"]["source_info"]["video_size"]:
            return {"status": "PROCESSING_UPLOAD", "uploaded_bytes": len(upload["bytes"])}
        if upload["is_inbox"]:
            return {"status": "SEND_TO_USER_INBOX", **self.ends}
        return {"status": "PUBLISH_COMPLETE", "publicaly_available_post_id": [7_400], **self.ends}

    def _bytes(self, name: str, span: str, body: bytes) -> tuple[int, Any]:
        upload = self.uploads[name]
        size = upload["asked"]["source_info"]["video_size"]
        place = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", span)
        assert place and int(place[3]) == size and int(place[2]) - int(place[1]) + 1 == len(body)
        upload["bytes"] = upload["bytes"][: int(place[1])] + body
        return (201 if len(upload["bytes"]) == size else 206), {}
