"""An operator's browser, its second factor given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import digest
from contentflow.partners import accounts
from contentflow.partners.models import Partner, PartnerSession
from contentflow.partners.roles import TeamRole
from tests.factories.partners import PartnerFactory
from tests.house import HOST, PAYS, browser, log_in


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    """Payouts are on: their pages are the console's too."""
    app = make_app(**PAYS)
    with app.app_context():
        yield app


def pass_factor(client: FlaskClient, at: Any = None) -> FlaskClient:
    """Note the second factor as given in this browser, now or at another time."""
    with client.session_transaction(**HOST) as session:
        token = session["_user_id"]
    with client.application.app_context(), transaction():
        db.session.execute(
            update(PartnerSession)
            .where(PartnerSession.token_hash == digest(token))
            .values(second_factor_at=at or clock.now())
        )
    return client


@pytest.fixture
def olga_client(app: Flask, olga: Partner) -> FlaskClient:
    """The owner's."""
    return pass_factor(log_in(browser(app), olga.id))


@pytest.fixture
def person(app: Flask, olga: Partner) -> Callable[[str], Partner]:
    def make(role: str) -> Partner:
        email = f"{role}@example.org"
        made: Partner = PartnerFactory(email=email, name=role.title())
        with transaction():
            accounts.set_role(email, TeamRole(role), "cli")
        return made

    return make


@pytest.fixture
def in_role(app: Flask, person: Callable[[str], Partner]) -> Callable[[str], FlaskClient]:
    """A browser of somebody in a role, who passed."""
    return lambda role: pass_factor(log_in(browser(app), person(role).id))
