"""Web and worker under one small parent, for a host without a process manager.

The parent opens the port, keeps both children alive and ends them when it is told to. It alone
holds the write end of a pipe, the *lifeline*: when it dies, however suddenly, every process
below reads the pipe's end and dies too, so the next start finds nothing in its way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from contentflow.config import ROOT, Settings
from contentflow.values import in_url

LIFELINE = "CONTENTFLOW_LIFELINE_FD"
GRACE_SECONDS = 8.0
FIRST_DELAY_SECONDS = 0.5
LONGEST_DELAY_SECONDS = 30.0
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
        door = open_port(settings.host, settings.port)
    except OSError as error:
        say(f"HOST={settings.host!r} PORT={settings.port} cannot be listened on: {error.strerror}")
        return 1
    with door:
        say(f"listening on {in_url(settings.host)}:{settings.port}")
        greet()
        commands = {"web": web_command(door.fileno(), workers), "worker": worker_command()}
        return Household(commands, inherited=[door.fileno()]).run()


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


def hold_lifeline() -> None:
    """End this process, and all that it started, when the parent of ``serve`` is gone.

    Does nothing outside ``serve``. Called first thing in each child, and again in each fork.
    """
    fd = os.environ.get(LIFELINE)
    if fd:
        threading.Thread(target=_die_at_end_of, args=(int(fd),), name="lifeline", daemon=True).start()


def _die_at_end_of(fd: int) -> None:
    with contextlib.suppress(OSError):
        while os.read(fd, 1):
            pass
        # Each child leads a group of its own, so this takes its forks and their ffmpeg along.
        os.killpg(os.getpgrp(), signal.SIGKILL)


class Household:
    """Named commands that are kept running together; ``inherited`` are the descriptors they share."""

    def __init__(self, commands: Mapping[str, Sequence[str]], inherited: Sequence[int] = ()) -> None:
        # Python closes both ends in whatever it starts, but for the end that is passed on below.
        read_end, self._lifeline = os.pipe()
        passed = (read_end, *inherited)
        environ = {**os.environ, LIFELINE: str(read_end)}
        self.children = [Child(name, command, passed, environ) for name, command in commands.items()]

    def run(self) -> int:
        """Keep the children alive until SIGTERM or SIGINT, then end them; returns 0."""
        signals = _pipe_of_signals()
        while not self._is_told_to_stop(signals):
            for child in self.children:
                child.tend(time.monotonic())
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
            child.bury(deadline)


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

    def tend(self, now: float) -> None:
        if self.process is not None and self.process.poll() is not None:
            self._mourn(now)
        elif self.process is None and now >= self.due_at:
            self._start(now)

    def _start(self, now: float) -> None:
        self._started_at = now
        try:
            # From our folder, or Python would look for us in the caller's first. A session of its own:
            # Ctrl-C reaches the parent alone, which then asks each child once.
            self.process = subprocess.Popen(
                self._command, cwd=ROOT, pass_fds=self._passed, env=self._environ, start_new_session=True
            )
        except OSError as error:
            self._delay_next_start(now, f"cannot be started: {error.strerror}")

    def _mourn(self, now: float) -> None:
        assert self.process is not None
        status = self.process.returncode
        self._kill_group()
        self.process = None
        self._delay_next_start(now, f"ended with status {status}")

    def _delay_next_start(self, now: float, reason: str) -> None:
        if now - self._started_at >= STEADY_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        self.due_at = now + self._delay
        say(f"{self.name} {reason}; next start in {self._delay:g} s")
        self._delay = min(2 * self._delay, LONGEST_DELAY_SECONDS)

    def ask_to_end(self) -> None:
        if self.process is not None:
            self.process.terminate()

    def bury(self, deadline: float) -> None:
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


def _pipe_of_signals() -> int:
    """Return a descriptor that yields one byte, the signal's number, for each signal that matters."""
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return read_end


def say(sentence: str) -> None:
    # A closed terminal must not end the house.
    with contextlib.suppress(OSError):
        print(f"serve: {sentence}", file=sys.stderr, flush=True)
