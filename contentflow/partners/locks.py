"""Whoever acts for a partner takes the partner's row first, then the post's.

So the end of an account or of a post comes before an act or after it, never into its middle: an act that
began earlier is refused once it has the row. The same order everywhere also keeps two acts from waiting for
each other.
"""

from __future__ import annotations

from sqlalchemy import select

from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.partners.errors import AccountClosed
from contentflow.partners.models import Partner


def lock_partner(partner_id: str) -> Partner | None:
    """Hold the partner's row until the transaction ends, and return it as it is now, if there is one.

    The mode leaves the row open to foreign keys. SQLite has one writer already.
    """
    return db.session.scalar(
        select(Partner)
        .where(Partner.id == partner_id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )


def lock_active(partner_id: str) -> Partner:
    """Let only an active partner act. Raises ``NotFound`` for one who was erased, else ``AccountClosed``."""
    partner = lock_partner(partner_id)
    if partner is None or partner.email is None:
        raise NotFound
    if not partner.is_active:
        raise AccountClosed
    return partner


def is_active_sender(partner_id: str) -> bool:
    """Whether mail may leave in the partner's name, until the transaction ends."""
    partner = lock_partner(partner_id)
    return partner is not None and partner.is_active
