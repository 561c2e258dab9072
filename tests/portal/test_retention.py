"""What is kept, and how long: every row of the table on ``/legal``, with a clock that goes on."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from contentflow.consent import services as consents
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.maintenance import maintenance
from contentflow.ledger import services as ledger
from contentflow.mailing.models import Delivery
from contentflow.sharekit import services as sharekit
from contentflow.sharekit.models import ShareLog
from tests.house import browser, post, run_work

PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1"}
START = datetime.fromisoformat("2026-03-10T11:00:00+00:00")
MONTHS_13 = timedelta(days=396)

# What is counted, how long it is kept, and how much later than that it is gone: maintenance's hour.
KEPT = {
    "recipient addresses": ("SELECT count(recipient) FROM deliveries", timedelta(days=30)),
    "words of mails": ("SELECT count(*) FROM deliveries WHERE words LIKE '%gagn%'", timedelta(days=30)),
    "answers to a send": (
        "SELECT count(*) FROM consent_proofs WHERE verdicts LIKE '%friend@%'",
        timedelta(days=30),
    ),
    "mails of the local mailbox": ("SELECT count(*) FROM captured_mails", timedelta(days=30)),
    "share logs and texts": ("SELECT count(*) FROM contact_share_logs WHERE message <> ''", MONTHS_13),
    "raw clicks": ("SELECT count(*) FROM clicks", MONTHS_13),
    "visitor keys": ("SELECT count(*) FROM visitor_keys", timedelta(hours=12)),
    "sessions": ("SELECT count(*) FROM partner_sessions", timedelta(days=90)),
    "login requests": ("SELECT count(*) FROM login_requests", timedelta(days=1)),
    "login links": ("SELECT count(*) FROM login_tokens", timedelta(days=1)),
    "originals": ("", timedelta(days=30)),
}
SLACK = {"visitor keys": timedelta(hours=35)}  # Gone within 48 hours of the click.


@pytest.fixture
def life(
    app: Flask, alice: Any, alices_post: Any, alice_client: FlaskClient, click: Any, postback: Any
) -> Iterator[Path]:
    """One of everything, of the same moment; return where originals stand."""
    with time_machine.travel(START, tick=False):
        postback("T1", amount_cents=9_600, click_id=click())
        alice_client = browser(app)
        post(alice_client, "/partner/login", {"email": "alice@example.org"})
        run_work(app)
        with transaction():
            from contentflow.partners import services as partners

            token = partners.make_login_link("alice@example.org")
        post(alice_client, f"/partner/login/{token}")
        post(alice_client, "/byop/log", {"sid": alices_post.id, "ch": "telegram"})
        send = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n1"}
        post(alice_client, "/byop/email", send)
        film = {"video": (io.BytesIO(b"a film"), "film.mp4"), "nonce": "film"}
        post(alice_client, "/byop/submit", film, content_type="multipart/form-data")
        link = sharekit.share_url(alice.id, alices_post.id, "x")
        browser(app).get(link.removeprefix("https://share.example.org"), headers=PHONE)
        with transaction():
            db.session.execute(text("UPDATE deliveries SET created_at = :at"), {"at": db_time(START)})
            consents.suppress("never@example.org")
    with time_machine.travel(START + timedelta(minutes=2), tick=False):
        run_work(app)
        with transaction():
            db.session.execute(text("UPDATE captured_mails SET created_at = :at"), {"at": db_time(START)})
            db.session.execute(text("UPDATE partner_sessions SET created_at = :at"), {"at": db_time(START)})
    yield app.config["CONTENTFLOW"].data_dir / "originals"


def db_time(moment: datetime) -> datetime | str:
    return moment if db.engine.dialect.name != "sqlite" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def count(sql: str, originals: Path) -> int:
    db.session.rollback()
    if not sql:
        return sum(1 for path in originals.rglob("*") if path.is_file())
    if db.engine.dialect.name != "sqlite":
        sql = sql.replace("words LIKE", "words::text LIKE").replace("verdicts LIKE", "verdicts::text LIKE")
    number = int(db.session.execute(text(sql)).scalar_one())
    db.session.rollback()
    return number


def work(app: Flask) -> None:
    run_work(app)
    for act in maintenance().hourly.values():
        act()


def after(app: Flask, age: timedelta, look: Callable[[], int]) -> int:
    with time_machine.travel(START + age, tick=False):
        work(app)
        return look()


@pytest.mark.parametrize("what", KEPT)
def test_it_is_kept_so_long_and_no_longer(app: Flask, life: Path, what: str):
    sql, kept = KEPT[what]
    before = count(sql, life)
    assert before

    just_before = after(app, kept - timedelta(minutes=5), lambda: count(sql, life))
    just_after = after(app, kept + SLACK.get(what, timedelta(minutes=5)), lambda: count(sql, life))

    assert (just_before, just_after) == (before, 0)


def test_sums_proofs_stops_and_money_outlive_everything(app: Flask, alice: Any, life: Path, alices_post: Any):
    shares = {alices_post.id: {"telegram": 1, "email": 1}}
    sums = [
        "SELECT sum(clicks) FROM click_partner_days",
        "SELECT count(*) FROM suppressions",
        "SELECT count(*) FROM consent_proofs WHERE text <> ''",
        "SELECT count(recipient_hash) FROM deliveries",
        "SELECT count(*) FROM conversions WHERE earned_cents > 0",
        "SELECT count(*) FROM ledger_entries",
    ]
    before = [count(sql, life) for sql in sums]
    assert all(before)

    with time_machine.travel(START + timedelta(days=3_650), tick=False):
        work(app)
        work(app)
        left = [count(sql, life) for sql in sums]
        earned = sum(ledger.balances(alice.id).values())

    # What was pending became available: one more transaction.
    assert left[:-1] == before[:-1]
    assert left[-1] >= before[-1]
    assert earned == 3_840
    assert sharekit.share_counts([alices_post.id]) == shares


def test_what_was_shared_and_told_is_added_up_once(app: Flask, alice: Any, alices_post: Any):
    with transaction():
        for channel in ("x", "x", "copy"):
            sharekit.log_share(alice.id, alices_post.id, channel, "words")
        for entry in db.session.scalars(db.select(ShareLog)):
            entry.created_at = clock.now() - timedelta(days=400)
    with transaction():
        sharekit.log_share(alice.id, alices_post.id, "x", "new words")

    for _ in range(3):
        work(app)

    assert sharekit.share_counts([alices_post.id]) == {alices_post.id: {"x": 3, "copy": 1}}
    assert db.session.scalars(db.select(ShareLog.message)).all() == ["new words"]
    db.session.rollback()


def test_an_address_that_waits_for_a_month_is_given_up_and_forgotten(
    app: Flask, alice_client: FlaskClient, alices_post: Any, make_app: Any
):
    send = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n1"}
    post(alice_client, "/byop/email", send)
    paused = make_app(SHARE_EMAIL_ENABLED="false")

    with time_machine.travel(clock.now() + timedelta(days=31)), paused.app_context():
        work(paused)

    db.session.rollback()
    delivery = db.session.scalars(db.select(Delivery).where(Delivery.kind == "share")).one()
    assert (delivery.state, delivery.recipient, delivery.context.get("title")) == ("cancelled", None, None)
