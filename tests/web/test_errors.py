from __future__ import annotations

import logging
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from contentflow.core.db import db, dispose, is_sqlite
from contentflow.core.errors import Refused
from contentflow.web.access import public
from tests.house import browser, post


def add_page(app: Flask, view) -> FlaskClient:
    app.add_url_rule("/broken", "broken", public(view))
    return browser(app)


def test_an_unforeseen_error_shows_nothing_of_it(app: Flask, caplog: pytest.LogCaptureFixture):
    def explode():
        raise RuntimeError("secret-path /srv/data")

    with caplog.at_level(logging.ERROR):
        response = add_page(app, explode).get("/broken")
    page = response.get_data(as_text=True)

    assert response.status_code == 500
    assert "secret-path" not in page
    assert "Traceback" not in page
    assert response.headers["X-Request-ID"] in page
    assert response.headers["X-Request-ID"] in caplog.text


def test_a_database_error_is_a_503_without_values_in_the_log(app: Flask, caplog: pytest.LogCaptureFixture):
    def ask():
        db.session.execute(text("SELECT :value FROM nowhere"), {"value": "alice@example.org"})

    with caplog.at_level(logging.ERROR):
        response = add_page(app, ask).get("/broken")

    assert response.status_code == 503
    assert "nowhere" not in response.get_data(as_text=True)
    assert "alice@example.org" not in caplog.text


def test_htmx_meets_a_notice_instead_of_a_page(client: FlaskClient):
    response = client.get("/nowhere", headers={"HX-Request": "true"})

    assert response.status_code == 404
    assert response.headers["HX-Retarget"] == "#notices"
    assert "<html" not in response.get_data(as_text=True)


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        ("https://share.example.org/console/holds?reason=suspicion", "/console/holds?reason=suspicion"),
        ("https://share.example.org/console/confirm", "/"),  # the answer to a form: it cannot be opened again
        ("https://elsewhere.example.com/console/holds", "/"),
        ("https://[", "/"),
        ("", "/"),
    ],
)
def test_a_refusal_is_no_fault_of_ours_and_leads_back(app: Flask, came_from: str, leads_to: str):
    class Picky(Refused):
        message = "Choisissez une ligne."

    def refuse():
        raise Picky

    app.add_url_rule("/picky", "picky", public(refuse), methods=["POST"])
    answer = post(browser(app), "/picky", headers={"Referer": came_from})

    assert answer.status_code == 422 and "Ce n’est pas possible" in answer.text
    assert "Choisissez une ligne." in answer.text and "de notre côté" not in answer.text
    assert re.search(r'class="btn btn-primary" href="([^"]*)"', answer.text)[1] == leads_to


def test_a_wrong_method_says_which_is_right(client: FlaskClient):
    response = client.get("/language")

    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_without_a_database_the_pages_say_so(app: Flask, client: FlaskClient, tmp_path):
    if not is_sqlite():
        return
    db.session.remove()
    dispose()
    for file in tmp_path.glob("contentflow.db*"):
        file.unlink()

    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 503
    assert client.get("/l/abcdefg").status_code == 503


def test_ready_means_migrated_and_a_worker_seen(app: Flask, client: FlaskClient):
    from contentflow import worker

    assert client.get("/readyz").status_code == 503

    worker._beat()

    assert client.get("/readyz").status_code == 200
    assert client.get("/readyz").get_data(as_text=True) == "ready\n"


@pytest.mark.parametrize(
    "asked",
    [
        {"headers": {"Accept": "application/json"}},
        {"headers": {"Accept": "application/problem+json, text/html;q=0.5"}},
        {"json": {}},
    ],
)
def test_a_program_meets_a_problem_instead_of_a_page(client: FlaskClient, asked: dict[str, Any]):
    """RFC 9457."""
    response = client.get("/nowhere", **asked)

    assert (response.status_code, response.mimetype) == (404, "application/problem+json")
    assert response.json == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "Cette page n’existe pas, ou plus.",
    }


@pytest.mark.parametrize("accept", ["*/*", "text/html,application/xhtml+xml,*/*;q=0.8", "image/png", ""])
def test_a_browser_meets_a_page(client: FlaskClient, accept: str):
    assert client.get("/nowhere", headers={"Accept": accept}).mimetype == "text/html"
