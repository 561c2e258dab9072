"""The programme's numbers, by whatever cut: each agrees with the rows it is of, and with its CSV."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from sqlalchemy import select

from contentflow.console import figures
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.figures import services as summed
from contentflow.ledger import commissions, double_entry
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission
from contentflow.mailing.models import Delivery
from contentflow.sharekit.models import ShareLog
from tests.console.conftest import pass_factor
from tests.factories.offers import OfferFactory
from tests.factories.posts import PostFactory
from tests.guards.test_pages import check
from tests.house import browser, log_in, post


@pytest.fixture
def a_day(alice: Any, alices_post: Any, click: Any, postback: Any) -> Any:
    """Two presses, a valid and a doubtful click, a sale of 40 €, a mail: late on a Friday in France."""
    with time_machine.travel(datetime(2026, 11, 27, 22, 30, tzinfo=UTC), tick=False):
        with transaction():
            for channel in ("whatsapp", "email"):
                db.session.add(ShareLog(partner_id=alice.id, submission_id=alices_post.id, channel=channel))
            for state in ("sent", "failed"):
                db.session.add(
                    Delivery(
                        kind="share", state=state, recipient_hash="h" + state, partner_id=alice.id,
                        submission_id=alices_post.id,
                    )
                )  # fmt: skip
        click(verdict="duplicate")
        postback("S-1", click_id=click(), amount_cents=4_000)
        yield alices_post


def lines(**filters: str) -> list[tuple[Any, ...]]:
    known = figures.figures(filters)
    return [
        (one.label, one.presses, one.clicks, one.conversions, one.earned_cents, one.mails)
        for one in known.lines
    ]


BOTH = {"valid": 1, "duplicate": 1}


def test_by_day_and_partner_all_stands_in_one_line(app, a_day):
    with app.test_request_context():
        assert lines() == [("27 novembre 2026", 2, BOTH, 1, 1_600, 1)]
        assert lines(by="partner") == [("Alice Martin", 2, BOTH, 1, 1_600, 1)]


def test_by_offer_channel_and_variant_it_is_cut(app, a_day, offer):
    with app.test_request_context():
        assert lines(by="offer") == [(offer.name, 2, BOTH, 1, 1_600, 1)]
        assert lines(by="channel") == [
            ("WhatsApp", 1, BOTH, 1, 1_600, 0), ("E-mail", 1, {}, 0, 0, 1),
        ]  # fmt: skip
        assert lines(by="variant") == [("premiers mots", 2, BOTH, 1, 1_600, 1)]


def test_a_day_begins_at_midnight_in_france(app, alice, alices_post):
    for hour in (22, 23):  # 23:00 UTC in November is midnight in Paris.
        with time_machine.travel(datetime(2026, 11, 27, hour, 30, tzinfo=UTC)), transaction():
            db.session.add(ShareLog(partner_id=alice.id, submission_id=alices_post.id, channel="copy"))

    with app.test_request_context(), time_machine.travel(datetime(2026, 11, 29, tzinfo=UTC)):
        known = figures.figures({"from": "2026-11-28", "to": "2026-11-28"})
        both = figures.figures({})

    assert [(one.label, one.presses) for one in known.lines] == [("28 novembre 2026", 1)]
    assert [one.presses for one in both.lines] == [1, 1]


def test_a_sale_of_nobody_stands_in_a_line_of_its_own(app, alices_post, postback):
    postback("N-1")

    with app.test_request_context():
        assert lines(by="partner") == lines(by="offer") == lines(by="channel")
        assert lines(by="partner") == [("sans partenaire", 0, {}, 1, 0, 0)]


def test_what_was_reversed_is_not_earned_and_what_was_paid_is_paid(app, a_day, postback):
    postback("S-1", type="refund", amount_cents=1_000)
    with transaction():
        commission = db.session.scalars(select(Commission)).one()
        legs = double_entry.move(commission.id, Account.PENDING, Account.PAID, 1_200)
        commissions.post("payout:1", "payout", legs, commission.partner_id)

    with app.test_request_context():
        for by in ("day", "offer", "partner", "channel", "variant"):
            (line, *rest) = figures.figures({"by": by}).lines
            assert (line.earned_cents, line.paid_cents, line.epc_cents) == (1_200, 1_200, 1_200), by
            assert not any(one.paid_cents for one in rest)


def test_the_page_shows_the_lines_and_their_sum(a_day, olga_client):
    page = olga_client.get("/console/numbers?by=channel").text

    check(page)
    assert re.findall(r'data-line="([^"]*)"', page) == ["WhatsApp", "E-mail", "total"]
    assert "16,00" in page


def test_a_period_without_anything_says_so(olga_client):
    answer = olga_client.get("/console/numbers?from=2026-01-01&to=2026-01-02")

    assert answer.status_code == 200 and "Rien en ce temps" in answer.text
    check(answer.text)


@pytest.mark.parametrize(
    "query",
    [
        "from=0000-01-01", "from=2026-02-30", "to=hier", "from=2026-1-1", "from=9999-12-31",
        "from=2026-02-02&to=2026-02-01", "from=2022-01-01&to=2026-01-01",
    ],
)  # fmt: skip
def test_days_that_are_none_or_too_many_are_422(olga_client, query):
    assert olga_client.get(f"/console/numbers?{query}").status_code == 422


def test_a_cut_that_does_not_exist_is_404(olga_client):
    assert olga_client.get("/console/numbers?by=moon").status_code == 404


def test_the_file_says_the_same_as_the_page_and_stands_in_the_audit(a_day, olga_client):
    answer = post(olga_client, "/console/export", {"list": "numbers", "query": "by=channel"})

    rows = list(csv.reader(io.StringIO(answer.text.lstrip("\ufeff")), delimiter=";"))
    assert rows[0] == [
        "channel", "presses", "clicks_valid", "clicks_duplicate", "conversions", "earned", "paid", "epc",
        "mails",
    ]  # fmt: skip
    assert rows[1:] == [
        ["WhatsApp", "1", "1", "1", "1", "16,00", "0,00", "16,00", "0"],
        ["E-mail", "1", "0", "0", "0", "0,00", "0,00", "", "1"],
    ]  # fmt: skip
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.act == "export")).one()
    assert (entry.subject, entry.after) == ("numbers", {"by": "channel"})


def test_a_wrong_filter_of_the_file_is_refused_before_anything_is_written(olga_client):
    answer = post(olga_client, "/console/export", {"list": "numbers", "query": "from=0000-01-01"})

    assert answer.status_code == 422
    assert db.session.scalars(select(AuditEntry)).all() == []


def test_a_page_shows_the_first_two_hundred_and_the_file_all(olga_client, alice, monkeypatch):
    monkeypatch.setattr(figures, "MOST", 2)
    for number in range(3):
        offer = OfferFactory(name=f"Offre {number}")
        one = PostFactory(partner_id=alice.id, offer_id=offer.id)
        with transaction():
            db.session.add(ShareLog(partner_id=alice.id, submission_id=one.id, channel="copy"))

    page = olga_client.get("/console/numbers?by=offer").text
    file = post(olga_client, "/console/export", {"list": "numbers", "query": "by=offer"}).text

    assert len(re.findall(r'data-line="Offre', page)) == 2 and "Les 2 premières lignes" in page
    assert file.count("Offre ") == 3


def test_the_board_has_the_numbers_of_the_month_until_yesterday(app, olga, a_day, click, postback):
    with time_machine.travel(datetime(2026, 11, 28, 9, tzinfo=UTC), tick=False):
        postback("S-2", click_id=click(), amount_cents=90_000)
        assert summed.sum_up()

        page = pass_factor(log_in(browser(app), olga.id)).get("/console/").text
        known = figures.month_figures().line

    card = page.partition('id="month"')[2]
    assert "Novembre 2026" in card and "27 novembre 2026" in card
    earned, *_, clicks, sales = re.findall(r'number-value">([^<]*)<', card)
    assert (clicks, sales) == ("1", "1")
    assert earned.startswith(f"{known.earned_cents // 100},") and known.earned_cents > 0
