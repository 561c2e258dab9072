from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contentflow import serve
from contentflow.config import ROOT

pytestmark = pytest.mark.proof

# Says who it is and who its fork is, then sleeps; both die with their parent.
SLEEPER = """
import os, sys, time
from contentflow.serve import die_with_parent
fork = os.fork()
die_with_parent()
if fork:
    with open(sys.argv[1], "a") as births:
        births.write(f"{os.getpid()} {fork}\\n")
time.sleep(60)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + SLEEPER

Start = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def births(tmp_path: Path) -> Path:
    path = tmp_path / "births"
    path.touch()
    return path


@pytest.fixture
def start(births: Path) -> Iterator[Start]:
    parents: list[subprocess.Popen[bytes]] = []

    def start_parent(
        script: str = SLEEPER, port: int = 0, grace_seconds: float = 8
    ) -> subprocess.Popen[bytes]:
        commands = {"sleeper": [sys.executable, "-c", script, str(births)]}
        argument = json.dumps([commands, port, grace_seconds])
        environ = {
            **os.environ,
            "ENV": "development",
            "DATA_DIR": str(births.parent),
            "PYTHONPATH": str(ROOT),
        }
        with births.with_name("log").open("ab") as log:
            parent = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/serve/parent.py"), argument],
                env=environ, start_new_session=True, stderr=log,
            )  # fmt: skip
        parents.append(parent)
        return parent

    yield start_parent
    for parent in parents:
        parent.kill()
        parent.wait()


@pytest.mark.parametrize(("given", "expected"), [({}, "2"), ({"MALLOC_ARENA_MAX": "7"}, "7")])
def test_threads_share_few_heaps_unless_the_operator_says_otherwise(
    births: Path, start: Start, monkeypatch: pytest.MonkeyPatch, given: dict[str, str], expected: str
) -> None:
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)

    start(
        "import os, sys, time; open(sys.argv[1], 'a').write(os.environ['MALLOC_ARENA_MAX']); time.sleep(60)"
    )

    assert eventually(births.read_text, 20)
    assert births.read_text() == expected


def eventually(check: Callable[[], object], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if check():
            return True
        time.sleep(0.05)
    return False


def born(births: Path) -> list[int]:
    return [int(pid) for pid in births.read_text().split()]


def are_gone(pids: list[int]) -> bool:
    return not any(is_alive(pid) for pid in pids)


def is_alive(pid: int) -> bool:
    """A zombie is dead: in a container nobody may reap it."""
    if not Path("/proc/self/stat").exists():
        state = subprocess.run(
            ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
        )
        return bool(state.stdout.strip()) and not state.stdout.startswith("Z")
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_open(port: int) -> bool:
    with socket.socket() as visitor:
        return visitor.connect_ex(("127.0.0.1", port)) == 0


def get(port: int, **headers: str) -> tuple[int, str]:
    assert eventually(lambda: is_open(port), 10)
    request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as response:
        pid, scheme = response.read().decode().split()
    return int(pid), scheme


def answers(port: int) -> bool:
    try:
        return bool(get(port))
    except OSError:
        return False


def test_a_dead_child_is_started_again_and_its_forks_do_not_outlive_it(start: Start, births: Path) -> None:
    start()
    assert eventually(lambda: len(born(births)) == 2, 10)
    first = born(births)

    os.kill(first[0], signal.SIGKILL)

    assert eventually(lambda: len(born(births)) == 4, 10)
    assert are_gone(first)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_everything(start: Start, births: Path, number: int) -> None:
    parent = start()
    assert eventually(lambda: len(born(births)) == 2, 10)

    parent.send_signal(number)

    assert parent.wait(timeout=10) == 0
    assert are_gone(born(births))


def test_a_child_that_does_not_listen_is_killed_after_the_grace_time(start: Start, births: Path) -> None:
    parent = start(STUBBORN, grace_seconds=0.5)
    assert eventually(lambda: len(born(births)) == 2, 10)

    parent.terminate()

    assert parent.wait(timeout=3) == 0
    assert are_gone(born(births))


@pytest.mark.parametrize("kill", [os.kill, os.killpg])
def test_nothing_outlives_a_killed_parent(
    start: Start, births: Path, kill: Callable[[int, int], None]
) -> None:
    parent = start(STUBBORN)
    assert eventually(lambda: len(born(births)) == 2, 10)

    kill(parent.pid, signal.SIGKILL)
    parent.wait()

    assert eventually(lambda: are_gone(born(births)), 5)


def test_the_web_server_dies_with_its_killed_parent_and_the_next_start_takes_the_port(start: Start) -> None:
    port = free_port()
    parent = start(port=port)
    old_pid, _ = get(port)

    parent.kill()
    start(port=port)

    assert eventually(lambda: are_gone([old_pid]), 5)
    # The old parent's last process may still hold the port for a moment, and reset who comes.
    assert eventually(lambda: answers(port), 10)


def test_a_request_waits_while_the_web_server_is_started_again(start: Start) -> None:
    port = free_port()
    start(port=port)
    old_pid, _ = get(port)

    os.killpg(os.getpgid(old_pid), signal.SIGKILL)
    assert eventually(lambda: are_gone([old_pid]), 5)

    assert get(port)[0] != old_pid


def test_no_proxy_header_is_believed(start: Start) -> None:
    port = free_port()
    start(port=port)

    assert get(port, **{"X-Forwarded-Proto": "https"})[1] == "http"


def test_a_malformed_request_leaves_no_address_in_the_log(start: Start, births: Path) -> None:
    port = free_port()
    start(port=port)
    get(port)

    with socket.create_connection(("127.0.0.1", port)) as visitor:
        visitor.sendall(b"GET / RUBBISH/9\r\n\r\n")
        visitor.recv(1024)

    log = births.with_name("log")
    assert eventually(lambda: "Invalid request from ip=…" in log.read_text(), 5)
    assert "127.0.0.1" not in log.read_text().partition("Invalid request")[2]


def test_the_pause_before_a_new_start_doubles_up_to_30_seconds() -> None:
    child = serve.Child("lost", ["/nonexistent/command"], [], {})
    pauses = []

    for _ in range(8):
        now = child.due_at
        child.poll(now)
        pauses.append(child.due_at - now)

    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_the_pause_is_short_again_after_a_minute_of_life() -> None:
    child = serve.Child("brief", [sys.executable, "-c", ""], [], dict(os.environ))
    for start_at, death_at in ((0, 1), (10, 11), (20, 80)):
        child.poll(start_at)
        assert child.process is not None
        child.process.wait()
        child.poll(death_at)

    assert child.due_at == 80.5


def test_who_is_killed_from_outside_starts_again_at_once_however_often() -> None:
    child = serve.Child("killed", [sys.executable, "-c", "input()"], [], dict(os.environ))
    for now in range(0, 60, 10):
        child.poll(now)
        assert child.process is not None
        child.process.kill()
        child.process.wait()
        child.poll(now + 1)
        assert child.due_at == now + 1.5
