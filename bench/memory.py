"""What ``serve`` holds: idle, after a minute of mixed load, and at the end of it, process by process.

Proportional set sizes: what processes share is divided among them, so that the sum is what the machine lacks.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import requests

from bench.load import Load
from bench.mail import mail_service
from bench.pages import BASE_URL, SETTINGS, Partner
from bench.processes import command_of, memory_mb, tree
from bench.servers import Programme, load, programme, wait_for
from contentflow.config import ROOT

IDLE_SECONDS = 10.0
EARLY_SECONDS = 60.0
SHOWN_EVERY_SECONDS = 180.0
CLICK_SECONDS = 2.0
REST_SECONDS = 2.0


def measure(minutes: float) -> tuple[float, float]:
    """Print what each process holds, now and then; return the idle sum in MB, and the growth."""
    with (
        mail_service() as url,
        programme("memory", **(SETTINGS | {"BREVO_API_URL": url})) as own,
        _serve(own) as (root, port),
    ):
        time.sleep(IDLE_SECONDS)
        idle = _show("idle", root, {})
        rounds = _mixed_load(own, port)
        early = late = _work_until(rounds, EARLY_SECONDS, root, "after a minute", idle)
        ends = time.monotonic() + minutes * 60 - EARLY_SECONDS
        while (left := ends - time.monotonic()) > 0:
            late = _work_until(rounds, min(left, SHOWN_EVERY_SECONDS), root, "and later", early)
    growth = max(late[name] / early[name] for name in late if name.startswith("web") or name == "worker")
    print(
        f"idle {sum(idle.values()):.0f} MB; web and worker, late to early, at most × {growth:.2f}", flush=True
    )
    return sum(idle.values()), growth


@contextlib.contextmanager
def _serve(own: Programme) -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = int(door.getsockname()[1])
    command = [sys.executable, "-m", "contentflow", "serve"]
    process = subprocess.Popen(command, env={**own.environ, "PORT": str(port)}, cwd=ROOT)
    try:
        wait_for(port)
        yield process.pid, port
    finally:
        process.terminate()
        process.wait(30)


def _work_until(
    rounds: Iterator[None], seconds: float, root: int, when: str, before: dict[str, float]
) -> dict[str, float]:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        next(rounds)
    return _show(when, root, before)


def _mixed_load(own: Programme, port: int) -> Iterator[None]:
    """Clicks, pages, a new post and a share of twenty, again and again."""
    partner, session = Partner(own), requests.Session()
    codes = [f"/l/{code}" for code in own.codes()]
    pages = ["/partner/portal", "/partner/earnings", f"/byop/kit?id={partner.post_id}", "/byop/new", "/legal"]
    session.headers.update(
        {"Host": "share.example.org", "X-Forwarded-Proto": "https", "Referer": f"{BASE_URL}/"}
    )
    while True:
        load(Load(port, codes, CLICK_SECONDS, connections=4))
        for path, form in (("submit", partner.new_post()), ("email", partner.share_form(20))):
            session.headers["Cookie"] = partner.cookie
            answer = session.post(
                f"http://127.0.0.1:{port}/byop/{path}", data=form, timeout=60, allow_redirects=False
            )
            if answer.status_code != 303:
                raise AssertionError(f"{path}: {answer.status_code} {answer.text[:500]}")
        load(Load(port, pages, CLICK_SECONDS, connections=2, headers={"Cookie": partner.cookie}))
        time.sleep(REST_SECONDS)
        yield


def _show(when: str, root: int, before: dict[str, float]) -> dict[str, float]:
    sizes = {name: memory_mb(pid) for name, pid in _named(root)}
    grown = {name: f" (+{size - before[name]:.1f})" for name, size in sizes.items() if name in before}
    words = ", ".join(f"{name} {size:.0f}{grown.get(name, '')}" for name, size in sizes.items())
    print(f"{when}: {words}; in all {sum(sizes.values()):.0f} MB", flush=True)
    return sizes


def _named(root: int) -> Iterator[tuple[str, int]]:
    webs = 0
    for pid in sorted(tree(root)):
        command = command_of(pid)
        if "gunicorn" in command:
            yield (f"web {webs}" if webs else "gunicorn"), pid
            webs += 1
        elif command:
            yield (
                ("worker" if command.endswith("worker") else "parent" if pid == root else command[-20:]),
                pid,
            )
