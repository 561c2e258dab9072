"""Every attack, as ``make attacks`` runs it; the slow ones have tests of their own with more time."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from attacks import run
from contentflow.config import ROOT

README = (ROOT / "attacks" / "README.md").read_text()


@pytest.mark.parametrize("name", run.names())
def test_an_attack_is_explained(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.proof
def test_the_product_withstands_the_attacks() -> None:
    quick = [name for name in run.names() if name != "slow_clients"]

    done = subprocess.run(
        [sys.executable, "attacks/run.py", *quick],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
