"""The whole house is looked at: nothing of it is switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.house import PAYS


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Iterator[Flask]:
    app = make_app(**PAYS)
    with app.app_context():
        yield app
