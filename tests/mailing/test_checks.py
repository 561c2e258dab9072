"""What doctor says of the mail: the domain's records, the service, its events and the tokens."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.dns_records import DnsUnavailable
from contentflow.core.heartbeat import BREVO, Heartbeat
from contentflow.core.registry import Remark
from contentflow.mailing import checks
from contentflow.mailing.events import BrevoDay
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from tests.core.test_outbound import server
from tests.mailing.brevo_payloads import payload

WHOLE = {
    "news.share.fr": ["google-site-verification=x", "v=spf1 include:spf.brevo.com -all"],
    "brevo1._domainkey.news.share.fr": ["k=rsa;p=MIGfMA0G"],
    "_dmarc.share.fr": ["v=DMARC1; p=none; rua=mailto:rua@dmarc.brevo.com"],
}


@pytest.fixture
def brevo_app(make_app: Callable[..., Flask]) -> Callable[..., Flask]:
    def make(**more: str) -> Flask:
        sender = {"EMAIL_FROM": "bonjour@news.share.fr", "BREVO_API_KEY": "k"}
        return make_app(**{**sender, **more})

    return make


def dns(monkeypatch: pytest.MonkeyPatch, records: dict[str, list[str]]) -> None:
    monkeypatch.setattr(checks, "txt_records", lambda name: records.get(name, []))


def test_a_domain_with_all_three_records_is_well(brevo_app, monkeypatch):
    dns(monkeypatch, WHOLE)

    with brevo_app().app_context():
        assert checks.check_domain() is None


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"news.share.fr": []}, "SPF"),
        ({"news.share.fr": ["v=spf1 -all", "v=spf1 ~all"]}, "SPF (2 × v=spf1)"),
        ({"brevo1._domainkey.news.share.fr": []}, "DKIM"),
        ({"brevo1._domainkey.news.share.fr": ["k=rsa; p="]}, "DKIM"),
        ({"_dmarc.share.fr": []}, "DMARC"),
    ],
)
def test_each_missing_record_is_named(brevo_app, monkeypatch, changed, named):
    dns(monkeypatch, {**WHOLE, **changed})

    with brevo_app().app_context():
        found = checks.check_domain()

    assert found is not None and f": {named};" in found.replace(" ;", ";")
    assert not isinstance(found, Remark)


def test_a_dns_that_is_away_is_a_remark(brevo_app, monkeypatch):
    def away(name: str) -> list[str]:
        raise DnsUnavailable("LifetimeTimeout")

    monkeypatch.setattr(checks, "txt_records", away)
    with brevo_app().app_context():
        assert isinstance(checks.check_domain(), Remark)


def test_mails_with_links_of_plain_http_are_told(brevo_app):
    with brevo_app(PUBLIC_BASE_URL="http://share.fr").app_context():
        assert "https" in str(checks.check_base_url())
    with brevo_app().app_context():
        assert checks.check_base_url() is None


@pytest.mark.parametrize(("status", "said"), [(200, None), (401, "BREVO_API_KEY"), (503, "503")])
def test_the_service_is_asked_whether_it_takes_the_key(brevo_app, status, said):
    answer = f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    with server(answer) as url, brevo_app(BREVO_API_URL=url).app_context():
        found = checks.check_provider()

    assert found is None if said is None else said in str(found)


def test_a_service_that_is_away_is_told(brevo_app):
    with brevo_app(BREVO_API_URL="http://127.0.0.1:9/v3").app_context():
        assert "Brevo" in str(checks.check_provider())


def sent(ago: timedelta) -> None:
    with transaction():
        db.session.add(
            Delivery(kind="share", recipient_hash=recipient_hash("a@b.fr"), state="sent", transport="brevo",
                     first_tried_at=clock.now() - ago)
        )  # fmt: skip


def test_a_webhook_that_fell_silent_is_told(brevo_app):
    with brevo_app(BREVO_WEBHOOK_TOKEN="t").app_context():
        assert checks.check_webhook() is None
        sent(timedelta(days=3))
        assert "webhook" in str(checks.check_webhook())
        with transaction():
            db.session.merge(Heartbeat(name=BREVO, seen_at=clock.now() - timedelta(days=3)))
        assert checks.check_webhook() is None


def test_without_a_token_it_is_a_remark(brevo_app):
    with brevo_app().app_context():
        assert isinstance(checks.check_webhook(), Remark)


def test_a_second_token_is_told_after_two_weeks_and_its_change_begins_anew(brevo_app):
    with brevo_app(BREVO_WEBHOOK_TOKEN="new,old").app_context():
        checks.note_rotation()
        assert checks.check_tokens() is None
        with transaction():
            began = update(Heartbeat).where(Heartbeat.name.startswith(checks.ROTATION))
            db.session.execute(began.values(seen_at=clock.now() - timedelta(days=15)))
        checks.note_rotation()
        assert "14" in str(checks.check_tokens())
    with brevo_app(BREVO_WEBHOOK_TOKEN="newer,new").app_context():
        checks.note_rotation()
        assert checks.check_tokens() is None
    with brevo_app(BREVO_WEBHOOK_TOKEN="newer").app_context():
        checks.note_rotation()
        names = db.session.scalars(select(Heartbeat.name)).all()
        assert not [name for name in names if name.startswith(checks.ROTATION)]


def test_events_of_another_product_and_lost_ones_are_a_remark(brevo_app, run: Any):
    app = brevo_app(BREVO_WEBHOOK_TOKEN="t")
    with app.app_context():
        assert checks.check_events() is None
        headers = {"Authorization": "Bearer t"}
        app.test_client().post("/webhooks/brevo", json=payload("delivered"), headers=headers)
        with transaction():
            db.session.get(BrevoDay, clock.now().date().isoformat()).lost = 7

        found = checks.check_events()

    assert isinstance(found, Remark)
    assert "1 " in found and "7 " in found
