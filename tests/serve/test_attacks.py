"""Every attack, as ``make attacks`` runs it; the slow ones have tests of their own with more time."""

from __future__ import annotations

import importlib
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from attacks import run
from contentflow.config import ROOT
from tests.serve.weak import Patient, weak

README = (ROOT / "attacks" / "README.md").read_text()


@pytest.mark.parametrize("name", run.names())
def test_an_attack_is_explained(name: str) -> None:
    assert f"| `{name}` |" in README


# What the weak product is given; it lets everybody in.
GIVEN = {
    "ATTACK_LOGIN": "https://share.example.org/partner/login/mallory",
    "ATTACK_OTHER_LOGIN": "https://share.example.org/partner/login/alice",
    "ATTACK_NETWORK": "nova",
    "ATTACK_SECRET": "secret",
    "ATTACK_NEXT_DAY": "true",
    "ATTACK_OPERATOR_LOGIN": "https://share.example.org/partner/login/olga",
    "ATTACK_SUSPENDED_LOGIN": "https://share.example.org/partner/login/sam",
    "ATTACK_SUSPEND": "true",
    "ATTACK_KNOWN": "alice@example.org",
    "ATTACK_ROUTES": r"""printf '["GET", "/byop/new"]\n["POST", "/byop/edit"]\n["GET", "/byop/kit"]\n'""",
}
OF_SLOWNESS = ("held_answers", "slow_clients")
OF_NOBODY = ("forged_address", "smuggled_requests")
OF_BELIEF = tuple(name for name in run.names() if name not in OF_SLOWNESS)


def attack(name: str, url: str, given: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith("ATTACK_")}
    return subprocess.run(
        [sys.executable, f"attacks/{name}.py", url],
        cwd=ROOT, env=environ | given, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_the_runner_finds_every_script() -> None:
    found = {path.stem for path in (ROOT / "attacks").glob("*.py") if "sys.exit(main(" in path.read_text()}

    assert found - {"run"} == set(run.names())
    assert "click_farm" in found


@pytest.mark.parametrize("name", OF_BELIEF)
def test_a_product_that_believes_everybody_falls(name: str, tmp_path: Path) -> None:
    if name == "polyglots" and not (shutil.which("chromium") or shutil.which("google-chrome")):
        pytest.skip("no Chromium was found")
    sqlite3.connect(tmp_path / "contentflow.db").close()
    with weak() as url:
        done = attack(name, url, GIVEN | {"ATTACK_DATA_DIR": str(tmp_path)})

    assert (done.returncode, done.stderr) == (1, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("name", OF_SLOWNESS)
def test_a_product_that_waits_for_the_slow_falls(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(ROOT / "attacks")
    script = importlib.import_module(name)
    monkeypatch.setattr(script, "MANY", 1)

    with weak(Patient) as url:
        fell = script.main(url, 0.1) if name == "slow_clients" else script.main(url)

    assert fell == 1
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("name", [name for name in OF_BELIEF if name not in OF_NOBODY])
def test_an_attack_that_lacks_something_says_so_and_accuses_nobody(name: str) -> None:
    with weak() as url:
        done = attack(name, url, {})

    assert done.returncode == run.NOT_TRIED
    assert done.stdout.startswith("not tried: ATTACK_")


@pytest.mark.proof
@pytest.mark.alone
def test_the_product_withstands_the_attacks() -> None:
    quick = [name for name in run.names() if name != "slow_clients"]

    done = subprocess.run(
        [sys.executable, "attacks/run.py", *quick],
        cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=900, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
