"""Google's resumable uploads as gcp-storage-emulator takes them, behind a door that calls a bucket a channel.

The door changes what is not the protocol's: an upload is opened at YouTube's path, and an object comes back
as a video. Of the emulator it mends that ``Range: bytes=0-0`` is said also where no byte came (Google says no
``Range`` then). A session that ended is unknown to it (Google tells the video once more): then the channel's
uploads are looked through.
"""

from __future__ import annotations

import json
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.live import free_port
from tests.publishing.cutting import DROPPED
from tests.publishing.discovery import PYTHON

BUCKET = "videos"
OBJECTS = f"/upload/storage/v1/b/{BUCKET}/o"
OPENS = "/upload/youtube/v3/videos"


class StorageServer:
    """``told`` is what was said of each upload that was opened, by its name; ``port`` is the door's."""

    def __init__(self, behind: int) -> None:
        self._behind, self.port = behind, 0
        self.told: dict[str, dict[str, Any]] = {}

    @property
    def names(self) -> list[str]:
        """The objects that are there, the newest last."""
        items = json.loads(self.ask("GET", f"/storage/v1/b/{BUCKET}/o")[2]).get("items", [])
        return [one["name"] for one in sorted(items, key=lambda one: one["timeCreated"])]

    def bytes_of(self, name: str) -> bytes:
        return self.ask("GET", f"/download/storage/v1/b/{BUCKET}/o/{name}?alt=media")[2]

    def ask(
        self, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        ahead = HTTPConnection("127.0.0.1", self._behind, timeout=20)
        ahead.request(method, path, body, headers or {})
        answer = ahead.getresponse()
        told = answer.status, dict(answer.getheaders()), answer.read()
        ahead.close()
        return told

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Answer as YouTube would: from the emulator, whatever is of the upload."""
        place = urlsplit(path).path
        if place == OPENS:
            name = f"video{len(self.told) + 1}"
            self.told[name] = json.loads(body)
            return self.ask(method, f"{OBJECTS}?uploadType=resumable&name={name}", headers, body)
        if place == OBJECTS:
            status, told, heard = self.ask(method, path, headers, body)
            if status == 200:
                name = json.loads(heard)["name"]
                return 200, {}, json.dumps({**self.told[name], "id": name}).encode()
            if told.get("Range") == "bytes=0-0":
                del told["Range"]
            return status, told, heard
        items: list[Any] = [{"id": "UCalice", "contentDetails": {"relatedPlaylists": {"uploads": "UU"}}}]
        if place.endswith("/playlistItems"):
            assert dict(parse_qsl(urlsplit(path).query))["playlistId"] == "UU"
            items = [
                {"snippet": {**self.told[name]["snippet"], "resourceId": {"videoId": name}}}
                for name in self.names[::-1]
            ]
        return 200, {}, json.dumps({"items": items}).encode()


@contextmanager
def storage(folder: Path) -> Iterator[StorageServer]:
    behind = free_port()
    command = [str(PYTHON), "-m", "gcp_storage_emulator", "start", "--quiet", "--in-memory"]
    command += ["--host", "127.0.0.1", "--port", str(behind), "--default-bucket", BUCKET]
    server = StorageServer(behind)

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            with suppress(OSError):
                super().handle_one_request()

        def _pass(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            sent = {name: value for name, value in self.headers.items() if name not in DROPPED - {"Host"}}
            status, headers, heard = server.answer(self.command, self.path, sent, body)
            self.send_response(status)
            for name, value in headers.items():
                if name.title() not in DROPPED | {"Date", "Server"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(heard)))
            self.end_headers()
            self.wfile.write(heard)

        do_GET = do_POST = do_PUT = _pass

    door = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    door.daemon_threads = True
    server.port = door.server_port
    threading.Thread(target=door.serve_forever, daemon=True).start()
    log = folder / "storage.log"
    with log.open("wb") as written:
        process = subprocess.Popen(command, cwd=folder, stdout=written, stderr=subprocess.STDOUT)
        try:
            for _ in range(900):
                assert process.poll() is None, log.read_text()
                with suppress(urllib.error.URLError, OSError):
                    urllib.request.urlopen(f"http://127.0.0.1:{behind}/", timeout=5).close()
                    break
                time.sleep(0.1)
            yield server
        finally:
            process.terminate()
            process.wait(10)
            door.shutdown()
            door.server_close()
