"""The form of an offer: what was typed, as the offers' verbs take it, and each mistake at its field.

Its fields are those of ``contentflow offer add``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Final

from flask_babel import lazy_gettext as _l

from contentflow.config import settings
from contentflow.console import days
from contentflow.core.errors import Refused
from contentflow.core.ids import digest
from contentflow.offers import services, template_url, terms
from contentflow.offers.models import Offer
from contentflow.offers.terms import OfferTerms

TEXTS: Final = ("description", "brand_words")
NUMBERS: Final = ("fixed_cents", "click_cents", "holding_days", "daily_budget_cents")
DAYS: Final = ("starts_on", "ends_on")
FIELDS: Final = (
    "name", "url", "advertiser", "revshare_pct", "commission_pct", "category", *NUMBERS, *DAYS, *TEXTS,
    "brand_picture",
)  # fmt: skip
# At which field a rule's sentence stands.
PLACES: Final[Mapping[type[Refused], str]] = {
    services.WrongOfferName: "name",
    services.WrongRevshare: "revshare_pct",
    template_url.WrongTemplate: "url",
    terms.WrongCommission: "commission_pct",
    terms.BannedCategory: "category",
    terms.UnknownCategory: "category",
    terms.WrongPay: "fixed_cents",
    terms.WrongDates: "ends_on",
    terms.WrongDescription: "description",
    terms.WrongBrand: "brand_words",
}


class WrongNumber(Refused):
    message = _l("Un nombre entier, sans signe ni virgule.")


@dataclass
class OfferForm:
    """``sent`` is what was typed, ``errors`` a sentence a field; ``offer`` is not in the database."""

    sent: Mapping[str, str]
    errors: dict[str, object] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def terms(self) -> OfferTerms:
        return OfferTerms(**{one.name: self.values[one.name] for one in fields(OfferTerms)})

    @property
    def named(self) -> dict[str, Any]:
        """All but the terms."""
        return {name: self.values[name] for name in ("name", "url", "advertiser", "revshare_bp")}

    @property
    def offer(self) -> Offer:
        """An offer to look at, as this form would make it."""
        return Offer(**self.values)

    def hash(self, actor: str) -> str:
        """Return the same for the same form sent again by the same person."""
        content = {name: self.sent.get(name, "") for name in (*FIELDS, "nonce")}
        return digest(f"{actor}:{json.dumps(content, sort_keys=True)}")


def read(sent: Mapping[str, str]) -> OfferForm:
    """Return the form; it is good where ``errors`` is empty."""
    form = OfferForm({name: sent.get(name, "") for name in (*FIELDS, "nonce", "offer")})
    default_share = settings().byop_default_revshare_bp
    readers: dict[str, tuple[str, Callable[[str], Any]]] = {
        "name": ("name", _name),
        "advertiser": ("advertiser", services.line),
        "url": ("url", template_url.check_template),
        "revshare_pct": ("revshare_bp", _or(default_share, services.parse_revshare)),
        "commission_pct": ("commission_bp", _or(None, services.parse_commission)),
        "category": ("category", _or("other", str)),
        "fixed_cents": ("fixed_cents", _or(0, _number)),
        "click_cents": ("click_cents", _or(0, _number)),
        "holding_days": ("holding_days", _or(30, _number)),
        "daily_budget_cents": ("daily_budget_cents", _or(None, _number)),
        "starts_on": ("starts_on", days.read_day),
        "ends_on": ("ends_on", days.read_day),
        "description": ("description", _text),
        "brand_words": ("brand_words", _text),
        "brand_picture": ("brand_pictures", _lines),
    }
    for name, (column, reader) in readers.items():
        try:
            form.values[column] = reader(form.sent[name])
        except Refused as refusal:
            form.errors[name] = refusal.message
    if not form.errors:
        try:
            form.terms.check()
        except Refused as refusal:
            form.errors[PLACES[type(refusal)]] = refusal.message
    return form


def of_offer(offer: Offer) -> OfferForm:
    """Return the form of an offer as it stands."""
    kept = {name: getattr(offer, name) for name in FIELDS if hasattr(offer, name)}
    sent = {
        name: value.isoformat() if isinstance(value, date) else str(value) if value is not None else ""
        for name, value in kept.items()
    }
    sent |= {
        "offer": offer.id,
        "revshare_pct": f"{offer.revshare_bp / 10_000:g}",
        "commission_pct": "" if offer.commission_bp is None else f"{offer.commission_bp / 10_000:g}",
        "brand_picture": offer.brand_pictures,
    }
    return OfferForm(sent)


def _or(default: Any, reader: Callable[[str], Any]) -> Callable[[str], Any]:
    return lambda text: reader(text.strip()) if text.strip() else default


def _name(text: str) -> str:
    name = services.line(text)
    if not name:
        raise services.WrongOfferName
    return name


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise WrongNumber
    return int(text)


def _text(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\x00", "").strip()


def _lines(text: str) -> str:
    return "\n".join(line.strip() for line in _text(text).split("\n") if line.strip())
