"""Run a program within limits; whatever it does, it ends: on time, and with the worker."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

LIMITER = Path(__file__).with_name("resource_limits.py")
MIB = 1024 * 1024
MAX_OUTPUT_BYTES = 1 * MIB  # Of a program whose output is read whole; more ends it.


@dataclass(frozen=True, kw_only=True)
class ResourceLimits:
    """Limits of one run. Processor time may be twice the wall clock's, on two cores.

    A program that ``reserves`` addresses without using them, as deno does, is limited by what it uses.
    """

    seconds: float
    memory_bytes: int = 3_072 * MIB
    reserves: bool = False
    file_bytes: int = 2_048 * MIB


class Overran(Exception):
    """The program was ended at its wall-clock limit."""


class ProgramResult(NamedTuple):
    status: int
    output: bytes
    said: str


def run(
    command: Sequence[str],
    folder: Path,
    limits: ResourceLimits,
    *,
    on_line: Callable[[str], object] | None = None,
    max_output: int = MAX_OUTPUT_BYTES,
) -> ProgramResult:
    """Run ``command`` in ``folder``, without input; raises ``Overran``.

    ``on_line`` is told each line of the standard output as it comes, which is then not kept.
    """
    with started(command, folder, limits) as process:
        assert process.stdout is not None and process.stderr is not None
        heard = _Ear(process.stderr.fileno())
        output = b""
        if on_line is None:
            assert process.stdout is not None
            output = process.stdout.read(max_output)
            if process.stdout.read(1):
                _kill(process)
        else:
            for line in process.stdout:
                on_line(line.decode("utf-8", "replace").strip())
        status = process.wait()
    return ProgramResult(status, output, heard.text())


@contextmanager
def started(
    command: Sequence[str], folder: Path, limits: ResourceLimits, *, keep_input: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    """Start ``command`` in a process group of its own, which is killed on time and at the block's end."""
    space = resource.RLIM_INFINITY if limits.reserves else limits.memory_bytes
    numbers = (os.getpid(), space, limits.memory_bytes, limits.file_bytes, int(2 * limits.seconds) + 10)
    # Only what a program needs to run; no secret, no proxy, no home of somebody.
    kept = {"PATH", "LANG", "LC_ALL", "SYSTEMROOT", "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"}
    environ = {name: value for name, value in os.environ.items() if name in kept}
    environ |= {"HOME": str(folder), "XDG_CACHE_HOME": str(folder), "TMPDIR": str(folder)}
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(LIMITER), *(str(number) for number in numbers), *command],
        cwd=folder,
        env=environ,
        stdin=subprocess.PIPE if keep_input else subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    overran = threading.Event()

    def end() -> None:
        overran.set()
        _kill(process)

    timer = threading.Timer(limits.seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()
        _kill(process)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    if overran.is_set():
        raise Overran


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.returncode is None:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            process.kill()


class _Ear(threading.Thread):
    """Hears what a program says on its standard error, and keeps the beginning and the end of it."""

    KEPT = 64 * 1024

    def __init__(self, descriptor: int) -> None:
        super().__init__(daemon=True)
        self._descriptor = os.dup(descriptor)
        self._first = self._last = b""
        self.start()

    def run(self) -> None:
        with os.fdopen(self._descriptor, "rb", buffering=0) as pipe:
            while said := pipe.read(8192):
                room = self.KEPT - len(self._first)
                self._first += said[:room]
                self._last = (self._last + said[room:])[-self.KEPT :] if len(said) > room else self._last

    def text(self) -> str:
        self.join(5)
        return (self._first + self._last).decode("utf-8", "replace")
