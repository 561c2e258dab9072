"""What a person does to log in, and what then stands in the tables of the login."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from contentflow.core.db import db
from contentflow.partners.models import LoginRequest, LoginToken, PartnerSession
from tests.house import csrf, post


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
