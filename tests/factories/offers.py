from __future__ import annotations

from contentflow.offers import services
from contentflow.offers.models import Offer
from tests.factories.base import Committed


class OfferFactory(Committed):
    """``terms``: an ``OfferTerms``; without it the product's own."""

    class Meta:
        model = Offer

    name = "Nova IA"
    url = "https://nova.example.com/?c={click_id}"
    advertiser = "Nova"
    revshare_bp = 4_000

    make = staticmethod(services.add_offer)
