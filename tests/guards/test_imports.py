"""The import rules of ``setup.cfg`` hold, and see what they forbid."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contentflow import CAPABILITIES
from contentflow.config import ROOT


def import_rules(folder: Path) -> subprocess.CompletedProcess[str]:
    lint = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports())"
    command = [sys.executable, "-c", lint]
    environ = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_the_import_rules_hold():
    run = import_rules(ROOT)

    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize(
    ("module", "planted", "broken"),
    [
        ("core.db", "from contentflow.web import htmx", "contentflow.core is not allowed to import"),
        ("links.services", "from contentflow.pipeline import services", "contentflow.links is not allowed"),
        ("web.htmx", "import requests", "contentflow.web.htmx -> requests"),
    ],
)
def test_the_import_rules_see_a_planted_offence(tmp_path: Path, module: str, planted: str, broken: str):
    (tmp_path / "setup.cfg").write_text((ROOT / "setup.cfg").read_text())
    for package in ("", *CAPABILITIES, "core", "web"):
        (tmp_path / "contentflow" / package).mkdir(exist_ok=True)
        for name in ("__init__", "services", "db", "htmx", "outbound"):
            (tmp_path / "contentflow" / package / f"{name}.py").touch()
    (tmp_path / "contentflow" / f"{module.replace('.', '/')}.py").write_text(planted)

    run = import_rules(tmp_path)

    assert run.returncode == 1
    assert broken in run.stdout
