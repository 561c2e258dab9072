"""Whose conversion it is: click → link → post, with the terms the post was accepted with."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from contentflow.byop.models import Submission
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.earnings.revshare import Terms
from contentflow.links.models import Click, Link
from contentflow.offers.models import Offer


@dataclass(frozen=True)
class Origin:
    """Everything a conversion takes from its click."""

    click_id: str
    verdict: str
    block_hash: str | None
    link_id: str
    channel: str
    partner_id: str
    submission_id: str
    offer_id: str
    advertiser: str
    terms: Terms


def find_origin(click_id: str) -> Origin | None:
    """Return where a click came from; None for an unknown one and for one that is nobody's."""
    if not is_id(click_id):
        return None
    found = db.session.execute(
        select(Click, Link, Submission, Offer)
        .join(Link, Link.id == Click.link_id)
        .join(Submission, Submission.id == Link.submission_id)
        .join(Offer, Offer.id == Link.offer_id)
        .where(Click.id == click_id, Click.partner_id.is_not(None))
    ).first()
    if found is None:
        return None
    click, link, submission, offer = found
    return Origin(
        click_id=click.id,
        verdict=click.verdict,
        block_hash=click.block_hash,
        link_id=link.id,
        channel=link.channel,
        partner_id=link.partner_id,
        submission_id=link.submission_id,
        offer_id=offer.id,
        advertiser=advertiser_of(offer),
        terms=terms_of(submission),
    )


def terms_of(submission: Submission) -> Terms:
    return Terms(
        revshare_bp=submission.revshare_bp,
        fixed_cents=submission.fixed_cents,
        click_cents=submission.click_cents,
        holding_days=submission.holding_days,
    )


def advertiser_of(offer: Offer) -> str:
    """An offer without an advertiser's name is one by itself."""
    return offer.advertiser or offer.name
