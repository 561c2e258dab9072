"""Programmes of their own in empty folders; servers for them and for the floors, with the same settings."""

from __future__ import annotations

import contextlib
import http.client
import importlib.util
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

from flask import Flask
from sqlalchemy import func, make_url, select, text

from bench.load import Load, Outcome
from bench.processes import worked
from contentflow import bench, config, create_app
from contentflow.config import ROOT
from contentflow.core import migrate
from contentflow.core.db import db, dispose
from contentflow.links.models import Link, LinkTotal

WORKERS = 2
START_SECONDS = 60.0
CATCH_UP_SECONDS = 600.0
GUNICORN = [
    *[sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")],
    *["--workers", str(WORKERS), "--bind", "127.0.0.1:{port}"],
]
GRANIAN = [
    *[sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"],
    *["--workers", str(WORKERS), "--blocking-threads", "32", "--no-ws", "--log-level", "warning"],
]


def has_granian() -> bool:
    return importlib.util.find_spec("granian") is not None


@dataclass
class Programme:
    """A product's data; ``environ`` is what its processes are started with."""

    name: str
    folder: Path
    database_url: str = ""
    more: dict[str, str] = field(default_factory=dict)
    partner_id: str = ""

    @cached_property
    def environ(self) -> dict[str, str]:
        own = {
            "ENV": "production",
            "SECRET_KEY": secrets.token_urlsafe(32),
            "PUBLIC_BASE_URL": "https://share.example.org",
            "DATA_DIR": str(self.folder),
            "DATABASE_URL": self.database_url,
            "HUEY_URL": "",
            "MAIL_TRANSPORT": "none",
            "TRUSTED_PROXIES": "1",
        }
        return {**os.environ, **own, **self.more}

    @cached_property
    def app(self) -> Flask:
        return create_app(config.load(self.environ))

    def prepare(self, clicks: int = 0, links: int = 0) -> None:
        with self.app.app_context():
            migrate.upgrade()
            self.partner_id = bench.prepare()
            if links:
                bench.fill_links(links)
            if clicks:
                bench.fill(clicks)
            dispose()

    def codes(self) -> list[str]:
        with self.app.app_context():
            return list(db.session.scalars(select(Link.code).order_by(Link.variant, Link.code)))

    def clicks(self) -> int:
        """Return how many clicks the product's own sums count, wherever it wrote them first."""
        with self.app.app_context():
            return int(db.session.scalar(select(func.sum(LinkTotal.clicks))) or 0)


@contextlib.contextmanager
def programme(name: str, clicks: int = 0, links: int = 0, **more: str) -> Iterator[Programme]:
    with tempfile.TemporaryDirectory(prefix="contentflow-bench-") as folder, _database() as url:
        made = Programme(name, Path(folder), url, more)
        made.prepare(clicks, links)
        try:
            yield made
        finally:
            with made.app.app_context():
                dispose()


@contextlib.contextmanager
def _database() -> Iterator[str]:
    """SQLite; or a database of its own on the server that CONTENTFLOW_BENCH_DATABASE names."""
    server = os.environ.get("CONTENTFLOW_BENCH_DATABASE", "")
    if not server:
        yield ""
        return
    from sqlalchemy import create_engine

    name = f"contentflow_bench_{secrets.token_hex(4)}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        try:
            yield make_url(server).set(database=name).render_as_string(hide_password=False)
        finally:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@dataclass
class Server:
    """What is asked; ``programme`` is None where no click is written."""

    name: str
    port: int
    processes: list[subprocess.Popen[bytes]]
    programme: Programme | None = None

    def worked(self) -> float:
        return sum(worked(process.pid) for process in self.processes)


@contextlib.contextmanager
def serving(
    name: str, target: str, environ: dict[str, str], command: list[str], of: Programme | None = None
) -> Iterator[Server]:
    """Serve ``target``, and with a programme also its worker."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = int(door.getsockname()[1])
    commands = [[word.format(port=port) for word in command] + [target]]
    if of is not None:
        commands.append([sys.executable, "-m", "contentflow", "worker"])
    started = [subprocess.Popen(words, env={**environ, "PORT": str(port)}, cwd=ROOT) for words in commands]
    try:
        wait_for(port)
        yield Server(name, port, started, of)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)


def wait_for(port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        asked = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            asked.request("GET", "/healthz")
            asked.getresponse().read()
            return
        except (OSError, http.client.HTTPException):
            if time.monotonic() > until:
                raise
            time.sleep(0.1)
        finally:
            asked.close()


def load(task: Load) -> Outcome:
    """Ask from a process of its own."""
    script = [sys.executable, str(ROOT / "bench" / "load.py")]
    done = subprocess.run(script, input=json.dumps(asdict(task)), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    found["statuses"] = {int(status): number for status, number in found["statuses"].items()}
    return Outcome(**found)


@dataclass(frozen=True)
class Round:
    """``cost_ms``: processor time of all of the server's processes for one request, folding included.

    ``behind_seconds``: how long after its last answer the last click was counted.
    """

    outcome: Outcome
    cost_ms: float
    behind_seconds: float = 0.0


class Miscounted(Exception):
    """Answers and counted clicks differ."""


def measure(server: Server, task: Load) -> Round:
    before = server.programme.clicks() if server.programme else 0
    used = server.worked()
    outcome = load(task)
    if outcome.broken or set(outcome.statuses) != {302}:
        raise Miscounted(f"{server.name}: {outcome.statuses}, {outcome.broken} without an answer")
    behind = _catch_up(server, before + outcome.answered) if server.programme else 0.0
    return Round(outcome, (server.worked() - used) * 1000 / outcome.answered, behind)


def _catch_up(server: Server, expected: int) -> float:
    """Wait until each answered click is counted, and no more than those; return the seconds it took."""
    assert server.programme is not None
    began = time.monotonic()
    while (counted := server.programme.clicks()) != expected:
        passed = time.monotonic() - began
        if counted > expected or passed > CATCH_UP_SECONDS:
            raise Miscounted(f"{server.name}: {expected} answered, {counted} counted after {passed:.0f} s")
        time.sleep(0.02)
    return time.monotonic() - began
