"""What is promoted: an operator adds it, partners choose it."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal, InvalidOperation

from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, func, or_, select, text

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, is_sqlite
from contentflow.core.errors import NotFound, Refused
from contentflow.offers.models import Offer
from contentflow.offers.template_url import check_template
from contentflow.offers.terms import OfferTerms, WrongCommission

NAME_LENGTH = 120
WHOLE_BP = 10_000


class WrongOfferName(Refused):
    message = _l("Le nom d’une offre et celui de l’annonceur tiennent sur une ligne de 1 à 120 caractères.")


class WrongRevshare(Refused):
    message = _l("La part du partenaire est une fraction de 0 à 1, par exemple 0.40.")


class UnknownOffer(NotFound):
    message = _l("Cette offre n’existe pas.")


def add_offer(
    name: str,
    url: str,
    advertiser: str = "",
    revshare_bp: int | None = None,
    terms: OfferTerms | None = None,
) -> Offer:
    """Add an offer after the others; without ``revshare_bp`` it pays the programme's default share."""
    name, advertiser = line(name), line(advertiser)
    if not name:
        raise WrongOfferName
    url = check_template(url)
    share = settings().byop_default_revshare_bp if revshare_bp is None else revshare_bp
    if not 0 <= share <= WHOLE_BP:
        raise WrongRevshare
    terms = terms or OfferTerms()
    terms.check()
    if not is_sqlite():  # SQLite has one writer; elsewhere two that add at once would take one number.
        db.session.execute(text("LOCK TABLE offers IN SHARE ROW EXCLUSIVE MODE"))
    offer = Offer(
        number=(db.session.scalar(select(func.max(Offer.number))) or 0) + 1,
        name=name,
        advertiser=advertiser,
        url=url,
        revshare_bp=share,
        **asdict(terms),
    )
    db.session.add(offer)
    db.session.flush()
    return offer


def get_offer(offer_id: str) -> Offer:
    """Raises ``UnknownOffer``, also for one that was withdrawn; one that is paused keeps its posts."""
    offer = db.session.get(Offer, offer_id)
    if offer is None or not offer.is_active:
        raise UnknownOffer
    return offer


def get_promoted_offer(offer_id: str) -> Offer:
    """Return an offer that a new post may choose today; its dates do not end the posts it has."""
    offer = get_offer(offer_id)
    if not is_promoted(offer):
        raise UnknownOffer
    return offer


def is_promoted(offer: Offer) -> bool:
    """Whether a new post may choose it today."""
    return db.session.scalar(_promoted().where(Offer.id == offer.id)) is not None


def first_offer() -> Offer | None:
    """Return the offer of a post that names none."""
    return db.session.scalar(_promoted().limit(1))


def list_offers() -> list[Offer]:
    return list(db.session.scalars(_promoted()))


def _promoted() -> Select[Offer]:
    today = clock.today()
    return (
        select(Offer)
        .where(
            Offer.is_active,
            Offer.paused_at.is_(None),
            or_(Offer.starts_on.is_(None), Offer.starts_on <= today),
            or_(Offer.ends_on.is_(None), Offer.ends_on >= today),
        )
        .order_by(Offer.number)
    )


def parse_revshare(fraction: str) -> int:
    """Return a fraction such as 0.40 in basis points: 4000."""
    try:
        points = Decimal(fraction.strip()) * WHOLE_BP
    except InvalidOperation:
        raise WrongRevshare from None
    if not points.is_finite() or points != points.to_integral_value() or not 0 <= points <= WHOLE_BP:
        raise WrongRevshare
    return int(points)


def parse_commission(fraction: str) -> int:
    """Return a fraction such as 0.10 in basis points: 1000. Raises ``WrongCommission``."""
    try:
        return parse_revshare(fraction)
    except WrongRevshare:
        raise WrongCommission from None


def line(words: str) -> str:
    """Return a name without the blanks around it; raises ``WrongOfferName``."""
    words = words.strip()
    if len(words) > NAME_LENGTH or not words.isprintable():
        raise WrongOfferName
    return words
