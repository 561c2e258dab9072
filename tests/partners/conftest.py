"""What the login tests read: the mail, its link and its code, and what stands in the tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contentflow.core.db import db
from contentflow.mailing.models import CapturedMail
from contentflow.partners.models import LoginRequest, LoginToken, PartnerSession
from tests.house import HOST, csrf, post, run_work


@dataclass(frozen=True)
class Mail:
    to: str
    subject: str
    text: str
    html: str

    @property
    def path(self) -> str:
        found = re.search(rf"{HOST['base_url']}(/partner/login/[\w-]+)", self.text)
        assert found
        return found[1]

    @property
    def code(self) -> str:
        found = re.search(r"^([0-9]{6})$", self.text, re.MULTILINE)
        assert found
        return found[1]


@pytest.fixture
def mails(app: Flask) -> Callable[[], list[Mail]]:
    """Let the worker work, and return every mail that left, the oldest first."""

    def read() -> list[Mail]:
        run_work(app)
        found = db.session.scalars(select(CapturedMail).order_by(CapturedMail.created_at)).all()
        return [Mail(mail.recipient, mail.subject, mail.text, mail.html) for mail in found]

    return read


def ask(client: FlaskClient, email: str, **fields: str) -> TestResponse:
    return post(client, "/partner/login", {"email": email, **fields})


def press(client: FlaskClient, path: str) -> TestResponse:
    return client.post(path, data={"csrf_token": csrf(client)})


def try_code(client: FlaskClient, code: str) -> TestResponse:
    return post(client, "/partner/login/code", {"code": code})


def is_logged_in(client: FlaskClient) -> bool:
    return client.get("/").status_code == 303


def rows() -> dict[str, int]:
    """How much stands in the tables of the login."""
    db.session.rollback()
    tables = (LoginRequest, LoginToken, PartnerSession)
    counts = {
        table.__tablename__: db.session.scalar(select(func.count()).select_from(table)) or 0
        for table in tables
    }
    return counts


def stored(column: Any) -> list[Any]:
    """What stands there now; requests commit on sessions of their own."""
    db.session.rollback()
    return list(db.session.scalars(select(column)))


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06d}"
