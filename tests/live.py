"""A real ``contentflow serve`` on a free port, for the tests that need processes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

START_SECONDS = 90.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as door:
        return int(door.getsockname()[1])


@dataclass
class Live:
    """A running product; ``run`` calls its commands on the same data."""

    data_dir: Path
    environ: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.data_dir / "serve.log"

    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("COV_")}
        own = {"ENV": "development", "DATA_DIR": str(self.data_dir), "PORT": str(self.port)}
        return {**kept, **own, **self.environ}

    def run(self, *arguments: str) -> Any:
        """Call a command with ``--json`` and return what it said."""
        command = [sys.executable, "-m", "contentflow", *arguments, "--json"]
        done = subprocess.run(command, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def start(self, *arguments: str) -> None:
        """Start ``serve`` and wait until ``/readyz`` says 200."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "contentflow", "serve", *arguments]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=self.environment(), stdout=log, stderr=log, start_new_session=True
            )
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.status("/readyz") == 200:
                return
            time.sleep(0.1)
        raise AssertionError(f"not ready after {START_SECONDS:g} s:\n{self.log.read_text()[-4000:]}")

    def status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(self.url + path, timeout=5) as response:
                return int(response.status)
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 0

    def children(self) -> list[int]:
        """Process ids below the parent: gunicorn, its workers, the worker."""
        assert self.process is not None
        known, found = [self.process.pid], []
        while known:
            parent = known.pop()
            with contextlib.suppress(OSError):  # It, or a thread of it, may end meanwhile.
                for task in Path(f"/proc/{parent}/task").glob("*/children"):
                    pids = [int(pid) for pid in task.read_text().split()]
                    found += pids
                    known += pids
        return found

    def kill_parent(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@contextlib.contextmanager
def serving(data_dir: Path, *arguments: str, **environ: str) -> Iterator[Live]:
    live = Live(data_dir, environ)
    try:
        live.start(*arguments)
        yield live
    finally:
        live.stop()
