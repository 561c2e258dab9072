from __future__ import annotations

from datetime import timedelta
from typing import Any

import factory

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.links import services
from contentflow.links.models import Click
from tests.factories.base import Committed


class ClickFactory(Committed):
    """A click that was judged, on the post's link of ``channel``."""

    class Meta:
        model = Click

    post: Any
    channel = "whatsapp"
    verdict = "valid"
    agent_class = "mobile"
    clicked_at = factory.LazyFunction(lambda: clock.now() - timedelta(minutes=5))

    @staticmethod
    def make(post: Any, channel: str, **columns: Any) -> Click:
        link = services.links_of(post.id)[channel]
        click = Click(link_id=link.id, partner_id=link.partner_id, **columns)
        services.add_clicks([click])
        return db.session.get_one(Click, click.id)
