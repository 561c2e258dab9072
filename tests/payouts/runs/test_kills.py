"""``kill -9`` between any two steps of an approval: one posting, one invoice and one transfer each, no gap.

PAYOUT_KILLS=200 kills as often as is promised (docs/promises.md); without it a few, spread over all steps.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update

from contentflow.agreements import services as agreements
from contentflow.config import ROOT
from contentflow.core.db import db, transaction
from contentflow.ledger.models import LedgerTransaction
from contentflow.payouts import approval
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun, Transfer
from tests.conftest import BASE_ENV
from tests.house import PAYS
from tests.payouts.runs.conftest import Programme

A_FEW, MOST = "10", 250  # a month each, and all of them over
SCRIPT = Path(__file__).with_name("approve_until_killed.py")
PARTNERS = 3


def kills() -> int:
    """Return how often to kill; what is no such number fails the test in one sentence."""
    given = os.environ.get("PAYOUT_KILLS") or A_FEW
    number = int(given) if given.isascii() and given.isdigit() else 0
    if not 1 <= number <= MOST:
        pytest.fail(f"PAYOUT_KILLS is a number from 1 to {MOST}, not {given!r}", pytrace=False)
    return number


@pytest.mark.parametrize("given", ["many", "0", "-1", "251", "1.5", "２"])
def test_what_is_no_number_of_kills_is_said(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("PAYOUT_KILLS", given)

    with pytest.raises(pytest.fail.Exception, match="PAYOUT_KILLS is a number from 1 to 250"):
        kills()


def test_without_a_number_of_kills_a_few_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYOUT_KILLS", "")

    assert kills() == int(A_FEW)


@pytest.mark.proof
def test_an_approval_that_is_killed_anywhere_pays_once(
    app: Any, plain_documents: None, tmp_path: Path
) -> None:
    times = kills()
    assert agreements.in_force("mandate") is None
    programme = Programme(app)
    partners = [programme.payee(f"p{number}") for number in range(PARTNERS)]
    chance = random.Random(20)
    steps = _steps(programme, partners, tmp_path, 0)

    for number in range(1, times + 1):
        # Spread over all steps, the very last ones too.
        last = 1 + (number * steps // times + chance.randrange(3)) % steps
        run_id = _proposed(programme, partners, number)
        _approve(programme, run_id, tmp_path, last)
        with transaction():  # As the lease of who was killed runs out.
            db.session.execute(update(PayoutRun).values(leased_until=None))
        if programme.get(run_id).state == "proposed":
            with transaction():
                approval.begin(run_id, programme.digest_in(run_id), "anna")
            approval.finish(run_id)
        _check(programme, run_id, PARTNERS * (number + 1))

    labels = db.session.scalars(select(Invoice.label)).all()
    assert sorted(labels) == sorted(
        f"P{partner + 1:05d}-{datetime.now(UTC).year}-{number:04d}"
        for partner in range(PARTNERS)
        for number in range(1, times + 2)
    )


def _proposed(programme: Programme, partners: list[Any], number: int) -> str:
    month = 2005 * 12 + number
    for partner in partners:
        programme.earn(partner, 3_000 + number, datetime(month // 12, month % 12 + 1, 12, 9, tzinfo=UTC))
    run_id = programme.draft(f"{month // 12}-{month % 12 + 1:02d}")
    programme.propose(run_id)
    return run_id


def _steps(programme: Programme, partners: list[Any], folder: Path, number: int) -> int:
    """Return how many steps an approval has, by one that nobody kills."""
    return int(_approve(programme, _proposed(programme, partners, number), folder, 0).split()[-1])


def _approve(programme: Programme, run_id: str, folder: Path, last: int) -> str:
    digest = programme.digest(run_id)
    database = str(programme.app.config["CONTENTFLOW"].database_url)
    environ = {**os.environ, **BASE_ENV, **PAYS, "DATA_DIR": str(folder), "DATABASE_URL": database}
    command = [sys.executable, str(SCRIPT), run_id, digest, str(last)]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode in ((-9,) if last else (0,)), done.stderr
    return done.stdout


def _check(programme: Programme, run_id: str, payouts: int) -> None:
    run = programme.get(run_id)
    assert run.state == "approved" and run.bank_file is not None
    transfers = programme.transfers(run_id)
    assert [one.state for one in transfers] == ["open"] * PARTNERS
    posted = select(func.count()).select_from(LedgerTransaction).where(LedgerTransaction.kind == "payout")
    counts = [db.session.scalar(select(func.count()).select_from(one)) for one in (Payout, Invoice, Transfer)]
    assert [db.session.scalar(posted), *counts] == [payouts] * 4
    db.session.rollback()
