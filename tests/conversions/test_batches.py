"""Many reports at once end as each alone would: state, sums, holds, refusals."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select, update

from contentflow.conversions import services
from contentflow.conversions.batches import facts_of, queue_up, record_plain
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Conversion, Network
from contentflow.conversions.services import ReportOutcome
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger import services as ledger
from contentflow.ledger.models import Commission, Hold, LedgerEntry, LedgerTransaction
from tests.factories.clicks import ClickFactory
from tests.factories.conversions import NetworkFactory
from tests.factories.partners import PartnerFactory
from tests.factories.posts import PostFactory

OCTOBER = datetime.fromisoformat("2026-10-03T10:00:00+00:00")


def report(number: int, **fields: Any) -> Report:
    """A sale of 12.50 EUR on its own half hour."""
    given: dict[str, Any] = {
        "transaction": f"T{number}",
        "type": "sale",
        "click_id": "",
        "amount": 1_250,
        "currency": "EUR",
        "at": OCTOBER + timedelta(minutes=30 * number),
    }
    return Report(**given | fields)


def at_once(network: Network, reports: Sequence[Report]) -> list[Report]:
    with transaction():
        queue_up(network.id, reports)
        return record_plain(network, reports, facts_of(network.id, reports))


def one_by_one(network: Network, reports: Sequence[Report]) -> None:
    for each in reports:
        with transaction():
            services.record(network, each)


def ended(network: Network) -> dict[str, Any]:
    """Everything that came of a network's reports, without ids and moments of writing."""
    db.session.rollback()
    own = {
        one.id: one
        for one in db.session.scalars(select(Conversion).where(Conversion.network_id == network.id))
    }
    earned = [one for one in db.session.scalars(select(Commission)) if one.conversion_id in own]
    postings = [one for one in db.session.scalars(select(LedgerTransaction)) if one.conversion_id in own]
    entries = list(db.session.scalars(select(LedgerEntry)))
    by_commission = {one.id: f"{own[str(one.conversion_id)].transaction} {one.cents}" for one in earned}
    name = {key: one.transaction for key, one in own.items()}
    plain = ("type", "state", "changed_at", "click_id", "refund_of", "partner_id", "link_id", "submission_id")
    sums = ("channel", "unattributed", "block_hash", "amount_cents", "currency", "rate_micros", "euro_cents")
    return {
        "conversions": sorted(
            (
                one.transaction,
                *(str(getattr(one, key)) for key in (*plain, *sums, "earned_cents", "occurred_at")),
            )
            for one in own.values()
        ),
        "commissions": sorted(
            (
                name[str(one.conversion_id)],
                one.key.partition(":")[2].partition(str(one.conversion_id))[2],
                *(str(getattr(one, key)) for key in ("kind", "partner_id", "offer_id", "advertiser", "day")),
                *(one.units, one.cents, one.reversed_cents, one.clawed_cents, one.state, one.is_approved),
                round((one.matures_at - one.earned_at).total_seconds() / 60) if one.is_approved else 0,
            )
            for one in earned
        ),
        "holds": sorted(
            (by_commission[one.commission_id], one.reason, one.partner_id)
            for one in db.session.scalars(select(Hold))
            if one.commission_id in by_commission
        ),
        "postings": sorted(
            (
                name[str(one.conversion_id)],
                one.kind,
                one.note,
                one.partner_id or "",
                one.key.split(":")[0],
                sorted(
                    (
                        each.account,
                        each.partner_id or "",
                        by_commission.get(str(each.commission_id), ""),
                        each.amount_cents,
                    )
                    for each in entries
                    if each.transaction_id == one.id
                ),
            )
            for one in postings
        ),
    }


@pytest.fixture
def both(app: Flask) -> Callable[..., None]:
    """Apply rounds of reports at once on one network and one by one on another: they must end alike."""

    def compare(*rounds: Sequence[Report]) -> None:
        first, second = NetworkFactory(name="awin"), NetworkFactory(name="other")
        found = []
        for network, apply in ((first, at_once), (second, one_by_one)):
            for reports in rounds:
                apply(network, reports)
            found.append(ended(network))
            _forget(network)
        assert found[0] == found[1]
        assert ledger.check_ledger() is None

    return compare


def _forget(network: Network) -> None:
    """Take a network's sales out of what contracts and suspicions count: the next begins as it did."""
    with transaction():
        ids = select(Conversion.id).where(Conversion.network_id == network.id)
        db.session.execute(
            update(Commission)
            .where(Commission.conversion_id.in_(ids))
            .values(advertiser="elsewhere")
            .execution_options(synchronize_session=False)
        )
        db.session.execute(
            update(Conversion)
            .where(Conversion.network_id == network.id)
            .values(
                occurred_at=OCTOBER - timedelta(days=400),
                recorded_at=clock.now() - timedelta(days=400),
            )
            .execution_options(synchronize_session=False)
        )


