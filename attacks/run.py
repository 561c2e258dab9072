"""Run every attack, or those that are named, against a product: ``python attacks/run.py [URL] [NAME …]``.

Without a URL it starts one of its own, in an empty folder, and gives it a network.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
NO_ATTACK = {"run", "__init__"}
START_SECONDS = 60.0


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.py") if path.stem not in NO_ATTACK)


@contextmanager
def started() -> Iterator[tuple[str, dict[str, str]]]:
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
        door.close()
        own = {
            "ENV": "development",
            "DATA_DIR": folder,
            "PORT": str(port),
            "DATABASE_URL": "",
            "HUEY_URL": "",
        }
        environ = {**os.environ, **own}
        command = [sys.executable, "-m", "contentflow"]
        with Path(folder, "log").open("w") as log:
            product = subprocess.Popen([*command, "serve"], env=environ, cwd=HERE.parent, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_for(url)
            add = subprocess.run(
                [*command, "network", "add", "attack"],
                env=environ, cwd=HERE.parent, capture_output=True, text=True, check=True,
            )  # fmt: skip
            yield url, {"ATTACK_NETWORK": "attack", "ATTACK_SECRET": add.stdout.strip()}
        finally:
            product.terminate()
            product.wait(15)


def wait_for(url: str) -> None:
    until = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=5).close()
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def run(url: str, chosen: list[str], environ: dict[str, str]) -> int:
    fallen = []
    for name in chosen:
        print(f"{name}: ", end="", flush=True)
        script = [sys.executable, str(HERE / f"{name}.py"), url]
        if subprocess.run(script, env={**os.environ, **environ}, check=False).returncode:
            fallen.append(name)
            print(f"{name}: THE PRODUCT FELL")
    return int(bool(fallen))


def main(words: list[str]) -> int:
    urls = [word for word in words if "://" in word]
    chosen = [word for word in words if "://" not in word] or names()
    if urls:
        return run(urls[0].rstrip("/"), chosen, {})
    with started() as (url, environ):
        return run(url, chosen, environ)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
