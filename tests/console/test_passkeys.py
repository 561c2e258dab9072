"""Passkeys: kept by a name, answering once, beside the code, and never another's."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pyotp
import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.partners.models import Passkey
from tests.factories.authenticator import Authenticator
from tests.guards.test_pages import check
from tests.house import browser, log_in, look_anew, post

PASSKEY = "/console/second-factor/passkey"
CHECK = "/console/second-factor/check"


@pytest.fixture
def client(app: Flask, olga: Any) -> FlaskClient:
    """The owner's, who set up codes just now."""
    client = log_in(browser(app), olga.id)
    page = client.get("/console/second-factor").text
    secret = re.search(r'data-secret="([A-Z2-7]+)"', page)
    assert secret
    post(client, "/console/second-factor", {"code": pyotp.TOTP(secret[1]).now()})
    return client


@pytest.fixture
def elsewhere(app: Flask, olga: Any, client: FlaskClient) -> FlaskClient:
    """The owner's other browser, which gave nothing yet."""
    return log_in(browser(app), olga.id)


def options(client: FlaskClient, kind: str) -> dict[str, Any]:
    answer = post(client, f"{PASSKEY}/options", {"for": kind})
    assert answer.status_code == 200, answer.text
    return dict(json.loads(answer.text))


def add(client: FlaskClient, device: Authenticator, name: str = "mon téléphone") -> int:
    fields = {"name": name, "credential": device.create(options(client, "create"))}
    return post(client, PASSKEY, fields).status_code


def give(client: FlaskClient, answer: str) -> int:
    return post(client, CHECK, {"credential": answer}).status_code


def passkeys() -> list[Passkey]:
    look_anew()
    return list(db.session.scalars(select(Passkey).execution_options(populate_existing=True)))


def test_a_passkey_is_added_and_opens_the_console(client, elsewhere, olga):
    device = Authenticator()
    assert add(client, device) == 303
    page = client.get("/console/second-factor").text
    check(page)
    assert 'data-passkey-name="mon téléphone"' in page
    assert 'data-passkey="get"' in elsewhere.get("/console/second-factor").text

    assert elsewhere.get("/console/").status_code == 303
    assert give(elsewhere, device.get(options(elsewhere, "get"))) == 303
    assert elsewhere.get("/console/").status_code == 200
    (kept,) = passkeys()
    assert (kept.counter, kept.name) == (1, "mon téléphone") and kept.last_used_at
    acts = [one.act for one in db.session.scalars(select(AuditEntry).where(AuditEntry.actor == olga.id))]
    assert "passkey.add" in acts


def test_an_answer_counts_once(app, client, elsewhere, olga):
    device = Authenticator()
    add(client, device)
    answer = device.get(options(elsewhere, "get"))
    assert give(elsewhere, answer) == 303

    third = log_in(browser(app), olga.id)
    assert give(third, answer) == 422  # without any challenge
    options(third, "get")
    assert give(third, answer) == 422  # of another challenge
    assert third.get("/console/").status_code == 303


def test_a_challenge_is_good_for_one_answer_right_or_wrong(client, elsewhere):
    device = Authenticator()
    add(client, device)
    asked = options(elsewhere, "get")

    assert give(elsewhere, Authenticator().get(asked)) == 422
    assert give(elsewhere, device.get(asked)) == 422


def test_a_challenge_is_good_for_five_minutes(client, elsewhere):
    device = Authenticator()
    add(client, device)
    asked = options(elsewhere, "get")

    with time_machine.travel(clock.now() + timedelta(minutes=5, seconds=1)):
        assert give(elsewhere, device.get(asked)) == 422


@pytest.mark.parametrize(
    ("origin", "host"),
    [("https://evil.example", "share.example.org"), ("https://share.example.org", "evil.example")],
)
def test_an_answer_that_was_made_for_another_site_is_refused(client, elsewhere, origin, host):
    device = Authenticator()
    add(client, device)
    device.origin, device.host = origin, host

    assert give(elsewhere, device.get(options(elsewhere, "get"))) == 422


def test_a_device_whose_counter_steps_back_is_refused(client, elsewhere):
    device = Authenticator()
    add(client, device)
    device.counter = 7
    assert give(elsewhere, device.get(options(elsewhere, "get"))) == 303
    device.counter = 7 - 1  # a copy of it

    assert give(elsewhere, device.get(options(elsewhere, "get"))) == 422


@pytest.mark.parametrize("answer", ["{", "[]", "{}", '{"id": 1}', '{"id": "\\u0000"}', "x" * 20_000, '"é"'])
def test_rubbish_is_refused_and_counted(client, elsewhere, answer):
    add(client, Authenticator())

    statuses = []
    for _ in range(6):
        options(elsewhere, "get")
        statuses.append(give(elsewhere, answer))
    assert statuses == [422, 422, 422, 422, 429, 429]


def test_anothers_passkey_opens_nothing(app, client, person):
    device = Authenticator()
    add(client, device)
    other = log_in(browser(app), person("operator").id)
    secret = re.search(r'data-secret="([A-Z2-7]+)"', other.get("/console/second-factor").text)
    post(other, "/console/second-factor", {"code": pyotp.TOTP(secret[1]).now()})
    again = log_in(browser(app), person_id(other))

    assert give(again, device.get(options(again, "get"))) == 422
    taken = post(other, f"{PASSKEY}/remove", {"credential": passkeys()[0].credential_id})
    assert taken.status_code == 404 and len(passkeys()) == 1
    assert add(other, device) == 409  # and it is not registered twice


def person_id(client: FlaskClient) -> str:
    from contentflow.partners import services as partners

    found = partners.find_partner_by_email("operator@example.org")
    assert found
    return str(found.id)


def test_it_is_removed_once(client):
    add(client, Authenticator())
    credential = passkeys()[0].credential_id

    assert post(client, f"{PASSKEY}/remove", {"credential": credential}).status_code == 303
    assert passkeys() == []
    assert post(client, f"{PASSKEY}/remove", {"credential": credential}).status_code == 404
    assert post(client, f"{PASSKEY}/remove", {"credential": "\x00"}).status_code == 404


@pytest.mark.parametrize("name", ["", " ", "x" * 61, "a\x00b"])
def test_it_has_a_name(client, name):
    assert add(client, Authenticator(), name) == 422
    assert passkeys() == []


def test_the_eleventh_is_refused(client):
    statuses = [add(client, Authenticator(), str(number)) for number in range(11)]

    assert statuses == [303] * 10 + [409]


def test_nobody_adds_one_without_a_code_of_the_last_15_minutes(client, elsewhere):
    assert post(elsewhere, f"{PASSKEY}/options", {"for": "create"}).status_code == 403
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        asked = post(client, f"{PASSKEY}/options", {"for": "create"})
        answer = post(client, PASSKEY, {"name": "x", "credential": "{}"})

    assert asked.status_code == 403
    assert answer.status_code == 303 and "/console/second-factor?next=" in answer.headers["Location"]
    assert passkeys() == []


def test_before_any_code_was_set_up_a_passkey_opens_nothing(app, olga):
    client = log_in(browser(app), olga.id)

    assert give(client, Authenticator().get(options(client, "get"))) == 409


def test_a_reset_takes_the_passkeys_too(client, olga):
    from contentflow.core.db import transaction
    from contentflow.partners import accounts

    add(client, Authenticator())
    with transaction():
        accounts.reset_second_factor("olga@example.org", "cli", "perdu")

    assert passkeys() == []
