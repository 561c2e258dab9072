"""A contest of what was sent: the team reads it and answers, the partner reads the answer; no money moves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.ledger.models import LedgerTransaction
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.partners.models import Partner
from contentflow.partners.roles import TeamRole
from contentflow.payouts import contesting, filing, settling, showing
from contentflow.payouts.errors import ContestOver
from contentflow.payouts.run_models import Invoice, Payout
from tests.console.test_at_once import acts, at_once
from tests.house import browser, log_in, post, run_work
from tests.payouts.runs.conftest import Programme, act

Team = Callable[[str, TeamRole], FlaskClient]
GIVEN = {"outcome": "refused", "words": "Le taux est celui de ton contrat.", "reason": "contract of May"}


@pytest.fixture
def alice(programme: Programme) -> Partner:
    partner = programme.payee()
    programme.earn(partner, 5_000)
    return partner


@pytest.fixture
def hers(programme: Programme, alice: Partner) -> FlaskClient:
    return log_in(browser(programme.app), alice.id)


@pytest.fixture
def run_id(programme: Programme, alice: Partner, hers: FlaskClient) -> str:
    """A run whose file has left, and whose one invoice is contested."""
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")
    answer = post(hers, "/partner/payouts/contest", {"payout": payout().id, "why": "The rate is wrong."})
    assert answer.status_code == 303
    return run_id


def payout() -> Payout:
    db.session.rollback()
    return db.session.scalars(select(Payout)).one()


def invoice() -> Invoice:
    db.session.rollback()
    return db.session.scalars(select(Invoice).where(Invoice.payout_id.is_not(None))).one()


def mails(app: Flask) -> dict[str, list[str]]:
    """Return what arrived, by recipient."""
    run_work(app)
    db.session.rollback()
    found: dict[str, list[str]] = {}
    for mail in db.session.scalars(select(CapturedMail)):
        found.setdefault(mail.recipient, []).append(f"{mail.subject}\n{mail.text}")
    return found


def test_the_team_is_mailed_and_finds_the_contest_where_it_answers(
    programme: Programme, team: Team, alice: Partner, hers: FlaskClient
) -> None:
    olga, _ = team("olga", TeamRole.OWNER), team("rita", TeamRole.READER)
    run_id = programme.run()
    with transaction():
        filing.fetch_file(run_id, "anna")
    post(hers, "/partner/payouts/contest", {"payout": payout().id, "why": "The rate is wrong."})

    told = mails(programme.app)
    assert "rita@example.org" not in told
    [mail] = told["olga@example.org"]
    assert "P00001-2026-0001" in mail and f"/console/payouts/{run_id}" in mail and "rate" not in mail
    page = olga.get("/console/payouts").text
    assert 'data-contested="P00001-2026-0001"' in page and "The rate is wrong." in page
    assert 'action="/console/payouts/answer"' in olga.get(f"/console/payouts/{run_id}").text


def test_the_board_names_a_contest_until_it_is_answered(team: Team, run_id: str) -> None:
    olga = team("olga", TeamRole.OWNER)

    assert 'data-job="contests"' in olga.get("/console/").text
    act(olga, "answer", payout=payout().id, **GIVEN)
    assert 'data-job="contests"' not in olga.get("/console/").text


@pytest.mark.parametrize(
    ("outcome", "said"), [("refused", "reste telle quelle"), ("agreed", "te donne raison")]
)
def test_the_partner_reads_the_answer_and_no_money_moves(
    programme: Programme, team: Team, run_id: str, hers: FlaskClient, outcome: str, said: str
) -> None:
    olga = team("olga", TeamRole.OWNER)
    posted = len(db.session.scalars(select(LedgerTransaction.id)).all())

    answer = act(olga, "answer", payout=payout().id, **{**GIVEN, "outcome": outcome})

    assert answer.headers["Location"].endswith(f"/console/payouts/{run_id}")
    page = hers.get("/partner/payouts").text
    assert f'data-answer="{outcome}"' in page and said in page and GIVEN["words"] in page
    assert GIVEN["reason"] not in page and "contesterr" not in page
    [mail] = mails(programme.app)["alice@example.org"]
    assert said in mail and GIVEN["words"] in mail and GIVEN["reason"] not in mail
    assert len(db.session.scalars(select(LedgerTransaction.id)).all()) == posted
    assert payout().state == "sending" and len(db.session.scalars(select(Invoice)).all()) == 1
    [entry] = acts("payout.answer")
    assert (entry.reason, entry.after) == (
        GIVEN["reason"], {"invoice": "P00001-2026-0001", "outcome": outcome},
    )  # fmt: skip
    assert showing.open_contests() == []
    assert showing.export_payouts(payout().partner_id)[0]["answer"] == GIVEN["words"]
    console = olga.get(f"/console/payouts/{run_id}").text
    assert GIVEN["words"] in console and "/console/payouts/answer" not in console


def test_the_mail_is_in_the_partners_language(
    programme: Programme, team: Team, run_id: str, hers: FlaskClient
) -> None:
    post(
        browser(programme.app), "/partner/login", {"email": "alice@example.org"},
        headers={"Accept-Language": "en"},
    )  # fmt: skip

    act(team("olga", TeamRole.OWNER), "answer", payout=payout().id, **GIVEN)

    db.session.rollback()
    queued = db.session.scalars(select(Delivery).where(Delivery.kind == "notice", Delivery.language == "en"))
    assert [one.context["subject"] for one in queued] == [
        "The answer to your contest of the invoice P00001-2026-0001"
    ]


@pytest.mark.parametrize(
    ("wrong", "status"),
    [({"words": " "}, 422), ({"words": "x" * 501}, 422), ({"reason": ""}, 422), ({"outcome": "maybe"}, 422),
     ({"payout": "x"}, 404), ({"payout": "0" * 22}, 404)],
)  # fmt: skip
def test_what_is_no_answer_is_refused_and_what_was_typed_stays(
    team: Team, run_id: str, wrong: dict[str, str], status: int
) -> None:
    olga = team("olga", TeamRole.OWNER)

    answer = act(olga, "answer", **{"payout": payout().id, **GIVEN, **wrong})

    assert answer.status_code == status
    assert status == 404 or wrong.get("words", GIVEN["words"]).strip() in answer.text
    assert invoice().answered_at is None and acts("payout.answer") == []


def test_what_nobody_contested_waits_for_no_answer(programme: Programme, team: Team, alice: Partner) -> None:
    programme.run()

    assert act(team("olga", TeamRole.OWNER), "answer", payout=payout().id, **GIVEN).status_code == 409


def test_an_invoice_that_is_cancelled_waits_for_no_answer(
    programme: Programme, team: Team, alice: Partner
) -> None:
    programme.run()
    with transaction():
        contesting.contest(alice.id, payout().id, "wrong")

    assert showing.open_contests() == []
    assert act(team("olga", TeamRole.OWNER), "answer", payout=payout().id, **GIVEN).status_code == 409


def test_two_who_answer_at_once_are_one_answer(team: Team, run_id: str) -> None:
    both = [team("olga", TeamRole.OWNER), team("oscar", TeamRole.OPERATOR)]
    forms = [{"payout": payout().id, **GIVEN, "outcome": outcome} for outcome in ("refused", "agreed")]

    answers = at_once(both, "/console/payouts/answer", *forms)

    assert sorted(one.status_code for one in answers) == [303, 409]
    assert len(acts("payout.answer")) == 1


@pytest.mark.parametrize(("role", "status"), [(TeamRole.ACCOUNTANT, 303), (TeamRole.READER, 403)])
def test_who_settles_money_answers(team: Team, run_id: str, role: TeamRole, status: int) -> None:
    assert act(team("somebody", role), "answer", payout=payout().id, **GIVEN).status_code == status


@pytest.mark.parametrize(("outcome", "may"), [("agreed", True), ("refused", False)])
def test_who_is_right_takes_back_what_the_bank_gave_back(
    programme: Programme, alice: Partner, run_id: str, outcome: str, may: bool
) -> None:
    with transaction():
        contesting.answer(payout().id, outcome, "yes", "seen", "anna")
    with pytest.raises(ContestOver), transaction():
        contesting.contest(alice.id, payout().id, "take it back")
    with transaction():
        settling.settle(payout().id, "rejected", "AC04", "", "anna")

    [line] = showing.payout_lines(alice.id)
    assert line.may_contest is may
    if may:
        with transaction():
            contesting.contest(alice.id, payout().id, "take it back")
        assert payout().state == "cancelled"
        assert programme.balances(alice) == {"available": 5_000}


def test_an_audit_line_of_an_answer_holds_no_address(team: Team, run_id: str) -> None:
    given: dict[str, Any] = {**GIVEN, "reason": "as alice@example.org wrote"}

    act(team("olga", TeamRole.OWNER), "answer", payout=payout().id, **given)

    assert [one.reason for one in acts("payout.answer")] == ["as […] wrote"]
    assert not [one for one in db.session.scalars(select(AuditEntry)) if GIVEN["words"] in str(one.after)]
