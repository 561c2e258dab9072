"""Two operators press at the same moment, in two threads: one act, one “already”, one entry in the audit."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.partners.models import Partner, SavedView
from tests.console.conftest import pass_factor
from tests.house import browser, csrf, log_in, look_anew

SITE = {"base_url": "https://share.example.org"}


def at_once(clients: list[FlaskClient], path: str, *forms: dict[str, Any]) -> list[TestResponse]:
    """Post from each browser its form, or all the same one, as nearly together as threads can."""
    tokens, ready = [csrf(client) for client in clients], Barrier(len(clients))

    def send(client: FlaskClient, token: str, fields: dict[str, Any]) -> TestResponse:
        ready.wait()
        return client.post(path, data={**fields, "csrf_token": token}, **SITE)

    with ThreadPoolExecutor(len(clients)) as pool:
        return list(pool.map(send, clients, tokens, cycle(forms)))


def acts(name: str) -> list[AuditEntry]:
    look_anew()
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.act == name)))


@pytest.fixture
def both(olga_client: FlaskClient, in_role: Callable[[str], FlaskClient]) -> list[FlaskClient]:
    return [olga_client, in_role("operator")]


@pytest.fixture
def twice(app: Flask, olga_client: FlaskClient, olga: Partner) -> list[FlaskClient]:
    """The same person, in two browsers."""
    return [olga_client, pass_factor(log_in(browser(app), olga.id))]


@pytest.mark.parametrize(("act", "reason"), [("approve", {}), ("refuse", {"reason": "claims"})])
def test_a_post_is_moderated_once(app: Flask, both, alices_post, act, reason):
    with transaction():
        post = db.session.merge(alices_post)
        post.status = "submitted"
        links.hold_links(post.id)

    answers = at_once(both, f"/console/posts/{act}", {"post": alices_post.id, **reason})

    found = sorted(re.findall(r'data-verdict="([a-z]+)"', "".join(one.text for one in answers)))
    assert found == ["already", "done"]
    assert len(acts(f"post.{act}")) == 1


def test_a_sale_of_nobody_is_attached_once(both, alices_post, postback):
    sale, code = postback("N-1"), links.links_of(alices_post.id)["copy"].code
    fields = {"conversion": sale.id, "code": code, "reason": "il l’a montré"}

    answers = at_once(both, "/console/conversions/attach", fields)

    assert sorted(one.status_code for one in answers) == [303, 409]
    assert len(acts("conversion.attach")) == 1


def test_one_form_of_an_offer_makes_one(twice):
    fields = {"name": "Nova", "url": "https://nova.example.com/", "nonce": "n"}

    answers = at_once(twice, "/console/offers/new", fields)

    assert len({one.headers["Location"] for one in answers}) == 1
    assert len(acts("offer.add")) == 1


def test_one_view_saved_twice_is_one(twice):
    fields = {"name": "mienne", "path": "/console/posts?state=refused"}

    answers = at_once(twice, "/console/views", fields)

    assert [one.status_code for one in answers] == [303, 303]
    look_anew()
    assert len(db.session.scalars(select(SavedView)).all()) == 1
