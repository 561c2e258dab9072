"""The page of health: each part in the reader's language, and nobody asked who may be slow."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from contentflow.console import health
from contentflow.conversions import reports
from contentflow.conversions.services import Recorded, ReportOutcome
from contentflow.core import clock, doctor, heartbeat
from contentflow.core.db import db, transaction
from contentflow.core.heartbeat import Heartbeat
from contentflow.core.registry import Remark, registry
from contentflow.mailing.models import Delivery
from tests.guards.test_pages import check

PAGE = "/console/health"
ENGLISH = {"Accept-Language": "en"}


def row(page: str, part: str) -> str:
    found = re.search(rf'<li data-id="{part}".*?</li>', page, re.DOTALL)
    assert found, part
    return found[0]


def state(page: str, part: str) -> str:
    return re.findall(r'data-state="(\w+)"', row(page, part))[0]


def test_every_part_and_queue_has_a_name_for_people(app):
    assert set(registry().doctor) - set(health.PARTS) == set()
    assert set(registry().backlogs) - set(health.QUEUES) == set()
    assert registry().checked_hourly <= set(registry().doctor)


@pytest.mark.parametrize("of_process", ["fr_FR.UTF-8", "en_US.UTF-8"])
def test_a_finding_speaks_the_language_of_who_reads_it(olga_client, monkeypatch, of_process):
    monkeypatch.setenv("LANGUAGE", of_process)

    french, english = olga_client.get(PAGE).text, olga_client.get(PAGE, headers=ENGLISH).text

    assert "Aucun travail n’a été vu depuis 30 secondes" in french
    assert "No worker" in english and "Aucun" not in english


def test_a_part_that_asks_others_is_looked_at_by_the_worker_alone(olga_client, monkeypatch):
    asked = []

    def provider() -> str | None:
        asked.append(1)
        return heartbeat.check_worker()

    monkeypatch.setitem(registry().doctor, "provider", provider)
    page = olga_client.get(PAGE).text
    assert state(page, "provider") == "unseen" and not asked

    doctor.check_hourly()
    told = len(asked)
    page, english = olga_client.get(PAGE).text, olga_client.get(PAGE, headers=ENGLISH).text

    assert told == len(asked) == 2
    check(page)
    assert state(page, "provider") == "unwell"
    assert "Aucun travail" in row(page, "provider") and "No worker" in row(english, "provider")
    assert "regardé" in row(page, "provider")
    assert page.index('data-id="provider"') < page.index('data-id="clock"')  # to be mended: first

    monkeypatch.setitem(registry().doctor, "provider", lambda: None)
    doctor.check_hourly()
    assert state(olga_client.get(PAGE).text, "provider") == "ok"


def test_a_remark_is_no_fault(olga_client, monkeypatch):
    monkeypatch.setitem(registry().doctor, "ledger", lambda: Remark("Tout est compté."))
    monkeypatch.setitem(registry().doctor, "room", lambda: Remark("Il y a de la place."))
    doctor.check_hourly()

    page = olga_client.get(PAGE).text

    assert state(page, "ledger") == state(page, "room") == "remark"
    assert "à savoir" in row(page, "ledger")


def test_the_page_says_what_waits_and_what_was_heard_last(olga_client, alice, alices_post):
    with transaction():
        made = {"kind": "share", "partner_id": alice.id, "submission_id": alices_post.id}
        made |= {"state": "queued"}
        db.session.add_all(Delivery(**made, recipient_hash=f"h{number}") for number in range(3))
        db.session.add(Heartbeat(name=heartbeat.BACKUP, seen_at=clock.now() - timedelta(days=1, minutes=1)))

    page = olga_client.get(PAGE).text

    assert 'data-queue="mail" data-waiting="3"' in page
    assert 'data-queue="video" data-waiting="0"' in page
    signs = dict(re.findall(r'<li data-sign="(\w+)">(.*?)</li>', page, re.DOTALL))
    assert list(signs) == ["worker", "webhook", "postback", "backup", "disk"]
    assert "jour" in signs["backup"] and "jamais" in signs["webhook"]
    assert re.search(r"[\d,]+.Go libres sur", signs["disk"])


def test_a_network_that_was_believed_is_the_last_sign(olga_client, postback):
    assert health.last_signs()["postback"] is None

    sale = postback("S-1")
    with transaction():
        reports.note(sale.network_id, Recorded(sale, ReportOutcome.NEW))

    heard = health.last_signs()["postback"]
    assert heard is not None and clock.now() - heard < timedelta(minutes=1)
