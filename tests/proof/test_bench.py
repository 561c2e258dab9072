"""``make bench`` in short: whatever the figures, each answered click is counted once, each mail sent once."""

from __future__ import annotations

import subprocess
import sys

import pytest

from contentflow.config import ROOT
from tests.conftest import POSTGRES

pytestmark = [pytest.mark.proof, pytest.mark.alone]


def bench(*words: str) -> str:
    """Return what it printed; it fails where answers and counted clicks differ, or mails and messages."""
    command = [sys.executable, "-m", "bench", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-3_000:]
    return done.stdout


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONTENTFLOW_BENCH_DATABASE", POSTGRES)


def test_clicks_are_measured_beside_the_floors_and_over_stored_clicks_and_links() -> None:
    short = ("--rounds", "1", "--seconds", "0.5", "--clicks", "10,2000", "--links", "10,2000")

    said = bench("redirect", *short)

    assert "cpu of the Flask view × " in said
    assert said.count("rate × ") == 4


def test_pages_mail_and_starts_are_measured_beside_theirs() -> None:
    said = (
        bench("pages", "--times", "2"),
        bench("mail", "--recipients", "200"),
        bench("starts", "--rounds", "1"),
    )

    assert "share of 200" in said[0]
    assert "requests a second of a bare session" in said[1]
    assert "contentflow --help" in said[2]


def test_serve_when_idle_holds_under_400_mb() -> None:
    said = bench("memory", "--minutes", "0.2")

    assert float(said.split("\nidle ")[1].split(" MB")[0]) < 400
