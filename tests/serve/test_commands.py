"""The commands as an operator types them: a sentence and 1, or what was asked for and 0."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from contentflow.config import ROOT


def call(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Call a command from ``folder``, which is also DATA_DIR."""
    settings = {"ENV": "development", "DATA_DIR": str(folder), "PYTHONPATH": str(ROOT), **environ}
    command = [sys.executable, "-m", "contentflow", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "database", ["", "postgresql://postgres@127.0.0.1:1/nobody", "sqlite:////dev/null/nowhere.db"]
)
def test_a_database_that_refuses_is_one_line_without_values(tmp_path: Path, database: str) -> None:
    done = call(tmp_path, "partner", "add", "alice@example.org", DATABASE_URL=database)

    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "DATABASE_URL" in done.stderr
    assert "alice" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [("serve",), ("worker",), ("doctor",), ("db", "upgrade"), ("partner", "add", "alice@example.org")],
)
def test_production_without_a_mail_service_says_one_sentence_whatever_is_called(
    tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    production = {"SECRET_KEY": "a-test-key-of-enough-length", "PUBLIC_BASE_URL": "https://share.example.org"}

    done = call(tmp_path, *arguments, ENV="production", **production)

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("MAIL_TRANSPORT=") and done.stderr.count("\n") == 1
    assert not (tmp_path / "contentflow.db").exists()


def test_migrations_say_their_revision_and_may_run_again(tmp_path: Path) -> None:
    first, again = call(tmp_path, "db", "upgrade", "--json"), call(tmp_path, "db", "upgrade")

    assert (first.returncode, again.returncode) == (0, 0)
    assert json.loads(first.stdout) == {"revision": again.stdout.strip()}


@pytest.mark.parametrize("name", ["serve", "worker", "demo"])
def test_the_long_commands_take_json_too(tmp_path: Path, name: str) -> None:
    assert "--json" in call(tmp_path, name, "--help").stdout
