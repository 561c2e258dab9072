"""What an offer says beyond its name and address: how it pays, when, and what partners may use. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused
from contentflow.offers.categories import ALLOWED, BANNED

MAX_CENTS = 1_000_000  # 10,000 € for one sale or click.
MAX_BUDGET_CENTS = 100_000_000  # A million euros a day.
MAX_DAYS = 365  # The longest time in which a shop takes back what it sold.
WHOLE_BP = 10_000
TYPICAL_SALE_CENTS = 10_000
DESCRIPTION_LENGTH = 2_000  # Some paragraphs, as much as a post may have.
WORDS_LENGTH = 1_000  # A dozen sentences that partners may use.
PICTURES_LENGTH = 2_000  # Some twenty addresses.


class BannedCategory(Refused):
    def __init__(self, category: str) -> None:
        super().__init__()
        self.message = _l("La loi ferme à l’influence commerciale %(what)s.", what=BANNED[category])


class UnknownCategory(Refused):
    def __init__(self) -> None:
        super().__init__()
        self.message = _l("Cette catégorie n’existe pas. Il y a : %(list)s.", list=", ".join(ALLOWED))


class WrongPay(Refused):
    message = _l(
        "Une commission fixe et un clic valent de 0 à 1000000 centimes, un budget par jour de 1 à 100000000, "
        "et l’attente est de 0 à 365 jours."
    )


class WrongCommission(Refused):
    message = _l("La commission d’une vente est une fraction de 0 à 1, par exemple 0.10, au-dessus de 0.")


class WrongDates(Refused):
    message = _l("Une offre finit au plus tôt le jour où elle commence.")


class WrongDescription(Refused):
    message = _l("La description d’une offre fait au plus 2000 caractères.")


class WrongBrand(Refused):
    message = _l(
        "Les mots de la marque font au plus 1000 caractères ; ses images sont des adresses https, "
        "2000 caractères en tout."
    )


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """``fixed_cents`` a sale or lead comes on top of the share; ``click_cents`` is a valid click's.

    ``commission_bp`` is the part of a sale that the advertiser pays as commission, where it is known; it
    only serves to say what a typical sale brings.
    ``daily_budget_cents`` is the most that clicks earn a day over all partners: sales are paid by
    the network and know no budget. ``brand_pictures`` are https URLs, one a line.
    """

    category: str = "other"
    fixed_cents: int = 0
    click_cents: int = 0
    commission_bp: int | None = None
    holding_days: int = 30
    daily_budget_cents: int | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    description: str = ""
    brand_words: str = ""
    brand_pictures: str = ""

    def check(self) -> None:
        """Raise the refusal that fits; a banned category is named with its law."""
        if self.category in BANNED:
            raise BannedCategory(self.category)
        if self.category not in ALLOWED:
            raise UnknownCategory
        if not (0 <= self.fixed_cents <= MAX_CENTS and 0 <= self.click_cents <= MAX_CENTS):
            raise WrongPay
        if self.commission_bp is not None and not 1 <= self.commission_bp <= WHOLE_BP:
            raise WrongCommission
        if not 0 <= self.holding_days <= MAX_DAYS:
            raise WrongPay
        if self.daily_budget_cents is not None and not 1 <= self.daily_budget_cents <= MAX_BUDGET_CENTS:
            raise WrongPay
        if self.starts_on and self.ends_on and self.ends_on < self.starts_on:
            raise WrongDates
        if len(self.description) > DESCRIPTION_LENGTH:
            raise WrongDescription
        if len(self.brand_words) > WORDS_LENGTH or len(self.brand_pictures) > PICTURES_LENGTH:
            raise WrongBrand
        if self.brand_pictures and not all(_is_picture(url) for url in self.brand_pictures.split("\n")):
            raise WrongBrand


def typical_sale(commission_bp: int, share_bp: int, fixed_cents: int = 0) -> int:
    """Return what a partner earns of a sale of 100 €, in cents: a share of the commission, rounded down."""
    commission = TYPICAL_SALE_CENTS * commission_bp // WHOLE_BP
    return commission * share_bp // WHOLE_BP + fixed_cents


def _is_picture(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and url.isprintable() and " " not in url
    except ValueError:
        return False
