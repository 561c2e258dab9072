"""mastodon-mock in a process of its own: statuses, media, idempotency and faults."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from json import dumps, loads
from pathlib import Path
from typing import Any

from tests.live import free_port


class MastodonServer:
    def __init__(self, port: int) -> None:
        self.port, self.origin = port, f"http://127.0.0.1:{port}"

    def ask(self, method: str, path: str, payload: Any = None, token: str = "") -> Any:
        request = urllib.request.Request(self.origin + path, method=method)
        request.add_header("Content-Type", "application/json")
        if token:
            request.add_header("Authorization", f"Bearer {token}")
        data = dumps(payload).encode() if payload is not None else None
        with urllib.request.urlopen(request, data, timeout=20) as answer:
            return loads(answer.read() or b"null")

    def statuses(self, token: str, account_id: str) -> list[dict[str, Any]]:
        """Return every status of an account, the newest first."""
        found: list[dict[str, Any]] = []
        while True:
            path = f"/api/v1/accounts/{account_id}/statuses?limit=40"
            page = self.ask("GET", path + (f"&max_id={found[-1]['id']}" if found else ""), token=token)
            if not page:
                return found
            found += page

    def refuse_posts(self, status: int, times: int) -> None:
        match = {"methods": ["POST"], "path": "/api/v1/statuses"}
        effect = {"type": "status", "status": status, "body": {"error": "refused"}}
        self.ask("POST", "/api/v1/_mock/faults", {"match": match, "effect": effect, "count": times})

    def heal(self) -> None:
        self.ask("DELETE", "/api/v1/_mock/faults")


@contextmanager
def mastodon(folder: Path) -> Iterator[MastodonServer]:
    port = free_port()
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--domain", f"127.0.0.1:{port}"]
    log = (folder / "mastodon.log").open("wb")
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=subprocess.STDOUT)
    server = MastodonServer(port)
    try:
        for _ in range(900):
            assert process.poll() is None, (folder / "mastodon.log").read_text()
            with suppress(urllib.error.URLError, OSError):
                server.ask("GET", "/api/v2/instance")
                break
            time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(10)
        log.close()
