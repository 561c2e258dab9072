"""What we hold of a partner's accounts and publications, as programs read it; never a token."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.publishing.models import Assignment, SocialAccount


def export_accounts(partner_id: str) -> list[dict[str, Any]]:
    own = select(SocialAccount).where(SocialAccount.partner_id == partner_id)
    return [
        {
            "id": one.id,
            "platform": one.platform,
            "host": one.host,
            "handle": one.handle,
            "scope": one.scope,
            "state": one.state,
            "at": clock.iso(one.created_at),
        }
        for one in db.session.scalars(own.order_by(SocialAccount.created_at, SocialAccount.id))
    ]


def export_assignments(partner_id: str) -> list[dict[str, Any]]:
    own = select(Assignment).where(Assignment.partner_id == partner_id)
    return [
        {
            "id": one.id,
            "submission_id": one.submission_id,
            "account_id": one.account_id,
            "platform": one.platform,
            "state": one.state,
            "text": one.text,
            "url": one.remote_url,
            "publish_at": clock.iso(one.publish_at),
            "published_at": clock.iso(one.published_at),
            "reason": one.reason,
        }
        for one in db.session.scalars(own.order_by(Assignment.created_at, Assignment.id))
    ]
