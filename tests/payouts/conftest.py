"""A programme that pays."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from contentflow.agreements import services as agreements
from contentflow.core.db import transaction
from contentflow.partners.models import Partner
from tests.conftest import MakeApp
from tests.factories.partners import PartnerFactory
from tests.house import browser, log_in

PAYS = {
    "PAYOUTS_ENABLED": "true",
    "PROGRAMME_NAME": "Programme Bleu",
    "PROGRAMME_SIREN": "552100554",
    "PROGRAMME_VAT_NUMBER": "FR96552100554",
    "PROGRAMME_ADDRESS": "10 place de l’Étoile, 75008 Paris",
    "PROGRAMME_IBAN": "FR7630006000011234567890189",
}


@pytest.fixture
def paying(make_app: MakeApp) -> Iterator[Flask]:
    """An application whose payouts are on."""
    app = make_app(**PAYS)
    with app.app_context():
        yield app


@pytest.fixture
def payee(paying: Flask) -> Partner:
    return PartnerFactory(email="alice@example.org", name="Alice")


@pytest.fixture
def payee_client(paying: Flask, payee: Partner) -> FlaskClient:
    return log_in(browser(paying), payee.id)


@pytest.fixture
def publish(paying: Flask) -> Callable[..., str]:
    def act(body: str = "Je donne mandat au programme.") -> str:
        with transaction():
            return agreements.publish("mandate", body, "cli").version

    return act
