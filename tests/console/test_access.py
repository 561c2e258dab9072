"""Who gets where: four roles over the URL map, mallory, and the second factor missing, stale or replayed."""

from __future__ import annotations

import re
from datetime import timedelta

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.core.ids import digest
from contentflow.partners.models import PartnerSession, SecondFactor
from contentflow.partners.roles import TeamRole, may
from contentflow.web.access import Access, Role, access_of
from tests.console.conftest import pass_factor
from tests.house import HOST, browser, log_in, post

METHODS = ("GET", "POST")
BEFORE_THE_GATE = {
    "console.second_factor", "console.set_up_factor", "console.check_factor", "console.passkey_options",
}  # fmt: skip


def routes(app: Flask) -> list[tuple[str, str, str, Access]]:
    """Return (method, path, endpoint, access) of each page of the console."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.rule.startswith("/console"):
            access = access_of(rule.endpoint)
            assert access is not None
            path = re.sub(r"<[^>]+>", "x" * 22, rule.rule)
            found += [
                (method, path, rule.endpoint, access) for method in METHODS if method in (rule.methods or ())
            ]
    return found


def ask(client: FlaskClient, method: str, path: str):
    return client.get(path) if method == "GET" else post(client, path)


def test_every_page_of_the_console_names_its_permission(app: Flask):
    assert len(routes(app)) > 40
    for _method, path, endpoint, access in routes(app):
        assert access.role is Role.OPERATOR, path
        assert any(may(role, access.permission) for role in TeamRole), path
        assert access.is_before_gate == (endpoint in BEFORE_THE_GATE), path


@pytest.mark.parametrize("role", TeamRole)
def test_a_role_opens_what_it_may_and_meets_403_elsewhere(app: Flask, olga_client, in_role, role: TeamRole):
    client = olga_client if role is TeamRole.OWNER else in_role(role)

    for method, path, _endpoint, access in routes(app):
        answer = ask(client, method, path)
        assert (answer.status_code == 403) is not may(role, access.permission), (method, path)
        assert answer.status_code < 500, (method, path)
        if answer.status_code == 403:
            assert "rôle" in answer.text
        if path == "/console/see/end":
            pass_factor(client)


def test_a_partner_meets_404_on_each_of_them_and_a_stranger_the_login(app: Flask, client, mallory_client):
    for method, path, _endpoint, _access in routes(app):
        assert ask(mallory_client, method, path).status_code == 404, (method, path)
        assert ask(client, method, path).headers["Location"].startswith("/partner/login"), (method, path)


def test_a_role_without_a_second_factor_gets_no_further_than_its_set_up(app: Flask, olga):
    client = log_in(browser(app), olga.id)

    for method, path, endpoint, _access in routes(app):
        if endpoint not in BEFORE_THE_GATE:
            answer = ask(client, method, path)
            assert (answer.status_code, answer.headers["Location"].split("?")[0]) == (
                303, "/console/second-factor",
            ), (method, path)  # fmt: skip


def test_what_weighs_asks_for_a_code_of_the_last_15_minutes(app: Flask, olga_client):
    pass_factor(olga_client, clock.now() - timedelta(minutes=16))

    stepped_up = [(method, path) for method, path, _endpoint, access in routes(app) if access.is_stepped_up]
    for method, path in stepped_up:
        answer = ask(olga_client, method, path)
        assert answer.status_code == 303 and "/console/second-factor?next=" in answer.headers["Location"]
    assert {
        "/console/team/role", "/console/team/invite", "/console/team/remove", "/console/networks/add",
        "/console/suppressions/remove", "/console/second-factor/recovery",
    } <= {path for _method, path in stepped_up}  # fmt: skip
    assert db.session.scalars(select(AuditEntry)).all() == []


@pytest.mark.parametrize("minutes", [14, 0])
def test_a_recent_code_is_enough(olga_client, minutes):
    pass_factor(olga_client, clock.now() - timedelta(minutes=minutes))

    assert post(olga_client, "/console/networks/add", {"name": "awin"}).status_code == 200


# The second factor on its pages


def key_of(client: FlaskClient) -> str:
    found = re.search(r'data-secret="([A-Z2-7]{32})"', client.get("/console/second-factor").text)
    assert found
    return found[1]


@pytest.fixture
def new_client(app: Flask, olga) -> FlaskClient:
    """The owner's, who has no second factor yet."""
    return log_in(browser(app), olga.id)


