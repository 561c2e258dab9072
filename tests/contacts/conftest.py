from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from contentflow.contacts.models import Contact
from contentflow.core.db import db
from tests.contacts.steps import Person

__all__ = ["people"]


@pytest.fixture
def people(app: Flask, alice_client: FlaskClient, alice: object) -> Callable[..., Person]:
    """Put an address into alice's book and return the person behind it."""

    def add(address: str) -> Person:
        person = Person(app, alice_client, alice.id, address)  # type: ignore[attr-defined]
        person.join()
        return person

    return add


@pytest.fixture
def contact_of(app: Flask) -> Callable[[str], Contact]:
    def find(address: str) -> Contact:
        db.session.rollback()
        return db.session.scalars(select(Contact).where(Contact.address == address)).one()

    return find
