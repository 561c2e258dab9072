from __future__ import annotations

import factory

from contentflow.partners import services
from contentflow.partners.models import Partner
from tests.factories.base import Committed


class PartnerFactory(Committed):
    class Meta:
        model = Partner

    email = factory.Sequence(lambda number: f"partner{number}@example.org")
    name = factory.Sequence(lambda number: f"Partner {number}")
    is_operator = False

    make = staticmethod(services.add_partner)
