from __future__ import annotations

from typing import Any

import factory

from contentflow.conversions import networks, services
from contentflow.conversions.models import Conversion, Network
from contentflow.conversions.payload import read_payload
from contentflow.core import clock
from tests.factories.base import Committed


class NetworkFactory(Committed):
    class Meta:
        model = Network

    name = factory.Sequence(lambda number: "awin" if number == 0 else f"awin{number}")

    @staticmethod
    def make(name: str) -> Network:
        return networks.add_network(name, "cli")[0]


class ConversionFactory(Committed):
    """What ``network`` posts, and what came of it; fields as in the postback."""

    class Meta:
        model = Conversion

    network: Any
    transaction = factory.Sequence(lambda number: f"T-{number}")
    type = "sale"
    amount_cents = 1_000
    click_id = ""
    currency = "EUR"

    @staticmethod
    def make(network: Network, **fields: Any) -> Conversion:
        return services.record(network, read_payload(fields, clock.now()), is_signed=True).conversion
