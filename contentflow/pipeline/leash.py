"""Start a program on a leash: ``python leash.py PARENT MEMORY FILE CPU program…``.

Run as a script, it sets the limits on itself, then becomes the program: in the worker a function
between fork and exec would run while other threads hold locks. The program dies with the process
that started it, however suddenly that ends.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38


def become(parent: int, memory: int, file: int, cpu_seconds: int, command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # It died before the leash was on.
    for limit, most in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (most, most))
    os.nice(5)  # A page answers before a frame is drawn.
    os.execv(command[0], command)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:5]]
    become(numbers[0], numbers[1], numbers[2], numbers[3], sys.argv[5:])
