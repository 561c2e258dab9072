from __future__ import annotations

from typing import Any

import factory

from contentflow.byop import services
from contentflow.byop.models import Submission
from contentflow.byop.services import Draft
from tests.factories.base import Committed


class PostFactory(Committed):
    """A post as submitted, its links made; the worker has not seen it. Else as in ``Draft``."""

    class Meta:
        model = Submission

    partner_id: str
    nonce = factory.Sequence(lambda number: f"form{number}")

    @staticmethod
    def make(partner_id: str, **draft: Any) -> Submission:
        return services.submit_post(partner_id, Draft(**draft))
