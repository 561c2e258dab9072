"""What an operator does with offers: look, change, pause, take up again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.core.writes import lock
from contentflow.offers import services
from contentflow.offers.models import Offer
from contentflow.offers.template_url import check_template
from contentflow.offers.terms import OfferTerms

NOTED: Final = ("name", "advertiser", "url", "revshare_bp", "fixed_cents", "click_cents", "category")


def all_offers() -> list[Offer]:
    """Return every offer in the order of adding, those that rest too."""
    return list(db.session.scalars(select(Offer).order_by(Offer.number)))


def ending_offers(days: int) -> list[Offer]:
    """Return the offers that new posts may choose today and, after so many days, no more."""
    today = clock.today()
    until = today + timedelta(days=days)
    ending = (Offer.is_active, Offer.paused_at.is_(None), Offer.ends_on >= today, Offer.ends_on <= until)
    return list(db.session.scalars(select(Offer).where(*ending).order_by(Offer.ends_on)))


def get_offer(offer_id: str) -> Offer:
    """Return any offer, those that rest too. Raises ``UnknownOffer``."""
    offer = db.session.get(Offer, offer_id) if is_id(offer_id) else None
    if offer is None:
        raise services.UnknownOffer
    return offer


def get_named(wanted: str) -> Offer:
    """Return the offer of an id, or the only one of a name; raises ``UnknownOffer``."""
    if is_id(wanted) and (offer := db.session.get(Offer, wanted)):
        return offer
    named = db.session.scalars(select(Offer).where(Offer.name == wanted)).all()
    if len(named) != 1:
        raise services.UnknownOffer
    return named[0]


def add(
    actor: str, name: str, url: str, advertiser: str = "", revshare_bp: int | None = None,
    terms: OfferTerms | None = None, form_hash: str | None = None,
) -> Offer:  # fmt: skip
    """Add an offer, or return the one that the same form made before. Raises what ``add_offer`` does."""
    if form_hash is not None:
        lock(f"offer {form_hash}")
        made = db.session.scalar(select(Offer).where(Offer.form_hash == form_hash))
        if made is not None:
            return made
    offer = services.add_offer(name, url, advertiser, revshare_bp, terms)
    offer.form_hash = form_hash
    audit.note(actor, "offer.add", offer.id, after=_written(offer, NOTED))
    db.session.flush()
    return offer


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
    if not 0 <= changes.get("revshare_bp", 0) <= services.WHOLE_BP:
        raise services.WrongRevshare
    wanted_now = changes | asdict(checked)
    changed = [name for name, value in wanted_now.items() if getattr(offer, name) != value]
    before = _written(offer, changed)
    for name, value in wanted_now.items():
        setattr(offer, name, value)
    audit.note(actor, "offer.set", offer.id, before=before, after=_written(offer, changed))
    db.session.flush()
    return offer


def set_paused(wanted: str, is_paused: bool, actor: str) -> Offer:
    """Let no new post choose it, or let them again; the posts it has go on, links and earnings too."""
    offer = _locked(wanted)
    offer.paused_at = (offer.paused_at or clock.now()) if is_paused else None
    audit.note(actor, "offer.pause" if is_paused else "offer.resume", offer.id)
    db.session.flush()
    return offer


def _written(offer: Offer, names: Iterable[str]) -> dict[str, Any]:
    """Return columns as the audit keeps them: days as text, long texts by their beginning."""
    values = {name: getattr(offer, name) for name in names}
    return {
        name: value.isoformat()
        if isinstance(value, date)
        else value[:200]
        if isinstance(value, str)
        else value
        for name, value in values.items()
    }


def _locked(wanted: str) -> Offer:
    mode = {"key_share": True}
    return db.session.get_one(Offer, get_named(wanted).id, with_for_update=mode, populate_existing=True)
