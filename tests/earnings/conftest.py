"""A network, clicks on alice's links, and reports of what came of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.earnings import conversions, networks
from contentflow.earnings.models import Conversion, Network
from contentflow.earnings.reports import read_report
from contentflow.links import services as links
from contentflow.links.models import Click


@pytest.fixture
def network(app: Flask) -> Network:
    with transaction():
        network, _ = networks.add_network("awin", "cli")
    db.session.refresh(network)
    db.session.expunge(network)
    return network


@pytest.fixture
def click(app: Flask, alices_post: Any) -> Callable[..., str]:
    """Write a click on one of alice's links and return its id."""

    def write(channel: str = "whatsapp", verdict: str = "valid", **more: Any) -> str:
        link = links.links_of(alices_post.id)[channel]
        row = Click(
            link_id=link.id,
            partner_id=link.partner_id,
            at=clock.now() - timedelta(minutes=5),
            verdict=verdict,
            agent_class="mobile",
        )
        for name, value in more.items():
            setattr(row, name, value)
        with transaction():
            db.session.add(row)
            db.session.flush()
            return row.id

    return write


@pytest.fixture
def report(network: Network) -> Callable[..., Conversion]:
    """Record what the network would post, in a transaction of its own."""

    def record(transaction_id: str, type: str = "sale", amount_cents: int = 1_000, click_id: str = "",
               currency: str = "EUR", **more: Any) -> Conversion:  # fmt: skip
        fields = {
            "transaction": transaction_id,
            "type": type,
            "click_id": click_id,
            "amount_cents": amount_cents,
            "currency": currency,
            **more,
        }
        with transaction():
            conversion = conversions.record_conversion(network, read_report(fields, clock.now()))
        db.session.refresh(conversion)
        return conversion

    return record
