"""Start a program within limits: ``python resource_limits.py PARENT SPACE MEMORY FILE CPU program…``.

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


def become(parent: int, limits: list[int], command: list[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit(1)  # It died before the limits were set.
    kinds = (resource.RLIMIT_AS, resource.RLIMIT_DATA, resource.RLIMIT_FSIZE, resource.RLIMIT_CPU)
    for kind, limit in (*zip(kinds, limits, strict=True), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(kind, (limit, limit))
    os.nice(5)  # A page answers before a frame is drawn.
    os.execv(command[0], command)


if __name__ == "__main__":
    numbers = [int(each) for each in sys.argv[1:6]]
    become(numbers[0], numbers[1:], sys.argv[6:])
