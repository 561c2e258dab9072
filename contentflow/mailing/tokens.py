"""The tokens in a mail's links: made when it is written, at each try; only their hashes are kept."""

from __future__ import annotations

from sqlalchemy import select

from contentflow.core.db import db
from contentflow.core.ids import digest, new_token
from contentflow.mailing.models import Delivery, MailToken


def make_token(purpose: str, delivery_id: str) -> str:
    token = new_token()
    db.session.add(MailToken(token_hash=digest(token), delivery_id=delivery_id, purpose=purpose))
    return token


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
