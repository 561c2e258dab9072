"""A statement's import that is killed again and again: the same command goes on, and nothing stands twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from contentflow.config import ROOT
from contentflow.conversions.models import Conversion
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger import services as ledger
from contentflow.ledger.models import LedgerTransaction
from tests.conftest import BASE_ENV

pytestmark = pytest.mark.proof
ROWS = 4_000
KILLS = 3


@pytest.fixture
def statement(app: Flask, network: Any, click: Any, tmp_path: Path) -> Path:
    """A month of sales of two links: each tenth is nobody's, each hundredth a refund of the one before."""
    clicks = [click("x"), click("qr")]
    start = clock.now() - timedelta(days=40)
    lines = ["transaction,click_id,amount,currency,status,at,type"]
    for number in range(ROWS):
        at = clock.iso(start + timedelta(minutes=10 * number))
        owner = clicks[number % 2] if number % 10 else ""
        if number % 100 == 99:
            lines.append(f"T{number - 1},,0.50,EUR,approved,{at},refund")
        else:
            lines.append(f"T{number},{owner},1.00,EUR,{('approved', 'pending')[number % 3 == 0]},{at},")
    file = tmp_path / "october.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def start(app: Flask, file: Path) -> subprocess.Popen[str]:
    chosen = app.config["CONTENTFLOW"]
    own = {"DATA_DIR": str(chosen.data_dir), "DATABASE_URL": chosen.database_url}
    return subprocess.Popen(
        [sys.executable, "-m", "contentflow", "conversion", "import", "awin", str(file), "--apply", "--json"],
        cwd=ROOT,
        env={**os.environ, **BASE_ENV, **own},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def applied() -> int:
    db.session.rollback()
    count = int(db.session.scalar(select(func.count(Conversion.id))) or 0)
    db.session.rollback()
    return count


def kill_after(importer: subprocess.Popen[str], rows: int) -> int:
    """Kill it as soon as so many rows stand; return how many do."""
    while importer.poll() is None and applied() < rows:
        time.sleep(0.01)
    importer.send_signal(signal.SIGKILL)
    importer.communicate()
    return applied()


def test_an_import_that_is_killed_goes_on_and_doubles_nothing(app: Flask, alice: Any, statement: Path):
    reached = [0]
    for number in range(KILLS):
        reached.append(kill_after(start(app, statement), max(reached[-1] + 1, number * ROWS // (KILLS + 1))))
    assert reached == sorted(reached) and 0 < reached[-1] < ROWS

    importer = start(app, statement)
    found = json.loads(importer.communicate()[0])

    assert importer.returncode == 0
    counts = found["counts"]
    print(f"killed at {reached[1:]} of {ROWS} rows; the last run found {counts}")
    assert counts["known"] == reached[-1] and counts["refused"] == 0
    assert applied() == ROWS
    refunds = ROWS // 100
    of_sales = select(func.count(LedgerTransaction.id)).where(LedgerTransaction.kind == "sale")
    assert db.session.scalar(of_sales) == ROWS - refunds
    assert all(one["agrees"] for one in found["comparison"])
    assert len(found["comparison"]) == ROWS
    assert ledger.check_ledger() is None
    owned = select(func.count(Conversion.id)).where(
        Conversion.partner_id == alice.id, Conversion.type == "sale"
    )
    balances = ledger.balances(alice.id)
    earned = int(db.session.scalar(owned) or 0) * 40 - refunds * 20
    assert balances["pending"] + balances["held"] == earned

    assert json.loads(start(app, statement).communicate()[0])["counts"]["known"] == ROWS
    assert applied() == ROWS and ledger.balances(alice.id) == balances
