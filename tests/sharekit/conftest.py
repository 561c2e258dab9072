from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from contentflow.byop import services as byop
from contentflow.byop.services import Draft
from contentflow.core.db import db, transaction
from contentflow.offers.models import Offer
from contentflow.partners.models import Partner

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
def submit(app: Flask, alice: Partner, offer: Offer) -> Any:
    """Submit a post of Alice's: ``submit(title=…)``."""

    def submit(**words: str) -> Any:
        with transaction():
            submission = byop.submit_post(alice.id, Draft(**words))
        db.session.refresh(submission)
        db.session.expunge(submission)
        db.session.rollback()
        return submission

    return submit


@pytest.fixture
def hostile_post(submit: Any) -> Any:
    return submit(title=HOSTILE, description=HOSTILE, cta=HOSTILE, hashtags="#" + HOSTILE)
