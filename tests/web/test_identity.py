"""Who runs the programme stands where the law and its readers look for it."""

from __future__ import annotations

import pytest
from flask import Flask

from contentflow.core.registry import Remark, registry
from contentflow.sharekit.share_mail import preview_share
from contentflow.sharekit.shares import ShareWords
from tests.house import browser

PROGRAMME = {
    "PROGRAMME_NAME": "Les Bons Plans",
    "PROGRAMME_PUBLISHER": "Bons Plans SAS, RCS Paris 123 456 789",
    "PROGRAMME_ADDRESS": "1 rue de la Paix, 75002 Paris",
    "PROGRAMME_HOST": "Hébergeur SA, 2 rue du Port, Lille",
    "PROGRAMME_CONTACT": "bonjour@bonsplans.example",
    "PROGRAMME_PRIVACY_URL": "https://bonsplans.example/vie-privee",
}


@pytest.fixture
def named(make_app) -> Flask:
    return make_app(**PROGRAMME)


def test_the_legal_page_says_who_runs_the_programme(named: Flask):
    page = browser(named).get("/legal").get_data(as_text=True)

    assert [text for text in PROGRAMME.values() if text not in page] == []


def test_an_error_page_says_whom_to_write_to(named: Flask):
    page = browser(named).get("/nowhere").get_data(as_text=True)

    assert "Les Bons Plans" in page and "bonjour@bonsplans.example" in page


def test_a_share_mail_says_who_runs_the_programme(named: Flask):
    fields = {name: "" for name in ShareWords.__dataclass_fields__}
    with named.app_context():
        mail = preview_share(ShareWords(**{**fields, "url": "https://share.example.org/l/x"}), "fr")

    for body in (mail.text, mail.html):
        assert [
            PROGRAMME[f"PROGRAMME_{name}"]
            for name in ("NAME", "PUBLISHER", "ADDRESS", "CONTACT", "PRIVACY_URL")
            if PROGRAMME[f"PROGRAMME_{name}"] not in body
        ] == []


def test_without_settings_pages_name_the_sender_and_the_start_says_what_is_missing(app: Flask):
    page = browser(app).get("/legal").get_data(as_text=True)
    finding = registry().doctor["identity"]()

    assert "bonjour@share.example.org" in page
    assert isinstance(finding, Remark) and "PROGRAMME_PUBLISHER" in finding and "PRIVACY" not in finding


def test_a_named_programme_and_development_have_no_finding(named: Flask, make_app):
    for app in (named, make_app(ENV="development")):
        with app.app_context():
            assert registry().doctor["identity"]() is None
