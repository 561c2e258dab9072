"""How long a web process and a command take to start, beside the packages that they stand on."""

from __future__ import annotations

import resource
import subprocess
import sys
from statistics import median

from contentflow.config import ROOT

PACKAGES = "import flask_sqlalchemy, flask_wtf, flask_babel, flask_limiter, flask_login"
FLOOR = "its packages alone"
STARTS = {
    "wsgi:app": ["-c", "import wsgi"],
    "contentflow --help": ["-m", "contentflow", "--help"],
    "contentflow partner list": ["-m", "contentflow", "partner", "list"],
    FLOOR: ["-c", PACKAGES],
}


def measure(environ: dict[str, str], rounds: int) -> dict[str, float]:
    """Print and return the median seconds of processor time of each start, with Python's own."""
    environ = {name: value for name, value in environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    taken: dict[str, list[float]] = {name: [] for name in STARTS}
    for _ in range(rounds + 1):
        for name, words in STARTS.items():
            taken[name].append(_start([sys.executable, *words], environ))
    print()
    medians = {name: median(seconds[1:]) for name, seconds in taken.items()}
    for name, seconds in medians.items():
        print(f"{name:26}{seconds:6.2f} s of processor time  × {seconds / medians[FLOOR]:.2f}")
    return medians


def _start(command: list[str], environ: dict[str, str]) -> float:
    """The first start compiles what is compiled once."""
    before = _spent()
    subprocess.run(command, cwd=ROOT, env={**environ, "LANG": "C"}, stdout=subprocess.DEVNULL, check=True)
    return _spent() - before


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