def test_the_set_up_shows_qr_key_and_then_ten_recovery_codes_once(new_client):
    page = new_client.get("/console/").headers["Location"]
    shown = new_client.get(page)
    key = key_of(new_client)

    answer = post(
        new_client, "/console/second-factor", {"code": pyotp.TOTP(key).now(), "next": "/console/team"}
    )

    assert 'src="data:image/svg+xml' in shown.text
    assert len(set(re.findall(r'data-recovery="([^"]+)"', answer.text))) == 10
    assert 'href="/console/team"' in answer.text
    assert "data-secret" not in new_client.get("/console/second-factor").text
    assert new_client.get("/console/").status_code == 200


def test_to_look_at_the_set_up_writes_nothing(new_client):
    key_of(new_client)

    assert db.session.scalars(select(SecondFactor)).all() == []


def test_a_wrong_first_code_keeps_the_key_and_where_one_was_going(new_client):
    key = key_of(new_client)

    answer = post(new_client, "/console/second-factor", {"code": "000000", "next": "/console/team"})

    assert answer.status_code == 422 and key in answer.text and 'value="/console/team"' in answer.text


def test_a_code_that_was_given_is_refused_in_another_browser(app, new_client, olga):
    with time_machine.travel(clock.now(), tick=False) as moment:
        key = key_of(new_client)
        post(new_client, "/console/second-factor", {"code": pyotp.TOTP(key).at(clock.now())})
        moment.shift(60)
        code = pyotp.TOTP(key).at(clock.now())
        other = log_in(browser(app), olga.id)

        first = post(new_client, "/console/second-factor/check", {"code": code})
        again = post(other, "/console/second-factor/check", {"code": code})

    assert (first.status_code, again.status_code) == (303, 422)
    assert other.get("/console/").status_code == 303


def test_the_fifth_wrong_code_is_429_with_retry_after(app, new_client, olga):
    post(new_client, "/console/second-factor", {"code": pyotp.TOTP(key_of(new_client)).now()})
    other = log_in(browser(app), olga.id)

    answers = [post(other, "/console/second-factor/check", {"code": "000000"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429, 429]
    assert 590 < int(answers[4].headers["Retry-After"]) <= 601


@pytest.mark.parametrize(
    "wanted", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:1"]
)
def test_after_the_code_nobody_is_sent_to_another_site(app, new_client, wanted):
    key = key_of(new_client)
    with time_machine.travel(clock.now(), tick=False) as moment:
        post(new_client, "/console/second-factor", {"code": pyotp.TOTP(key).at(clock.now())})
        moment.shift(60)
        code = pyotp.TOTP(key).at(clock.now())

        answer = post(new_client, "/console/second-factor/check", {"code": code, "next": wanted})

    assert answer.headers["Location"] == "/console/"


def test_after_the_step_up_one_is_back_with_what_was_typed(app, new_client, olga):
    key = key_of(new_client)
    typed = {"email": "Nouvelle@example.org", "role": "reader", "reason": "remplace Oscar"}
    with time_machine.travel(clock.now(), tick=False) as moment:
        post(new_client, "/console/second-factor", {"code": pyotp.TOTP(key).at(clock.now())})
        moment.shift(16 * 60)
        stopped = post(
            new_client,
            "/console/team/invite",
            typed,
            headers={"Referer": "https://share.example.org/console/team"},
        )
        check = new_client.get(stopped.headers["Location"])
        code = pyotp.TOTP(key).at(clock.now())
        back = post(new_client, "/console/second-factor/check", {"code": code, "next": "/console/team"})
        page = new_client.get(back.headers["Location"])
        done = post(new_client, "/console/team/invite", typed)
        again = new_client.get("/console/team")

    assert stopped.headers["Location"] == "/console/second-factor?next=/console/team"
    assert check.status_code == 200 and "Nouvelle@example.org" not in check.text
    assert 'value="Nouvelle@example.org"' in page.text and 'value="remplace Oscar"' in page.text
    assert done.status_code == 303 and 'value="remplace Oscar"' not in again.text


def test_what_was_typed_stands_encrypted_in_the_session(olga_client):
    pass_factor(olga_client, clock.now() - timedelta(hours=1))

    post(olga_client, "/console/suppressions/remove", {"address": "bob@example.org", "reason": "demande"})

    with olga_client.session_transaction(**HOST) as session:
        token = session["_user_id"]
    kept = db.session.get_one(PartnerSession, digest(token)).kept_form
    assert kept and b"bob" not in kept


def test_a_role_that_is_taken_away_ends_the_console_at_once(in_role, app):
    client = in_role("operator")
    assert client.get("/console/").status_code == 200

    with transaction():
        from contentflow.partners import accounts

        accounts.set_role("operator@example.org", None, "cli")

    assert client.get("/console/").status_code == 404


def test_without_a_second_factor_only_in_development(make_app, olga):
    client = log_in(browser(make_app(ENV="development", CONSOLE_SECOND_FACTOR="false")), olga.id)

    assert client.get("/console/", base_url="http://localhost").status_code in {200, 303}
