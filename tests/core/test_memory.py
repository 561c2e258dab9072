"""Memory that a burst took does not stay with the process."""

from __future__ import annotations

import os
import subprocess
import sys

from bench.processes import memory_mb

BURST = """
import sys
from contentflow.core.memory import release_freed
blocks = [bytes(2_000) for _ in range(25_000)]
last = bytes(2_000)  # Above them all: what lies below cannot go by itself.
del blocks
print("freed", flush=True)
sys.stdin.readline()
release_freed()
print("released", flush=True)
sys.stdin.readline()
"""


def test_freed_memory_goes_back_to_the_system() -> None:
    command = [sys.executable, "-c", BURST]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        sizes = []
        for _ in range(2):
            process.stdout.readline()
            sizes.append(memory_mb(process.pid))
            process.stdin.write("\n")
            process.stdin.flush()

    assert sizes[1] < sizes[0] - 30
