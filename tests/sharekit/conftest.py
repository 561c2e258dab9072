from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flask import Flask

from contentflow.offers.models import Offer
from contentflow.partners.models import Partner
from tests.factories.posts import PostFactory

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def submit(app: Flask, alice: Partner, offer: Offer) -> Any:
    """Submit a post of Alice's: ``submit(title=…)``."""

    return partial(PostFactory, partner_id=alice.id)


@pytest.fixture
def hostile_post(submit: Any) -> Any:
    return submit(title=HOSTILE, description=HOSTILE, cta=HOSTILE, hashtags="#" + HOSTILE)
