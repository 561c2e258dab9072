"""Each page of the console is whole, in both languages, empty and full."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.guards.test_pages import check

PAGES = [
    "/console/", "/console/posts", "/console/holds", "/console/partners", "/console/offers",
    "/console/networks", "/console/conversions", "/console/mail", "/console/suppressions", "/console/audit",
    "/console/health", "/console/team", "/console/numbers",
    "/console/search", "/console/search?q=Ali", "/console/second-factor",
]  # fmt: skip


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_whole_without_anything_in_it(olga_client: FlaskClient, path: str, language: str):
    answer = olga_client.get(path, headers={"Accept-Language": language})

    assert answer.status_code == 200, answer.text[-500:]
    check(answer.text)
    assert f'<html lang="{language}"' in answer.text
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_partner_stands_on_one_page(olga_client, alice, alices_post, click):
    click()

    answer = olga_client.get(f"/console/partners/{alice.id}")

    assert answer.status_code == 200
    check(answer.text)
    assert "Une heure gagnée par jour" in answer.text


@pytest.mark.parametrize("partner_id", ["nobody", "x" * 22, "%00", "a" * 300])
def test_a_partner_who_is_not_there_is_404(olga_client, partner_id):
    assert olga_client.get(f"/console/partners/{partner_id}").status_code == 404


def test_a_role_is_said_in_the_language_of_who_reads(olga_client, olga):
    for path in ("/console/partners", f"/console/partners/{olga.id}"):
        french = olga_client.get(path).text
        english = olga_client.get(path, headers={"Accept-Language": "en"}).text

        assert "· propriétaire" in french and "· owner" in english
