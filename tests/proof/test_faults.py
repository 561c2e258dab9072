"""Something breaks again and again while work goes on; ``make faults`` does it as often as is promised.

Each test prints its figures. ``READY_SECONDS`` is what is promised of a machine with nothing else to do.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from tests.live import Live, free_port, serving
from tests.proof.cluster import Cluster
from tests.proof.traffic import SETTINGS, Traffic, wait_for

pytestmark = pytest.mark.proof

IS_WHOLE = os.environ.get("FAULTS") == "1"
KILLS = 200 if IS_WHOLE else 3
STOPS = 20 if IS_WHOLE else 2
FLUSHES = 20 if IS_WHOLE else 3
AWAY_SECONDS = 60.0 if IS_WHOLE else 3.0
READY_SECONDS = float(os.environ.get("FAULT_READY_SECONDS", "3" if IS_WHOLE else "30"))
DATABASE_READY_SECONDS = float(os.environ.get("FAULT_READY_SECONDS", "5" if IS_WHOLE else "30"))
OWN = {"DATABASE_URL": "", "HUEY_URL": "", **SETTINGS}
HOUR, DAY = 3_600.0, 86_400.0


def command_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    return ""


def pids_of(live: Live, kind: str) -> list[int]:
    """Return the processes of ``web``, gunicorn's master among them, or of ``worker``."""
    named = {"web": "gunicorn", "worker": "contentflow worker"}[kind]
    return [pid for pid in live.children() if named in command_of(pid)]


def ready_again(live: Live, seconds: float) -> float:
    """Wait for a page and the readiness probe; return how long it took."""
    return wait_for(lambda: live.status("/readyz") == 200 and live.status("/") == 200, "/readyz", seconds)


def is_gone(live: Live, kind: str, pid: int) -> bool:
    return pid not in pids_of(live, kind)


def is_whole_again(live: Live, kind: str, count: int) -> bool:
    return len(pids_of(live, kind)) >= count and live.status("/readyz") == 200


@pytest.mark.parametrize("kind", ["web", "worker"])
def test_processes_are_killed(tmp_path: Path, kind: str) -> None:
    with serving(tmp_path, **OWN) as live:
        traffic, slowest = Traffic(live), 0.0
        count = len(pids_of(live, kind))
        with traffic:
            for _ in range(KILLS):
                traffic.flow_on()
                pid = random.choice(pids_of(live, kind))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                # On a busy machine it may take a while.
                wait_for(partial(is_gone, live, kind, pid), "its end")
                slowest = max(slowest, ready_again(live, READY_SECONDS))
                wait_for(partial(is_whole_again, live, kind, count), f"a new {kind}")
        print(f"\n{KILLS} × kill -9 of {kind}: {traffic.judge()}; ready within {slowest:.2f} s")


def test_the_database_is_stopped_at_once(tmp_path: Path, cluster: Cluster) -> None:
    with serving(tmp_path, **OWN | {"DATABASE_URL": cluster.url}) as live:
        traffic, slowest = Traffic(live), 0.0
        with traffic:
            for _ in range(STOPS):
                traffic.flow_on()
                cluster.stop()
                time.sleep(random.random())
                cluster.start()
                slowest = max(slowest, ready_again(live, DATABASE_READY_SECONDS))
            traffic.flow_on()
        print(f"\n{STOPS} × immediate stop of PostgreSQL: {traffic.judge()}; ready within {slowest:.2f} s")


@contextlib.contextmanager
def redis(port: int) -> Iterator[None]:
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, cwd="/tmp", stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: said_to_redis(port, "ping") == "PONG", "Redis")
        yield
    finally:
        process.kill()
        process.wait()


