"""Money asks for a login of the last 15 minutes: a browser that was left open shows none."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine
from flask.testing import FlaskClient

from contentflow.core import clock

MONEY = [
    "/partner/earnings",
    "/partner/earnings/statement?month=2026-11",
    "/partner/earnings/statement?format=csv",
]


@pytest.mark.parametrize("path", MONEY)
def test_money_asks_for_a_login_of_the_last_15_minutes(alice_client: FlaskClient, path: str):
    with time_machine.travel(clock.now() + timedelta(minutes=14)):
        assert alice_client.get(path).status_code == 200
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        answer = alice_client.get(path)

    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/partner/login?next=/partner/earnings")
    assert path.partition("?")[2].replace("=", "%3D") in answer.headers["Location"]


def test_htmx_is_sent_to_the_login_whole(alice_client: FlaskClient):
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        answer = alice_client.get("/partner/earnings", headers={"HX-Request": "true"})

    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"].startswith("/partner/login?next=")


@pytest.mark.parametrize(
    "path", ["/partner/portal", "/partner/earnings/clicks", "/partner/earnings/clicks.csv"]
)
def test_the_portal_and_the_clicks_do_not(alice_client: FlaskClient, path: str):
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        assert alice_client.get(path).status_code == 200


def test_the_login_page_says_why_it_asks_again(alice_client: FlaskClient, client: FlaskClient):
    told = "une connexion de moins de 15 minutes"
    with time_machine.travel(clock.now() + timedelta(minutes=16)):
        asked = alice_client.get("/partner/login?next=/partner/earnings")
    nobody = client.get("/partner/login?next=/partner/earnings")

    assert told in asked.get_data(as_text=True)
    assert told not in nobody.get_data(as_text=True)
