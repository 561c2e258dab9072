"""What credits nobody, and why."""

from __future__ import annotations

from sqlalchemy import select

from contentflow.conversions import attribution, meant_clicks, services
from contentflow.conversions.errors import AccountErased, AlreadyAttributed, UnknownClick
from contentflow.conversions.models import Conversion
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.ledger import services as ledger


def why_unattributed(conversion: Conversion) -> str:
    """Return the reason in a word; a refund follows its sale, or waits for it."""
    if conversion.type == "refund":
        return "waits_for_sale" if conversion.refunds_id is None else "follows_sale"
    return conversion.unattributed or (services.UNKNOWN_CLICK if conversion.click_id else services.NO_CLICK)


def candidates(conversion: Conversion) -> list[str]:
    """Return the clicks that its network may have meant; several, or it would have been attributed."""
    return [] if conversion.type == "refund" else meant_clicks.find_clicks(conversion.click_id)


def attach_to_link(conversion_id: str, code: str, actor: str, reason: str) -> Conversion:
    """Give a sale of nobody to the partner of a short link, or of its code, once.

    Raises ``UnknownConversion``, ``RefundFollows``, ``AlreadyAttributed``, ``UnknownClick`` and
    ``AccountErased``.
    """
    conversion = services.lock_unattributed(conversion_id)
    origin = attribution.origin_of_code(code.rstrip("/").rpartition("/")[2])
    if origin is None:
        raise UnknownClick
    if not ledger.lock_payee(origin.partner_id):
        raise AccountErased
    before = {"partner": None, "why": why_unattributed(conversion)}
    services.give(conversion, origin)
    after = {"partner": origin.partner_id, "post": origin.submission_id}
    audit.note(actor, "conversion.attach", conversion.id, reason=reason, before=before, after=after)
    return conversion


def dismiss(conversion_id: str, actor: str, reason: str) -> None:
    """Say that a sale is nobody's, and stays the programme's: it waits for nobody any more.

    Raises what ``attach_to_link`` does; ``AlreadyAttributed`` also once it is dismissed.
    """
    conversion = services.lock_unattributed(conversion_id)
    if conversion.dismissed_at is not None:
        raise AlreadyAttributed
    conversion.dismissed_at = clock.now()
    db.session.flush()
    before, after = {"why": why_unattributed(conversion)}, {"state": "dismissed"}
    audit.note(actor, "conversion.dismiss", conversion.id, reason=reason, before=before, after=after)


def list_unattributed() -> list[Conversion]:
    """Return what credits nobody, the newest first."""
    found = select(Conversion).where(Conversion.partner_id.is_(None)).order_by(Conversion.recorded_at.desc())
    return list(db.session.scalars(found))