def said_to_redis(port: int, word: str) -> str:
    done = subprocess.run(["redis-cli", "-p", str(port), word], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def test_redis_forgets_everything_and_goes_away(tmp_path: Path) -> None:
    if not shutil.which("redis-server"):
        pytest.skip("no Redis was found")
    port, slowest = free_port(), 0.0
    broker = {"HUEY_URL": f"redis://127.0.0.1:{port}/0"}
    with redis(port), serving(tmp_path, **OWN | broker) as live:
        traffic = Traffic(live)
        with traffic:
            for _ in range(FLUSHES):
                traffic.flow_on()
                assert said_to_redis(port, "flushall") == "OK"
                slowest = max(slowest, ready_again(live, READY_SECONDS))
            said_to_redis(port, "shutdown")
            until = time.monotonic() + AWAY_SECONDS
            while time.monotonic() < until:
                slowest = max(slowest, ready_again(live, READY_SECONDS))
                traffic.flow_on(1)
            with redis(port):
                traffic.flow_on()
        print(
            f"\n{FLUSHES} × flush of Redis, {AWAY_SECONDS:g} s without it: {traffic.judge()}; "
            f"ready within {slowest:.2f} s"
        )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 48 MB; only root may mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", folder], check=False)
    if mounted.returncode != 0:
        pytest.skip("a small disk can be mounted by root alone")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> Path:
    """Write until nothing fits; the file has to go for the disk to have room again."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4_096))
    return filler


def test_the_disk_is_full(small_disk: Path) -> None:
    """A click that can be written nowhere is led on all the same, and ``/readyz`` says so."""
    with serving(small_disk, **OWN) as live:
        traffic, slowest, has_told = Traffic(live), 0.0, False
        with traffic:
            traffic.flow_on()
            for _ in range(3):
                before = set(traffic.answered["clicks"])
                filler = fill(small_disk)
                until = time.monotonic() + 2
                while time.monotonic() < until:
                    has_told = has_told or live.status("/readyz") == 503
                filler.unlink()
                slowest = max(slowest, ready_again(live, READY_SECONDS))
                # Now: of those on their way at the end of it, the answers were still to be noted.
                traffic.may_be_lost |= traffic.answered["clicks"] - before
                traffic.flow_on()
        figures = traffic.judge()
        lost = traffic.may_be_lost - set(traffic.exported()["clicks"])
        print(
            f"\n3 × 2 s of a full disk, {len(traffic.may_be_lost)} clicks meanwhile, {len(lost)} "
            f"of them written nowhere: else {figures}; ready within {slowest:.2f} s"
        )
        assert has_told or not lost


# Stands before everything else in each process of the product: its clock is as far ahead as a file says.
CLOCK = """
import os, pathlib, threading, time
import time_machine
place, pause = pathlib.Path(os.environ["CLOCK_FILE"]), time.sleep
ahead = float(place.read_text())
clock = time_machine.travel(time.time() + ahead, tick=True).start()
def follow():
    global ahead
    while True:
        pause(0.05)
        told = place.read_text()
        if told and float(told) != ahead:
            clock.shift(float(told) - ahead)
            ahead = float(told)
def begin():
    threading.Thread(target=follow, daemon=True).start()
begin()
os.register_at_fork(after_in_child=begin)
"""


class Clock:
    """The product's clock, which its test moves."""

    def __init__(self, folder: Path) -> None:
        self._file, site = folder / "ahead", folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(CLOCK)
        self.environ = {"PYTHONPATH": str(site), "CLOCK_FILE": str(self._file)}
        self.ahead = 0.0

    def set(self, ahead: float) -> None:
        self.ahead = ahead
        written = self._file.with_suffix(".new")
        written.write_text(str(ahead))
        written.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    clock = Clock(tmp_path)
    clock.set(0.0)
    return clock


def test_the_clock_steps(tmp_path: Path, clock: Clock) -> None:
    steps = (HOUR, -HOUR, -HOUR, HOUR, DAY, -DAY, -DAY, DAY)
    with serving(tmp_path, **OWN | clock.environ) as live:
        traffic, slowest = Traffic(live), 0.0
        traffic.ended.add("unknown")  # A try of whose age nobody knows is never asked again.
        with traffic:
            for step in steps:
                traffic.flow_on(3)
                clock.set(clock.ahead + step)
                traffic.ahead_seconds = clock.ahead
                slowest = max(slowest, ready_again(live, READY_SECONDS))
                traffic.log_in()  # A cookie from later than now is not believed: the safe side.
            traffic.flow_on(3)
        print(f"\n{len(steps)} steps of the clock: {traffic.judge()}; ready within {slowest:.2f} s")


@pytest.mark.parametrize(
    "moment",
    [
        "2027-03-28T01:00:00+00:00",  # summer time begins in France,
        "2027-10-31T01:00:00+00:00",  # and ends
        "2028-02-28T23:00:00+00:00",  # the leap day begins in France,
        "2028-02-29T23:00:00+00:00",  # and ends
    ],
)
def test_the_clock_passes_an_odd_moment(tmp_path: Path, clock: Clock, moment: str) -> None:
    crossed = datetime.fromisoformat(moment).timestamp()
    clock.set(crossed - HOUR - time.time())
    with serving(tmp_path, **OWN | clock.environ) as live:
        traffic = Traffic(live)
        traffic.ended.add("unknown")  # An hour passes within a try.
        traffic.ahead_seconds = clock.ahead
        with traffic:
            traffic.flow_on()
            clock.set(crossed - 1 - time.time())
            traffic.ahead_seconds = clock.ahead
            traffic.flow_on()
            wait_for(lambda: time.time() + clock.ahead > crossed, moment)
            slowest = ready_again(live, READY_SECONDS)
            traffic.flow_on()
        print(f"\nover {moment}: {traffic.judge()}; ready within {slowest:.2f} s")
