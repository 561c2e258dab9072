"""Who meets a view: each role sees what is its own, and nobody learns of the rest."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from contentflow.web.access import permission_required
from tests.house import browser, log_in


@pytest.fixture
def console(make_app: Any, app: Any) -> FlaskClient:
    other = make_app()
    other.add_url_rule(
        "/console", "console", permission_required("board", before_gate=True)(lambda: "the console")
    )
    return browser(other)


def test_a_stranger_is_sent_to_the_login(console: FlaskClient):
    answer = console.get("/console")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/partner/login?next=/console")


def test_a_partner_meets_an_operators_page_as_if_it_did_not_exist(console: FlaskClient, alice: Any):
    assert log_in(console, alice.id).get("/console").status_code == 404


def test_an_operator_may_look(console: FlaskClient, olga: Any):
    answer = log_in(console, olga.id).get("/console")

    assert (answer.status_code, answer.text) == (200, "the console")
