"""Each page of the console over a full house: milliseconds, statements, and no list read from end to end.

In short here; with ``FULL_HOUSE=1`` a million deliveries, ten million clicks and a hundred thousand sales,
which takes many minutes and 15 GB (``FULL_HOUSE=0.1``: a tenth of it):
``FULL_HOUSE=1 python -m pytest -s -m proof tests/proof/test_full_house.py``.
"""

from __future__ import annotations

import os
import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from statistics import median
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.figures import services as figures
from contentflow.ledger import commissions
from contentflow.ledger.double_entry import Account
from contentflow.ledger.models import Commission, Hold, LedgerTransaction, TransactionKind
from contentflow.mailing.models import Delivery
from contentflow.sharekit.models import ShareLog
from tests.console.conftest import pass_factor
from tests.guards.test_queries import statements
from tests.house import HOST, PAYS, browser, csrf, log_in
from tests.proof.full_house import House, fill
from tests.proof.plans import complaints, recorded

pytestmark = pytest.mark.proof

PART = float(os.environ.get("FULL_HOUSE", "0"))
SHORT = House(20, 60, conversions=2_000, shares=2_000, deliveries=5_000, clicks=20_000)
FULL = House(
    200, 1_000, conversions=int(100_000 * PART), shares=int(100_000 * PART),
    deliveries=int(1_000_000 * PART), clicks=int(10_000_000 * PART),
)  # fmt: skip
HOUSE = FULL if PART else SHORT
MAX_MS, MAX_STATEMENTS = 100.0, 12
TIMES = 5
PARTNER, SALE = "P" + "7".zfill(21), "C" + "50".zfill(21)
# Health asks what ``doctor`` asks, part by part, but for what the worker looks at each hour.
MORE_STATEMENTS = {"/console/health": 30}
# Files and states of things that the house has none of.
NOT_ASKED = {"console.post_file"}
# What may look at many rows, and why; a part of the statement that no other has.
ALLOWED = {
    "FROM figure_sums": "the numbers add up the sums of a period, of however many keys",
    "click_link_days.day >= ": "the numbers of today are counted",
    "earned_years.cents >= ": "who comes near to a contract, but for those who have one: few partners",
    "WHERE partners.role IS NOT NULL ORDER BY": "the team is looked for among all partners",
    "FROM click_link_days WHERE click_link_days.day IN": "who has most clicks of two days, of all its links",
    "FROM click_partner_days WHERE click_partner_days.partner_id": "one partner's sums of days are added up",
    "FROM payout_runs WHERE payout_runs.state": "the board counts what waits, two hundred of each at most",
    "deliveries.recipient LIKE": "a rare domain is looked for in the mails of 30 days, which have addresses",
}


@pytest.fixture
def app(make_app: Any) -> Iterator[Flask]:
    app = make_app(**PAYS)
    with app.app_context():
        yield app


@pytest.fixture
def template(app: Flask, alice: Any, alices_post: Any, click: Any, postback: Any) -> dict[str, str]:
    """One row of each kind, as the product makes it."""
    it = click()
    sale = postback("S-1", click_id=it, amount_cents=1_500)
    (posting,) = db.session.scalars(select(LedgerTransaction).where(LedgerTransaction.kind == "sale"))
    (commission,) = db.session.scalars(select(Commission))
    with transaction():
        commissions.move(db.session.get_one(Commission, commission.id), Account.HELD, TransactionKind.HOLD)
        made = {"partner_id": alice.id, "submission_id": alices_post.id}
        log = ShareLog(**made, channel="copy")
        mail = Delivery(**made, kind="share", state="sent", recipient_hash="template")
        hold = Hold(commission_id=commission.id, partner_id=alice.id, reason="burst")
        entry = audit.note("cli", "hold.release", commission.id, reason="rien à redire")
        db.session.add_all((log, mail, hold))
        db.session.flush()
        ids = {"contact_share_logs": log.id, "deliveries": mail.id, "holds": hold.id}
        ids |= {"audit_entries": entry.id}
    report = db.session.scalar(select(db.metadata.tables["postback_reports"].c.id).limit(1))
    return {
        **ids, "partners": alice.id, "byop_submissions": alices_post.id, "conversions": sale.id,
        "credits": commission.id, "ledger_postings": posting.id, "postback_reports": report,
    }  # fmt: skip


