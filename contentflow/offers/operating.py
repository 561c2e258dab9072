"""What an operator does with offers: look, change, pause, take up again."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.offers import services
from contentflow.offers.models import Offer
from contentflow.offers.template_url import check_template
from contentflow.offers.terms import OfferTerms


def all_offers() -> list[Offer]:
    """Return every offer in the order of adding, those that rest too."""
    return list(db.session.scalars(select(Offer).order_by(Offer.number)))


def get_named(wanted: str) -> Offer:
    """Return the offer of an id, or the only one of a name; raises ``UnknownOffer``."""
    if is_id(wanted) and (offer := db.session.get(Offer, wanted)):
        return offer
    named = db.session.scalars(select(Offer).where(Offer.name == wanted)).all()
    if len(named) != 1:
        raise services.UnknownOffer
    return named[0]


def change(wanted: str, actor: str, **changes: Any) -> Offer:
    """Change what is given. Posts keep the terms and the address that they were accepted with.

    Raises what ``add_offer`` does.
    """
    offer = _locked(wanted)
    terms = {field.name: getattr(offer, field.name) for field in fields(OfferTerms)}
    checked = OfferTerms(**{name: changes.pop(name, value) for name, value in terms.items()})
    checked.check()
    for name in changes.keys() & {"name", "advertiser"}:
        changes[name] = services.line(changes[name])
    if changes.get("name") == "":
        raise services.WrongOfferName
    if "url" in changes:
        changes["url"] = check_template(changes["url"])
    for name, value in (changes | asdict(checked)).items():
        setattr(offer, name, value)
    audit.note(actor, "offer.set", offer.id)
    db.session.flush()
    return offer


def set_paused(wanted: str, is_paused: bool, actor: str) -> Offer:
    """Let no new post choose it, or let them again; the posts it has go on, links and earnings too."""
    offer = _locked(wanted)
    offer.paused_at = (offer.paused_at or clock.now()) if is_paused else None
    audit.note(actor, "offer.pause" if is_paused else "offer.resume", offer.id)
    db.session.flush()
    return offer


def _locked(wanted: str) -> Offer:
    mode = {"key_share": True}
    return db.session.get_one(Offer, get_named(wanted).id, with_for_update=mode, populate_existing=True)
