"""The tokens in a mail's links: made when it is written, at each try; only their hashes are kept."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from sqlalchemy import Table, insert, select

from contentflow.consent.models import MailToken
from contentflow.core.db import db
from contentflow.core.ids import digest, new_token
from contentflow.mailing.models import Delivery


def make_token(purpose: str, delivery_id: str) -> str:
    token = new_token()
    db.session.add(MailToken(token_hash=digest(token), delivery_id=delivery_id, purpose=purpose))
    return token


def make_tokens(purpose: str, delivery_ids: Iterable[str]) -> dict[str, str]:
    """As ``make_token``, for many mails by one statement; returns the tokens by the mails' ids."""
    tokens = {delivery_id: new_token() for delivery_id in delivery_ids}
    rows = [
        {"token_hash": digest(token), "delivery_id": delivery_id, "purpose": purpose}
        for delivery_id, token in tokens.items()
    ]
    if rows:  # Of the table: the mapper takes as long as composing the mails does.
        db.session.execute(insert(cast(Table, MailToken.__table__)), rows)
    return tokens


def find_delivery(token: str, purpose: str) -> Delivery | None:
    """Return the mail whose link it is."""
    found = (
        select(Delivery)
        .join(MailToken, MailToken.delivery_id == Delivery.id)
        .where(MailToken.token_hash == digest(token), MailToken.purpose == purpose)
    )
    return db.session.scalar(found)


def one_click(stop: str) -> dict[str, str]:
    """The headers by which a mail program stops such mail itself: it posts to the address (RFC 8058)."""
    return {"List-Unsubscribe": f"<{stop}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
