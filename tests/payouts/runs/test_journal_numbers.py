"""An entry of the journal has one number, whichever period is exported and whenever."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.partners.models import Partner
from contentflow.payouts import contesting, journal, settling
from contentflow.payouts.run_models import Payout, Transfer
from tests.payouts.runs.conftest import NOVEMBER, Programme
from tests.payouts.runs.test_exports import rows

NAMES = ("alice", "bob", "carol")


def numbers(run_id: str = "", year: str = "") -> dict[tuple[str, str, str], str]:
    """Return the number by what an entry says: its words, its day and the day it was noted."""
    with transaction():
        found = rows(journal.journal(run_id, year))
    return {(row["EcritureLib"], row["EcritureDate"], row["ValidDate"]): row["EcritureNum"] for row in found}


def settle(run_id: str, partner: Partner, outcome: str, on: str = "") -> None:
    of = select(Transfer.payout_id).join(Payout, Payout.id == Transfer.payout_id)
    wanted = of.where(Transfer.run_id == run_id, Payout.partner_id == partner.id)
    payout_id = db.session.scalars(wanted).one()
    with transaction():
        settling.settle(payout_id, outcome, "seen at the bank", on, "anna")


@pytest.fixture
def partners(programme: Programme) -> list[Partner]:
    return [programme.payee(name) for name in NAMES]


@pytest.fixture
def pay(programme: Programme, partners: list[Partner], frozen: Any) -> Callable[[str], str]:
    """Pay what each earned in a month, on the 6th of the next one."""

    def act(month: str) -> str:
        then = datetime.fromisoformat(f"{month}-06T09:00:00+00:00")
        frozen.move_to(then + timedelta(days=31))
        for partner in partners:
            programme.earn(partner, 5_000, then)
        return programme.run(month)

    return act


def test_a_number_is_the_same_in_the_export_of_a_run_and_of_its_year(
    partners: list[Partner], pay: Callable[[str], str]
) -> None:
    first, second = pay("2026-10"), pay("2026-11")
    for run_id in (second, first):
        settle(run_id, partners[0], "paid")

    year = numbers(year="2026")

    assert sorted(year.values()) == [
        *(f"AC-2026-{number:06d}" for number in range(1, 7)), "BQ-2026-000001", "BQ-2026-000002",
    ]  # fmt: skip
    of_runs = numbers(first), numbers(second)
    assert of_runs[0] | of_runs[1] == year
    assert sorted(of_runs[0].values()) == [
        "AC-2026-000001", "AC-2026-000002", "AC-2026-000003", "BQ-2026-000002",
    ]  # fmt: skip


def test_what_is_noted_later_comes_after_whatever_its_day(
    partners: list[Partner], pay: Callable[[str], str], frozen: Any
) -> None:
    run_id = pay("2026-10")
    frozen.shift(timedelta(days=10))
    settle(run_id, partners[0], "paid", "2026-11-10")
    before = numbers(year="2026")
    frozen.shift(timedelta(days=1))
    settle(run_id, partners[1], "paid", "2026-11-09")
    settle(run_id, partners[0], "returned", "2026-11-12")

    after = numbers(year="2026")

    assert {words: after[words] for words in before} == before
    assert sorted(set(after.values()) - set(before.values())) == ["BQ-2026-000002", "BQ-2026-000003"]


def test_a_run_over_two_years_has_a_sequence_of_each(
    partners: list[Partner], pay: Callable[[str], str], frozen: Any
) -> None:
    run_id = pay("2026-11")
    frozen.move_to(datetime(2027, 1, 4, 9, tzinfo=UTC))
    settle(run_id, partners[0], "paid", "2026-12-30")
    settle(run_id, partners[1], "paid")
    payout_id = db.session.scalars(select(Payout.id).where(Payout.partner_id == partners[2].id)).one()
    settle(run_id, partners[2], "rejected")
    with transaction():
        contesting.contest(partners[2].id, payout_id, "wrong")

    found = numbers(run_id)

    assert sorted(found.values()) == [
        "AC-2026-000001", "AC-2026-000002", "AC-2026-000003", "AC-2027-000001", "BQ-2026-000001",
        "BQ-2027-000001",
    ]  # fmt: skip
    assert numbers(year="2026") | numbers(year="2027") == found


def test_an_export_waits_for_what_is_being_posted(
    programme: Programme, partners: list[Partner], pay: Callable[[str], str]
) -> None:
    run_id = pay("2026-10")
    payout_id = db.session.scalars(select(Payout.id).where(Payout.partner_id == partners[0].id)).one()
    db.session.rollback()
    posted, go = Event(), Event()

    def post() -> None:
        with programme.app.app_context(), transaction():
            settling.settle(payout_id, "paid", "seen", "", "anna")
            posted.set()
            assert go.wait(10)

    def export() -> dict[Any, str]:
        with programme.app.app_context():
            return numbers(run_id)

    with ThreadPoolExecutor(2) as pool:
        posting = pool.submit(post)
        assert posted.wait(10)
        exporting = pool.submit(export)
        with pytest.raises(TimeoutError):
            exporting.result(0.5)
        go.set()
        posting.result(10)
        assert "BQ-2026-000001" in exporting.result(10).values()


def test_what_the_ledger_carried_forward_comes_first(
    partners: list[Partner], pay: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pay("2026-10")
    monkeypatch.setattr(journal.ledger, "written", lambda keys: {})

    assert {noted for _, _, noted in numbers(run_id)} == {f"{NOVEMBER:%Y%m%d}"}
