"""The operator's pages of payouts: who may, what is shown, and what is refused."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.ledger.models import Commission
from contentflow.partners.roles import TeamRole
from contentflow.payouts import approval, bank_report, settling
from contentflow.payouts.run_models import Invoice, Payout, PayoutRun
from tests.house import browser, log_in, post, run_work
from tests.payouts.runs import reports
from tests.payouts.runs.conftest import Programme, act, code

Team = Callable[[str, TeamRole], FlaskClient]


def page(client: FlaskClient, run_id: str = "") -> str:
    answer = client.get(f"/console/payouts/{run_id}" if run_id else "/console/payouts")
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


def digest(client: FlaskClient, run_id: str) -> str:
    found = re.search(r'name="digest" value="([0-9a-f]{64})"', page(client, run_id))
    assert found is not None
    return found[1]


def drafted(client: FlaskClient) -> str:
    answer = act(client, "draft", month="2026-10")
    assert answer.status_code == 303
    return str(answer.headers["Location"].rpartition("/")[2])


def state(run_id: str) -> str:
    db.session.rollback()
    return db.session.get_one(PayoutRun, run_id).state


@pytest.fixture
def run_id(programme: Programme, team: Team) -> str:
    """A run that Carl, an accountant, proposed."""
    programme.earn(programme.payee(), 5_000)
    carl = team("carl", TeamRole.ACCOUNTANT)
    run_id = drafted(carl)
    assert act(carl, "propose", run=run_id, digest=digest(carl, run_id)).status_code == 303
    return run_id


def test_two_people_pay_a_month(programme: Programme, team: Team, run_id: str, frozen: Any) -> None:
    olga = team("olga", TeamRole.OWNER)
    seen = digest(olga, run_id)

    assert act(olga, "approve", run=run_id, digest=seen, code=code()).status_code == 303
    assert state(run_id) == "approved"
    first, second = act(olga, "file", run=run_id), act(olga, "file", run=run_id)
    assert first.status_code == 200 and first.get_data() == second.get_data()
    assert first.mimetype == "application/xml" and b"pain.001.001.09" in first.get_data()
    assert act(olga, "sent", run=run_id, on="2026-11-06").status_code == 303
    [transfer] = programme.transfers(run_id)
    content = reports.statement(reports.entry(transfer.end_to_end_id, 5_000))
    for verdict in ("settled", "already"):
        answer = act(olga, "bank-report", report=(io.BytesIO(content), "camt.xml"))
        assert re.findall(r'data-verdict="(\w+)"', answer.get_data(as_text=True)) == [verdict]
    assert state(run_id) == "closed"
    assert 'data-state="paid"' in page(olga, run_id)
    assert "au total, TVA comprise" in page(olga, run_id) and "à virer" not in page(olga, run_id)


def test_a_run_names_who_is_paid_and_who_is_not(programme: Programme, team: Team) -> None:
    alice, bob = programme.payee(), programme.payee("bob")
    programme.earn(alice, 5_000)
    programme.earn(bob, 100)
    carl = team("carl", TeamRole.ACCOUNTANT)

    shown = page(carl, drafted(carl))

    assert f'data-partner="{alice.id}" data-state="due" data-total-cents="5000"' in shown
    assert "2606" in shown and "FR14" not in shown
    assert f'data-partner="{bob.id}" data-reason="below_minimum"' in shown


def test_who_proposed_does_not_approve(programme: Programme, team: Team) -> None:
    programme.earn(programme.payee(), 5_000)
    olga = team("olga", TeamRole.OWNER)
    run_id = drafted(olga)
    act(olga, "propose", run=run_id, digest=digest(olga, run_id))

    shown = page(olga, run_id)
    assert "Vous avez proposé ce lot" in shown and "payouts/approve" not in shown
    assert act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code()).status_code == 403
    assert state(run_id) == "proposed"


@pytest.mark.parametrize("given", ["", "000000", "x" * 500])
def test_an_approval_wants_a_code_of_its_own(team: Team, run_id: str, given: str) -> None:
    olga = team("olga", TeamRole.OWNER)

    assert act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=given).status_code == 422
    assert state(run_id) == "proposed"


def test_a_code_counts_once(team: Team, run_id: str) -> None:
    olga, seen = team("olga", TeamRole.OWNER), "0" * 64
    given = code()
    assert act(olga, "approve", run=run_id, digest=seen, code=given).status_code == 409

    assert act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=given).status_code == 422


def test_what_moved_is_answered_with_the_fresh_preview(
    programme: Programme, team: Team, run_id: str, frozen: Any
) -> None:
    olga = team("olga", TeamRole.OWNER)
    seen = digest(olga, run_id)
    sold = db.session.scalars(select(Payout)).one()
    earned = select(Commission).where(Commission.partner_id == sold.partner_id)
    programme.refund(db.session.scalars(earned).one(), 500)

    answer = act(olga, "approve", run=run_id, digest=seen, code=code())

    assert answer.status_code == 409
    assert 'data-total-cents="4500"' in answer.get_data(as_text=True)
    assert state(run_id) == "proposed"
    frozen.shift(timedelta(seconds=60))
    assert act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code()).status_code == 303


def test_an_operator_drafts_and_looks_and_no_more(team: Team, run_id: str) -> None:
    oscar = team("oscar", TeamRole.OPERATOR)
    page(oscar, run_id)
    acts = ("propose", "approve", "withdraw", "file", "sent", "settle", "export", "bank-report")

    assert {name: act(oscar, name, run=run_id).status_code for name in acts} == dict.fromkeys(acts, 403)
    assert act(oscar, "draft", month="2026-09").status_code == 303


def test_a_reader_looks(team: Team, run_id: str) -> None:
    rita = team("rita", TeamRole.READER)
    page(rita, run_id)

    assert act(rita, "draft", month="2026-09").status_code == 403


def test_a_partner_finds_no_such_page(programme: Programme, run_id: str, app: Flask) -> None:
    mallory = log_in(browser(app), programme.payee("mallory").id)

    assert mallory.get(f"/console/payouts/{run_id}").status_code == 404
    assert post(mallory, "/console/payouts/draft", {"month": "2026-09"}).status_code == 404


@pytest.mark.parametrize(
    ("what", "fields", "status"),
    [
        ("draft", {"month": "2026-11"}, 422), ("draft", {"month": "x"}, 422),
        ("draft", {"month": "2026-10"}, 409),
        ("propose", {"run": "x", "digest": ""}, 404), ("withdraw", {"run": "0" * 22, "reason": "x"}, 404),
        ("file", {"run": "a\x00b"}, 404), ("export", {"what": "all"}, 422),
        ("export", {"what": "journal", "year": "x"}, 422),
        ("settle", {"payout": "x", "outcome": "paid"}, 404),
        ("bank-report", {}, 422),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused(team: Team, run_id: str, what: str, fields: Any, status: int) -> None:
    assert act(team("olga", TeamRole.OWNER), what, **fields).status_code == status


def test_a_withdrawal_says_why(team: Team, run_id: str) -> None:
    olga = team("olga", TeamRole.OWNER)

    assert act(olga, "withdraw", run=run_id, reason=" ").status_code == 422
    assert act(olga, "withdraw", run=run_id, reason="a wrong rate").status_code == 303
    assert state(run_id) == "withdrawn"


def test_a_report_that_is_too_long_or_none_changes_nothing(
    team: Team, run_id: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    olga = team("olga", TeamRole.OWNER)
    allowed = app.extensions["bodies"]["console.bank_report_payouts"]
    assert bank_report.MAX_BYTES == 5 * 1024 * 1024 < allowed < 6 * 1024 * 1024
    monkeypatch.setattr(bank_report, "MAX_BYTES", 1_000)
    monkeypatch.setitem(app.extensions["bodies"], "console.bank_report_payouts", 100_000)

    for content, status in ((b" " * 1_001, 422), (b"<x/>", 422), (b" " * 200_000, 413)):
        assert act(olga, "bank-report", report=(io.BytesIO(content), "x.xml")).status_code == status


def test_exports_are_files(team: Team, run_id: str) -> None:
    olga = team("olga", TeamRole.OWNER)
    act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code())

    journal = act(olga, "export", what="journal", run=run_id)
    invoices = act(olga, "export", what="invoices", run=run_id)
    year = act(olga, "export", what="year", year="2026")

    assert journal.get_data(as_text=True).count("\r\n") == 3
    assert invoices.get_data().startswith(b"PK")
    assert "73282932000074" in year.get_data(as_text=True)


def test_a_payout_is_settled_by_hand_with_a_reason(programme: Programme, team: Team, run_id: str) -> None:
    olga = team("olga", TeamRole.OWNER)
    act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code())
    payout_id = programme.transfers(run_id)[0].payout_id

    assert act(olga, "settle", payout=payout_id, outcome="paid").status_code == 422
    assert act(olga, "settle", payout=payout_id, outcome="paid", reason="seen at the bank").status_code == 303
    assert act(olga, "settle", payout=payout_id, outcome="paid", reason="again").status_code == 409


def test_a_large_run_is_approved_by_the_worker_with_progress(
    programme: Programme, team: Team, monkeypatch: pytest.MonkeyPatch, app: Flask
) -> None:
    monkeypatch.setattr(approval, "AT_ONCE_IN_REQUEST", 1)
    for name in ("alice", "bob"):
        programme.earn(programme.payee(name), 5_000)
    carl, olga = team("carl", TeamRole.ACCOUNTANT), team("olga", TeamRole.OWNER)
    run_id = drafted(carl)
    act(carl, "propose", run=run_id, digest=digest(carl, run_id))

    assert act(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code()).status_code == 303
    assert 'data-percent="0"' in page(olga, run_id)
    assert db.session.scalars(select(Invoice)).all() == []
    run_work(app)

    assert state(run_id) == "approved"
    assert len(db.session.scalars(select(Invoice)).all()) == 2


def test_the_board_names_the_runs_that_wait(team: Team, run_id: str) -> None:
    shown = team("olga", TeamRole.OWNER).get("/console/").get_data(as_text=True)

    assert re.search(
        r'data-job="payouts"[^>]*data-waiting="1"|data-waiting="1"[^>]*data-job="payouts"', shown
    )


def line_of(client: FlaskClient) -> str:
    found = re.search(
        r'data-job="payouts" data-waiting="(\d+)"', client.get("/console/").get_data(as_text=True)
    )
    return found[1] if found else ""


def test_a_run_waits_on_the_board_for_another_person_than_who_proposed_it(
    programme: Programme, team: Team
) -> None:
    programme.earn(programme.payee(), 5_000)
    carl, olga = team("carl", TeamRole.ACCOUNTANT), team("olga", TeamRole.OWNER)
    run_id = drafted(carl)
    assert (line_of(carl), line_of(olga)) == ("1", "1")

    act(carl, "propose", run=run_id, digest=digest(carl, run_id))

    assert (line_of(carl), line_of(olga)) == ("", "1")
    assert "payouts/approve" in page(olga, run_id) and "payouts/approve" not in page(carl, run_id)


def test_where_payouts_are_off_there_is_no_page(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    with app.app_context(), transaction():
        pass

    assert browser(app).get("/console/payouts").status_code == 404
    assert browser(app).get("/partner/payouts").status_code == 404


def test_an_invoice_is_found_by_its_number(programme: Programme, team: Team, run_id: str) -> None:
    programme.approve(run_id)
    olga = team("olga", TeamRole.OWNER)

    shown = olga.get("/console/search?q=p00001-2026-0001").get_data(as_text=True)

    assert 'data-kind="invoice"' in shown and f"/console/payouts/{run_id}" in shown
    assert 'data-kind="invoice"' not in olga.get("/console/search?q=P00001-2026-0002").get_data(as_text=True)


def test_a_partners_page_has_their_payouts(programme: Programme, team: Team, run_id: str) -> None:
    olga, rita = team("olga", TeamRole.OWNER), team("rita", TeamRole.READER)
    transfer = programme.transfers(run_id)[0]
    where = f"/console/partners/{db.session.get_one(Payout, transfer.payout_id).partner_id}"
    assert "data-payout" not in olga.get(where).text
    programme.approve(run_id)

    shown = olga.get(where).text

    assert f'data-payout="{transfer.payout_id}" data-state="due" data-total-cents="5000"' in shown
    assert f'href="/console/payouts/{run_id}"' in shown
    document = olga.get("/console/payouts/invoices/P00001-2026-0001.pdf")
    assert 'href="/console/payouts/invoices/P00001-2026-0001.pdf"' in shown
    assert document.mimetype == "application/pdf" and document.get_data().startswith(b"%PDF")
    assert "P00001-2026-0001" in rita.get(where).text and "invoices/" not in rita.get(where).text
    assert rita.get("/console/payouts/invoices/P00001-2026-0001.pdf").status_code == 403
    assert olga.get("/console/payouts/invoices/P00001-2026-0002.pdf").status_code == 404


def test_a_payout_that_is_sent_again_leads_to_the_run_that_tries_it(
    programme: Programme, team: Team, run_id: str, frozen: Any
) -> None:
    programme.approve(run_id)
    payout_id = programme.transfers(run_id)[0].payout_id
    with transaction():
        settling.settle(payout_id, "rejected", "AC04", "", "anna")
    frozen.shift(timedelta(days=30))
    second = programme.run("2026-11")

    partner_id = db.session.get_one(Payout, payout_id).partner_id
    shown = team("olga", TeamRole.OWNER).get(f"/console/partners/{partner_id}").text

    assert f'href="/console/payouts/{second}"' in shown and f'href="/console/payouts/{run_id}"' not in shown


def test_no_act_is_without_a_line_in_the_audit(
    programme: Programme, team: Team, app: Flask, frozen: Any
) -> None:
    programme.earn(programme.payee(), 5_000)
    carl, olga = team("carl", TeamRole.ACCOUNTANT), team("olga", TeamRole.OWNER)
    done: list[str] = []

    def count() -> int:
        db.session.rollback()
        return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0

    def do(client: FlaskClient, name: str, **fields: Any) -> Any:
        before = count()
        answer = act(client, name, **fields)
        assert answer.status_code in {200, 303}, (name, answer.text[-300:])
        assert count() > before, name
        done.append(name)
        return answer

    gone = str(do(carl, "draft", month="2026-10").headers["Location"].rpartition("/")[2])
    do(carl, "withdraw", run=gone, reason="a wrong rate")
    run_id = drafted(carl)
    do(carl, "propose", run=run_id, digest=digest(carl, run_id))
    do(olga, "approve", run=run_id, digest=digest(olga, run_id), code=code())
    do(olga, "export", what="journal", run=run_id)
    do(olga, "file", run=run_id)
    do(olga, "sent", run=run_id, on="2026-11-06")
    [transfer] = programme.transfers(run_id)
    do(olga, "settle", payout=transfer.payout_id, outcome="rejected", reason="AC04")
    content = reports.statement(reports.entry(transfer.end_to_end_id, 5_000))
    do(olga, "bank-report", report=(io.BytesIO(content), "camt.xml"))
    with transaction():
        db.session.execute(update(Invoice).values(contested_at=clock.now(), contest="no"))
    do(olga, "answer", payout=transfer.payout_id, outcome="refused", words="no", reason="no")

    rules = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {rule.rpartition("/")[2] for rule in rules if rule.startswith("/console/payouts")} == set(done)
