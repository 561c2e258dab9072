"""What /legal says is kept is what the database and maintenance really keep."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from flask import Flask

from contentflow import retention
from contentflow.core.db import Base
from contentflow.links import upkeep
from contentflow.mailing import recipients
from contentflow.partners import services as partners
from contentflow.sharekit import retention as shares
from tests.house import browser


def legal(app: Flask, language: str = "fr") -> str:
    page = browser(app).get("/legal", headers={"Accept-Language": language}).get_data(as_text=True)
    return page.replace("\u00a0", " ").replace("\u202f", " ")


def test_every_table_stands_in_one_line_or_holds_nothing_of_anybody(app: Flask) -> None:
    named = [table for line in retention.RULES for table in line.tables] + list(retention.IMPERSONAL)

    assert sorted(named) == sorted(Base.metadata.tables)


def test_every_line_is_on_the_page_and_no_other(app: Flask) -> None:
    lines = re.findall(r'<tr data-tables="([^"]*)">', legal(app))

    assert lines == [" ".join(line.tables) for line in retention.RULES]


@pytest.mark.parametrize(
    ("module", "name", "days", "said"),
    [
        (recipients, "KEPT", 31, "31 jours, ou jusqu’à un « stop »"),
        (upkeep, "KEPT", 425, "14 mois, puis des totaux"),
        (shares, "KEPT", 365, "12 mois, puis leur nombre seul"),
        (partners, "REQUEST_RETENTION", 2, "2 jours ;"),
        (partners, "LIFETIME", 60, "les sessions 60 jours"),
    ],
)
def test_a_length_is_the_one_that_maintenance_uses(
    app: Flask, monkeypatch: pytest.MonkeyPatch, module: object, name: str, days: int, said: str
) -> None:
    assert said not in legal(app)

    monkeypatch.setattr(module, name, timedelta(days=days))

    assert said in legal(app)


def test_the_days_of_originals_are_the_settings(make_app) -> None:
    assert "les vidéos d’origine 7 jours" in legal(make_app(ORIGINALS_KEEP_DAYS="7"))


def test_nothing_is_promised_about_what_does_not_exist(app: Flask) -> None:
    page = legal(app)

    assert "Contacts d’un partenaire" not in page and "versements" not in page


def test_the_lines_are_english_for_who_reads_english(app: Flask) -> None:
    page = legal(app, "en")

    assert "30 days, or until a “stop”" in page and "13 months, then" in page
