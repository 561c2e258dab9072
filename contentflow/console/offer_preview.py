"""What an offer will look like: its share text, its card, where a click lands, what a sale of 100 € earns."""

from __future__ import annotations

from typing import Final, NamedTuple

from contentflow.byop.words import Words, share_text
from contentflow.config import settings
from contentflow.offers import template_url, terms
from contentflow.offers.models import Offer

# As long as real ones, and plainly none.
SAMPLE: Final = {
    "click_id": "ExempleDeClic000000000",
    "partner_id": "ExempleDePartenaire000",
    "submission_id": "ExempleDePost000000000",
    "channel": "whatsapp",
}
SAMPLE_CODE: Final = "exemple"
COMMISSION_BP: Final = 1_000  # A tenth of a sale, where nobody said what the advertiser pays.


class OfferPreview(NamedTuple):
    """``lands_on`` is the address with its fields filled; ``earned_cents`` what a partner has of 100 €.

    ``commission_bp`` is what it is reckoned with, ``is_guessed`` where the offer does not say it.
    ``differs`` names columns of pay that posts made before keep otherwise.
    """

    offer: Offer
    share_text: str
    lands_on: str
    earned_cents: int
    commission_bp: int
    is_guessed: bool
    differs: tuple[str, ...]


def preview(offer: Offer, before: Offer | None) -> OfferPreview:
    """``offer`` is in no database; ``before`` is the one that it would change."""
    chosen = settings()
    url = f"{chosen.public_base_url}/l/{SAMPLE_CODE}"
    text = share_text(Words(), url, chosen.ad_disclosure, default_hashtags=chosen.sharekit_default_hashtags)
    rate = offer.commission_bp or COMMISSION_BP
    kept = ("url", "revshare_bp", "fixed_cents", "click_cents", "holding_days")
    differs = tuple(name for name in kept if before and getattr(before, name) != getattr(offer, name))
    return OfferPreview(
        offer=offer,
        share_text=text,
        lands_on=template_url.fill(offer.url, **SAMPLE),
        earned_cents=terms.typical_sale(rate, offer.revshare_bp, offer.fixed_cents),
        commission_bp=rate,
        is_guessed=offer.commission_bp is None,
        differs=differs,
    )