def test_new_sales_leads_and_unknown_clicks_end_alike(both, click):
    one, another = click(), click("x", block_hash="b" * 64)
    both(
        [
            report(0, click_id=one),
            report(1, click_id=another, state="approved"),
            report(2, click_id=one, state="pending"),
            report(3, click_id=one, state="rejected"),
            report(4, click_id="A" * 22),
            report(5),
            report(6, click_id=one, type="lead", amount=None),
            report(7, click_id=one, amount=0),
            report(8, click_id=one, first_state="pending", changed_at=OCTOBER),
            report(9, click_id="not an id"),
            report(10, click_id=one[:-1]),
            report(11, click_id=one[:7].swapcase() + one[7:]),
            report(12, click_id=f"%{ord(one[0]):02X}{one[1:]}"),
            report(13, click_id=one[:7] + "A" * 15),
        ]
    )


def test_what_looks_wrong_is_held_alike(both, click):
    block = [click(channel, block_hash="b" * 64) for channel in ("x", "copy", "qr")]
    robot, own = click("email", verdict="bot"), click("native", verdict="self", block_hash="b" * 64)
    burst = [
        report(number, click_id=block[0], at=OCTOBER + timedelta(seconds=40 * number)) for number in range(25)
    ]
    both(
        [report(number, click_id=block[number % 3]) for number in range(50, 59)],
        [*burst, report(30, click_id=robot), report(31, click_id=own)],
        [replace(each, transaction=f"again {each.transaction}") for each in burst[::-1]],
    )


def test_what_passes_the_contracts_threshold_is_held_alike(both, click):
    one = click()
    both(
        [report(number, click_id=one, amount=30_000 + number) for number in range(12)],
        [report(number, click_id=one, amount=30_000, state="pending") for number in range(20, 28)],
        [report(number, click_id=one, amount=30_000, state="approved") for number in range(20, 28)],
    )


def test_approvals_end_alike(both, click):
    one, robot = click(), click("x", verdict="bot")
    waiting = [
        *(report(number, click_id=one, state="pending", amount=70_000) for number in range(6)),
        report(6, click_id=robot, state="pending"),
        report(7, state="pending"),
        report(8, click_id=one, state="pending", amount=0),
        report(9, click_id=one, state="pending", type="lead", amount=None),
    ]
    both(waiting, [replace(each, state="approved", changed_at=OCTOBER) for each in waiting])


def test_a_replay_books_nothing_and_keeps_the_latest_moment(app: Flask, network, click):
    reports = [report(number, click_id=click(), state="approved") for number in range(3)]
    at_once(network, reports)
    before = ended(network)

    at_once(network, reports)
    assert ended(network) == before

    newer = [replace(each, changed_at=OCTOBER + timedelta(days=1)) for each in reports]
    at_once(network, newer)
    at_once(network, [replace(each, changed_at=OCTOBER, state="pending") for each in reports])
    moments = set(db.session.scalars(select(Conversion.changed_at)))
    assert moments == {OCTOBER + timedelta(days=1)}
    assert len(ended(network)["postings"]) == len(before["postings"])


def test_an_account_that_was_erased_earns_nothing(app: Flask, network, alice, click):
    one = click()
    at_once(network, [report(0, click_id=one, state="pending")])
    with transaction():
        db.session.merge(alice).email = None

    left = at_once(network, [report(1, click_id=one), report(0, click_id=one, state="approved")])

    assert [each.transaction for each in left] == ["T0"]
    kept = {one.transaction: one.unattributed for one in db.session.scalars(select(Conversion))}
    assert kept == {"T0": "", "T1": "account_erased"}


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 900},
        {"state": "rejected"},
        {"state": "pending"},
        {"currency": "USD"},
        {"type": "refund", "refund_of": "T0"},
        {"click_id": "somebody's"},
    ],
)
def test_what_is_not_plain_is_left_to_the_one_verb(app: Flask, network, click, change: dict[str, Any]):
    one = click()
    first = report(0, click_id="" if "click_id" in change else one, state="approved")
    at_once(network, [first])
    if "click_id" in change:
        change = {"click_id": one}
    word = replace(first, **change)
    facts = facts_of(network.id, [word])
    predicted, is_plain = facts.verdict(word), facts.is_plain(word)
    db.session.rollback()

    assert not is_plain
    if change == {"currency": "USD"}:
        assert predicted == ReportOutcome.REFUSED
        return
    with transaction():
        assert services.record(network, word).verdict == predicted


def test_a_batch_is_a_few_statements(app: Flask, network, click):
    clicks = [click(channel) for channel in ("x", "copy", "qr")]
    reports = [report(number, click_id=clicks[number % 3]) for number in range(100)]

    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))

    at_once(network, reports)
    at_once(network, [replace(each, state="rejected", type="lead") for each in reports])

    assert len(seen) < 60


def test_many_partners_are_asked_about_together(app: Flask, network, offer):
    posts = [PostFactory(partner_id=PartnerFactory().id) for _ in range(12)]
    owners = [ClickFactory(post=post).id for post in posts]
    seen: list[str] = []
    event.listen(db.engine, "before_cursor_execute", lambda *given: seen.append(given[2]))
    counts = []
    for number, clicks in enumerate((owners[:2], owners[2:])):
        waiting = [
            report(place + 10 * number, click_id=one, state="pending") for place, one in enumerate(clicks)
        ]
        for reports in (waiting, [replace(one, state="approved") for one in waiting]):
            seen.clear()
            assert at_once(network, reports) == []
            counts.append(len(seen))

    assert counts[2:] == counts[:2]
