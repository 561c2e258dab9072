"""Seeing as a partner reads only: no act, no download, no click, no trace but the audit's."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.links import services as links
from contentflow.links.models import Click
from contentflow.partners.models import PartnerSession
from contentflow.sharekit.models import ShareLog
from tests.console.conftest import pass_factor
from tests.house import log_in, look_anew, post

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)
OPEN = {"/language", "/console/see/end"}
BEARER = {"/webhooks/brevo"}  # Without its token it answers before it looks who is there.


@pytest.fixture
def seeing(olga_client: FlaskClient, alice: Any, alices_post: Any) -> FlaskClient:
    answer = post(olga_client, "/console/see", {"partner": alice.id, "reason": "elle ne voit pas ses gains"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/partner/portal")
    return olga_client


def test_the_partners_pages_are_shown_with_a_banner(seeing, alice, alices_post):
    for path in ("/partner/portal", f"/byop/kit?id={alices_post.id}", "/partner/earnings", "/partner/offers"):
        page = seeing.get(path)
        assert page.status_code == 200, path
        assert f'data-seen-as="{alice.id}"' in page.text
    assert "Une heure gagnée par jour" in seeing.get("/partner/portal").text


def test_every_post_of_the_url_map_is_refused_but_the_language_and_the_end(app: Flask, seeing, alice):
    refused = 0
    for rule in app.url_map.iter_rules():
        if "POST" in (rule.methods or ()) and rule.rule not in OPEN:
            answer = post(seeing, re.sub(r"<[^>]+>", "x" * 43, rule.rule))
            assert answer.status_code == (401 if rule.rule in BEARER else 403), rule.rule
            refused += 1
    assert refused > 50
    assert post(seeing, "/language", {"lang": "en"}).status_code == 303


def test_downloads_bank_and_token_pages_are_refused(seeing):
    for path in (
        "/partner/export.json", "/partner/erase", "/partner/earnings/statement",
        "/partner/earnings/statement?format=csv", "/partner/earnings/clicks.csv",
        "/partner/login/" + "x" * 43,
        "/unsubscribe/" + "x" * 43, "/subscribe/" + "x" * 43,
    ):  # fmt: skip
        answer = seeing.get(path)
        assert answer.status_code == 403, path
        assert "comme un partenaire" in answer.text


def test_it_leaves_no_click_of_a_visitor_no_press_no_session_and_no_last_seen(
    app, seeing, alice, alices_post
):
    code = links.links_of(alices_post.id)["copy"].code
    seeing.get(f"/l/{code}", headers={"User-Agent": PHONE})
    post(seeing, "/byop/log", {"sid": alices_post.id, "ch": "copy"})

    look_anew()
    assert [click.verdict for click in db.session.scalars(select(Click))] == ["self"]
    assert db.session.scalars(select(ShareLog)).all() == []
    own = select(PartnerSession).where(PartnerSession.partner_id == alice.id)
    assert db.session.scalars(own).all() == []


def test_both_ends_stand_in_the_audit_and_on_the_partners_own_page(app, seeing, alice, olga, client):
    answer = post(seeing, "/console/see/end")

    assert answer.headers["Location"] == f"/console/partners/{alice.id}"
    look_anew()
    acts = db.session.scalars(select(AuditEntry).order_by(AuditEntry.recorded_at)).all()
    assert [(one.act, one.actor, one.subject) for one in acts] == [
        ("see.start", olga.id, alice.id), ("see.end", olga.id, alice.id),
    ]  # fmt: skip
    page = log_in(client, alice.id).get("/partner/sessions").text
    assert "elle ne voit pas ses gains" in page and "Olga" not in page
    assert "data-seen-as" not in seeing.get("/partner/portal").text


def test_it_ends_by_itself_after_half_an_hour(olga_client, alice, olga):
    with time_machine.travel(clock.now(), tick=False) as moment:
        post(olga_client, "/console/see", {"partner": alice.id, "reason": "aide"})
        moment.shift(timedelta(minutes=30, seconds=1))
        page = olga_client.get("/partner/portal")

    assert "data-seen-as" not in page.text and "Olga" in page.text


def test_nobody_sees_as_themselves_or_as_nobody(olga_client, olga):
    assert post(olga_client, "/console/see", {"partner": olga.id, "reason": "x"}).status_code == 409
    assert post(olga_client, "/console/see", {"partner": "x" * 22, "reason": "x"}).status_code == 404


@pytest.mark.parametrize("role", ["accountant", "reader"])
def test_who_may_not_see_as_does_not(in_role, alice, role):
    assert post(in_role(role), "/console/see", {"partner": alice.id, "reason": "x"}).status_code == 403


def test_what_is_done_in_the_console_meanwhile_is_refused_too(seeing, alice):
    answer = post(seeing, "/console/partners/suspend", {"partner": alice.id, "reason": "x"})

    assert answer.status_code == 403
    assert seeing.get("/console/").status_code == 200


def test_who_loses_their_role_sees_their_own_pages_again(seeing, olga, alice):
    from contentflow.core.db import transaction
    from contentflow.partners import accounts
    from contentflow.partners.roles import TeamRole

    with transaction():
        accounts.set_role("alice@example.org", TeamRole.OWNER, "cli")
        accounts.set_role("olga@example.org", None, "cli")

    assert "data-seen-as" not in seeing.get("/partner/portal").text
    pass_factor(seeing)