def filters(offer_id: str) -> list[str]:
    """Return the pages with what they may be filtered by, and the numbers by each cut."""
    since = clock.today() - timedelta(days=7)
    lists = {
        "posts": ("state=submitted", "state=archived", "state=refused", f"partner={PARTNER}",
                  f"offer={offer_id}", f"since={since}"),
        "holds": ("state=kept", "state=released", "reason=suspicion", "reason=contract",
                  f"partner={PARTNER}"),
        "partners": ("q=Partner", "state=active", "state=inactive", "state=warned"),
        "conversions": ("state=unattributed", f"partner={PARTNER}", f"since={since}"),
        "mail": ("state=undelivered", "state=paused", "state=queued", f"partner={PARTNER}",
                 "domain=example.net", "domain=nowhere.example", f"state=undelivered&since={since}"),
        "audit": ("actor=cli", "act=hold.release", "act=unknown", f"subject={PARTNER}", f"since={since}"),
        "payouts": ("state=paid",),
        "networks": ("network=awin", "state=silent", "state=rotating"),
        "search": ("q=Partner", "q=nobody@example.net", "q=T0000000000000000000007"),
    }  # fmt: skip
    year = clock.today() - timedelta(days=364)
    numbers = [
        f"/console/numbers?by={by}{period}"
        for by in ("day", "offer", "partner", "channel", "variant")
        for period in ("", f"&from={year}&to={clock.today()}")
    ]
    return [f"/console/{name}?{query}" for name, queries in lists.items() for query in queries] + numbers


def pages(app: Flask, offer_id: str) -> list[str]:
    """Return every page of the console's URL map, and those with a filter."""
    values = {"partner_id": PARTNER, "conversion_id": SALE, "offer_id": offer_id}
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint.startswith("console.") and "GET" in (rule.methods or ()):
            if rule.endpoint in NOT_ASKED or not rule.arguments <= set(values):
                continue
            with app.test_request_context():
                built = app.url_map.bind("share.example.org").build(
                    rule.endpoint, {name: values[name] for name in rule.arguments}
                )
            found.append(built)
    return sorted(found) + filters(offer_id)


def is_wrong(complaint: str) -> bool:
    """A page of a list goes along its index and ends after fifty rows: those it may look at are counted."""
    reason, _, statement = complaint.partition("\n")
    is_walk = "steps" not in reason and "rows" not in reason and "LIMIT" in statement
    return not is_walk and not any(part in statement for part in ALLOWED)


def test_every_page_of_the_console_is_quick_over_a_full_house(
    app: Flask, template: dict[str, str], olga: Any, offer: Any
):
    began = time.monotonic()
    fill(HOUSE, template)
    filled, began = time.monotonic() - began, time.monotonic()
    while figures.sum_up():
        pass
    print(f"\n{HOUSE}: filled in {filled:.0f} s, summed up in {time.monotonic() - began:.0f} s", flush=True)
    client, slow = pass_factor(log_in(browser(app), olga.id)), []
    with recorded() as asked:
        for path in pages(app, offer.id):
            assert client.get(path).status_code == 200, path
            taken, worked = [], []
            for _ in range(TIMES):
                start, work = time.perf_counter(), time.process_time()
                with statements() as made:
                    client.get(path)
                taken.append((time.perf_counter() - start) * 1_000)
                worked.append((time.process_time() - work) * 1_000)
            seen = [one for one in made if not one.startswith("BEGIN")]
            cost = f"{median(taken):8.1f} ms {median(worked):8.1f} of the processor"
            print(f"{cost} {len(seen):4} statements  {path}", flush=True)
            if len(seen) > MORE_STATEMENTS.get(path, MAX_STATEMENTS):
                slow.append(f"{path}: {len(seen)} statements")
            # Others may work on the same machine: the least of them all says what the page costs.
            if PART and min(taken) > MAX_MS:
                slow.append(f"{path}: {min(taken):.0f} ms")
    found = [one for one in complaints(asked) if is_wrong(one)]

    assert not slow, "\n".join(slow)
    assert not found, "\n".join(found)


def test_a_file_of_every_sale_streams_at_constant_memory(app: Flask, template: dict[str, str], olga: Any):
    fill(House(20, 60, HOUSE.conversions, 1, 1, 1), template)
    client = pass_factor(log_in(browser(app), olga.id))
    sent = {"csrf_token": csrf(client), "list": "conversions", "query": ""}
    tracemalloc.start()
    try:
        # The tests' own browser keeps each answer whole.
        answer = FlaskClient.open(client, "/console/export", method="POST", data=sent, buffered=False, **HOST)
        lines = sum(part.count(b"\n") for part in answer.iter_encoded())
        answer.close()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    print(f"\n{lines} lines, at most {peak / 1e6:.1f} MB", flush=True)
    assert lines == HOUSE.conversions + 2  # the head, and the sale that was copied
    assert peak < 10e6
