"""Web and worker under one small parent, for a host without a process manager.

The parent opens the port, keeps both children alive and ends them when it is told to. It alone
holds the write end of a pipe, the *parent-death pipe*: when it dies, however suddenly, every
process below reads the pipe's end and dies too, so the next start finds nothing in its way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from contentflow.config import ROOT, Settings
from contentflow.setting_types import in_url

# The name under which a parent that was started before an upgrade passes it on too.
PARENT_PIPE = "CONTENTFLOW_LIFELINE_FD"
# glibc gives each of many threads a heap of its own, and what they free stays theirs: with two in all, web
# processes grow by a tenth under load instead of a quarter. Whoever sets it otherwise is heeded.
FEW_HEAPS = {"MALLOC_ARENA_MAX": "2"}
COUNTS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"  # The name that prometheus-client knows.
GRACE_SECONDS = 8.0
FIRST_DELAY_SECONDS = 0.5
# A child that cannot start is tried this often at least, for whoever mends the cause.
MAX_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
# The processes of a parent that was just killed may need a moment to let go of the port.
PORT_WAIT_SECONDS = 6.0


def run(
    settings: Settings,
    workers: int,
    migrate: Callable[[], object],
    greet: Callable[[], object] = lambda: None,
) -> int:
    """Migrate, greet once the port is ours, then serve until SIGTERM or SIGINT; returns the exit status."""
    migrate()
    try:
        listener = open_port(settings.host, settings.port)
    except OSError as error:
        say(f"HOST={settings.host!r} PORT={settings.port} cannot be listened on: {error.strerror}")
        return 1
    with listener:
        say(f"listening on {in_url(settings.host)}:{settings.port}")
        greet()
        commands = {"web": web_command(listener.fileno(), workers), "worker": worker_command()}
        return Supervisor(commands, inherited=[listener.fileno()]).run()


def web_command(listening_fd: int, workers: int) -> list[str]:
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
    return [*gunicorn, "--bind", f"fd://{listening_fd}", "--workers", str(workers), "wsgi:app"]


def worker_command() -> list[str]:
    return [sys.executable, "-m", "contentflow", "worker"]


def open_port(host: str, port: int) -> socket.socket:
    """Listen in the parent: while a dead web child is restarted, visitors wait instead of failing."""
    family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    takes_both = host == "::" and socket.has_dualstack_ipv6()
    deadline = time.monotonic() + PORT_WAIT_SECONDS
    while True:
        try:
            return socket.create_server(address, family=family, backlog=2048, dualstack_ipv6=takes_both)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def share_counts(data_dir: Path) -> None:
    """Begin the counts of ``/metrics`` anew, and let all processes started from now on count together.

    Called by the server before its first process. The folder is the machine's own: several machines may
    share DATA_DIR, and each is asked by itself.
    """
    folder = data_dir / "metrics" / socket.gethostname()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    os.environ[COUNTS_FOLDER] = str(folder)


def die_with_parent() -> None:
    """End this process, and all that it started, when the parent of ``serve`` is gone.

    Does nothing outside ``serve``. Called first thing in each child, and again in each fork.
    """
    fd = os.environ.get(PARENT_PIPE)
    if fd:
        threading.Thread(target=_die_at_end_of, args=(int(fd),), name="parent-death", daemon=True).start()


def _die_at_end_of(fd: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(fd, 1):
            pass
        # Each child leads a group of its own, so this takes its forks and their ffmpeg along.
        os.killpg(os.getpgrp(), signal.SIGKILL)


class Supervisor:
    """Named commands that are kept running together; ``inherited`` are the descriptors they share."""

    def __init__(self, commands: Mapping[str, Sequence[str]], inherited: Sequence[int] = ()) -> None:
        # Python closes both ends in whatever it starts, but for the end that is passed on below.
        read_end, self._parent_pipe = os.pipe()
        passed = (read_end, *inherited)
        environ = {**FEW_HEAPS, **os.environ, PARENT_PIPE: str(read_end)}
        self.children = [Child(name, command, passed, environ) for name, command in commands.items()]

    def run(self) -> int:
        """Keep the children alive until SIGTERM or SIGINT, then end them; returns 0."""
        # A descriptor yields one byte, the signal's number, for each signal that matters.
        signals, write_end = os.pipe()
        os.set_blocking(write_end, False)
        signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        while not self._is_told_to_stop(signals):
            for child in self.children:
                child.poll(time.monotonic())
        self.end()
        return 0

    def _is_told_to_stop(self, signals: int) -> bool:
        """Sleep until a signal comes or a child is due."""
        due = [child.due_at for child in self.children if child.process is None]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        if not select.select([signals], [], [], timeout)[0]:
            return False
        return not {signal.SIGTERM, signal.SIGINT}.isdisjoint(os.read(signals, 512))

    def end(self) -> None:
        for child in self.children:
            child.ask_to_end()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in self.children:
            child.wait_or_kill(deadline)


class Child:
    """One command: running, or due to be started again at ``due_at``."""

    def __init__(
        self, name: str, command: Sequence[str], passed: Sequence[int], environ: Mapping[str, str]
    ) -> None:
        self.name = name
        self.process: subprocess.Popen[bytes] | None = None
        self.due_at = 0.0
        self._command, self._passed, self._environ = command, passed, environ
        self._started_at = 0.0
        self._delay = FIRST_DELAY_SECONDS

    def poll(self, now: float) -> None:
        if self.process is not None and self.process.poll() is not None:
            status = self.process.returncode
            self._kill_group()
            self.process = None
            self._delay_next_start(now, f"ended with status {status}", is_killed=status == -signal.SIGKILL)
        elif self.process is None and now >= self.due_at:
            self._started_at = now
            try:
                # From our folder, or Python would look for us in the caller's first. A session of its own:
                # Ctrl-C reaches the parent alone, which then asks each child once.
                self.process = subprocess.Popen(
                    self._command, cwd=ROOT, pass_fds=self._passed, env=self._environ, start_new_session=True
                )
            except OSError as error:
                self._delay_next_start(now, f"cannot be started: {error.strerror}")

    def _delay_next_start(self, now: float, reason: str, is_killed: bool = False) -> None:
        # Killed from outside, by somebody or for want of memory, it did not fail: only failures wait longer.
        if is_killed or now - self._started_at >= STEADY_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        self.due_at = now + self._delay
        say(f"{self.name} {reason}; next start in {self._delay:g} s")
        self._delay = min(2 * self._delay, MAX_DELAY_SECONDS)

    def ask_to_end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def wait_or_kill(self, deadline: float) -> None:
        """Wait for the end until ``deadline``, then enforce it for the command and its forks."""
        if self.process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(max(0.0, deadline - time.monotonic()))
            self._kill_group()
            self.process.wait()

    def _kill_group(self) -> None:
        assert self.process is not None
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


def say(sentence: str) -> None:
    # A closed terminal must not end the supervisor.
    with contextlib.suppress(OSError):
        print(f"serve: {sentence}", file=sys.stderr, flush=True)
