"""Two people press at the same moment, each on a connection of their own: one act, and a sentence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core.db import db, transaction
from contentflow.partners.roles import TeamRole
from contentflow.payouts import runs
from contentflow.payouts.errors import MonthHasRun
from contentflow.payouts.run_models import PayoutRun
from tests.console.test_at_once import acts, at_once
from tests.payouts.runs.conftest import OCTOBER, Programme

Team = Callable[[str, TeamRole], FlaskClient]
TIMES = 5


@pytest.fixture
def both(team: Team) -> list[FlaskClient]:
    return [team("carl", TeamRole.ACCOUNTANT), team("olga", TeamRole.OWNER)]


def test_a_month_that_two_people_draft_at_once_is_one_run(
    programme: Programme, both: list[FlaskClient]
) -> None:
    for month in range(1, TIMES + 1):
        answers = at_once(both, "/console/payouts/draft", {"month": f"2026-0{month}"})

        first, second = sorted(answers, key=lambda answer: answer.status_code)
        assert (first.status_code, second.status_code) == (303, 409), second.text[:300]
        assert "Ce mois a déjà son lot" in second.text
        assert f'href="{first.headers["Location"]}">Ouvrir ce lot</a>' in second.text

    assert len(acts("payout.draft")) == TIMES
    assert len(db.session.scalars(select(PayoutRun)).all()) == TIMES


def test_of_two_months_that_are_proposed_at_once_one_waits(
    programme: Programme, both: list[FlaskClient]
) -> None:
    alice = programme.payee()
    programme.earn(alice, 5_000, OCTOBER - timedelta(days=30))
    programme.earn(alice, 5_000)
    for _ in range(TIMES):
        found = [programme.draft(month) for month in ("2026-09", "2026-10")]
        forms = [{"run": run_id, "digest": programme.digest(run_id)} for run_id in found]

        answers = at_once(both, "/console/payouts/propose", *forms)

        assert sorted(answer.status_code for answer in answers) == [303, 409]
        assert any("Un autre lot attend d’être approuvé" in answer.text for answer in answers)
        with transaction():
            for run_id in found:
                runs.withdraw(run_id, "again", "olga")


def test_the_schedule_leaves_a_month_to_who_drafts_it_at_that_moment(
    programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draft(month: str, actor: str) -> PayoutRun:
        raise MonthHasRun("")

    monkeypatch.setattr(runs, "draft", draft)

    runs.draft_due()

    assert runs.list_runs() == []
