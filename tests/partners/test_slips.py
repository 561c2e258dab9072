"""Slips of the finger and of the mouse at the login: a hint, never an obstacle."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.core.db import transaction
from contentflow.partners import services
from contentflow.partners.addresses import WELL_KNOWN, likely_meant
from contentflow.partners.models import Partner
from tests.house import browser, post


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("alice@gmial.com", "alice@gmail.com"),
        ("alice@hotmial.fr", "alice@hotmail.fr"),
        ("alice@outlok.com", "alice@outlook.com"),
        ("alice@orage.fr", "alice@orange.fr"),
        ("alice@example.org", None),
        ("alice@studio-martin.fr", None),
    ],
)
def test_a_domain_that_is_nearly_a_well_known_one_is_doubted(typed: str, meant: str | None):
    assert likely_meant(typed) == meant


@pytest.mark.parametrize("domain", WELL_KNOWN)
def test_a_well_known_domain_is_not_doubted(domain: str):
    assert likely_meant(f"alice@{domain}") is None


def test_the_login_asks_whether_gmail_was_meant_and_mails_what_was_typed(client: FlaskClient):
    page = post(client, "/partner/login", {"email": "alice@gmial.com"}).get_data(as_text=True)

    assert "alice@gmail.com" in page
    assert "alice@gmial.com" in page


def test_a_used_link_leads_who_is_logged_in_to_the_portal(app: Flask, alice: Partner):
    with transaction():
        token = services.make_login_link(alice.email or "")
    client = browser(app)
    post(client, f"/partner/login/{token}")

    again = client.get(f"/partner/login/{token}")

    assert (again.status_code, again.location) == (303, "/partner/portal")
    assert browser(app).get(f"/partner/login/{token}").status_code == 410
