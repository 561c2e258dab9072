"""Whose conversion it is: click → link → post, with the terms the post was accepted with."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Row, func, or_, select

from contentflow.byop.models import Submission
from contentflow.conversions.models import Conversion
from contentflow.conversions.revshare import Terms, conversion_earnings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.links import services as links
from contentflow.links.models import Click, Link, LinkDay
from contentflow.offers.models import Offer

_LinkRow = Row[*tuple[Any, ...]]


class Origin(NamedTuple):
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
    """Return where a click came from; None for an unknown one and for one that is nobody's.

    A network may be faster than the fold that makes a row of the click: until then its id names its link,
    and the click counts as valid.
    """
    if not is_id(click_id):
        return None
    click = db.session.get(Click, click_id)
    if click is not None and click.partner_id is None:
        return None
    is_link = Link.id == click.link_id if click else Link.code == links.code_of_click(click_id)
    link = next(iter(_linked(is_link).values()), None)
    if link is None:
        return None
    block_hash = click.block_hash if click else None
    return _origin(click_id, click.verdict if click else links.VALID, block_hash, link)


def find_origins(click_ids: Iterable[str]) -> dict[str, Origin]:
    """Return ``find_origin`` of many clicks; those that are nobody's are left out."""
    ids = {click_id for click_id in click_ids if is_id(click_id)}
    seen = {click.id: click for click in db.session.scalars(select(Click).where(Click.id.in_(ids)))}
    codes = {click_id: links.code_of_click(click_id) for click_id in ids - seen.keys()}
    by_link = _linked(or_(Link.id.in_({one.link_id for one in seen.values()}), Link.code.in_(codes.values())))
    by_code = {link.code: link for link in by_link.values()}
    found = {}
    for click_id in ids:
        click = seen.get(click_id)
        linked = by_link.get(click.link_id) if click else by_code.get(codes[click_id] or "")
        if linked is not None and (click is None or click.partner_id is not None):
            verdict, block = (click.verdict, click.block_hash) if click else (links.VALID, None)
            found[click_id] = _origin(click_id, verdict, block, linked)
    return found


def origins_of(conversions: Collection[Conversion]) -> dict[str, Origin]:
    """Return ``origin_of`` of many attributed conversions, by their ids."""
    by_link = _linked(Link.id.in_({one.link_id for one in conversions}))
    return {
        one.id: _origin(one.click_id, links.VALID, one.block_hash, by_link[str(one.link_id)])
        for one in conversions
    }


def _linked(where: ColumnElement[bool]) -> dict[str, _LinkRow]:
    """Return what an origin takes of links, their posts and offers, by the links' ids."""
    found = (
        select(
            Link.id,
            Link.code,
            Link.channel,
            Link.partner_id,
            Link.submission_id,
            Link.offer_id,
            Offer.name,
            Offer.advertiser,
            Submission.revshare_bp,
            Submission.fixed_cents,
            Submission.click_cents,
            Submission.holding_days,
        )
        .join(Submission, Submission.id == Link.submission_id)
        .join(Offer, Offer.id == Link.offer_id)
        .where(where)
    )
    return {link.id: link for link in db.session.execute(found)}


def origin_of(conversion: Conversion) -> Origin | None:
    """Return where an attributed conversion came from, by what it keeps of its click; None for nobody's."""
    return None if conversion.partner_id is None else origins_of([conversion])[conversion.id]


def follow(conversion: Conversion, origin: Origin) -> None:
    """Make a conversion the partner's of its click."""
    # ``click_id`` stays as it was reported, or a replay after ``attribute`` would look like another sale.
    conversion.partner_id, conversion.unattributed = origin.partner_id, ""
    conversion.link_id = origin.link_id
    conversion.submission_id = origin.submission_id
    conversion.channel = origin.channel
    conversion.block_hash = origin.block_hash
    conversion.earned_cents = conversion_earnings(conversion.euro_cents, origin.terms)


def _origin(click_id: str, verdict: str, block_hash: str | None, link: _LinkRow) -> Origin:
    return Origin(
        click_id=click_id,
        verdict=verdict,
        block_hash=block_hash,
        link_id=link.id,
        channel=link.channel,
        partner_id=link.partner_id,
        submission_id=link.submission_id,
        offer_id=link.offer_id,
        advertiser=advertiser_of(link),
        terms=terms_of(link),
    )


def origin_of_code(code: str) -> Origin | None:
    """Return what a conversion takes from a short link, where no click of it is known."""
    link = next(iter(_linked(Link.code == code.replace("\x00", "")).values()), None)
    return None if link is None else _origin("", links.VALID, None, link)


class LikelyPost(NamedTuple):
    """A post that a conversion of nobody may be of: ``code`` is one of its short links."""

    code: str
    submission_id: str
    partner_id: str
    title: str
    offer: str
    clicks: int


MAX_CLICKED_LINKS: Final = 500  # links of two days that are looked at for likely posts


def candidates(at: datetime, limit: int = 5) -> list[LikelyPost]:
    """Return the posts with most valid clicks on that day in France and the day before."""
    day = clock.day_of(at)
    clicks = func.sum(LinkDay.clicks)
    # Of a day's many links the few that count are chosen first: what they belong to is asked of those alone.
    clicked = (
        select(LinkDay.link_id, clicks.label("clicks"))
        .where(LinkDay.day.in_([day, day - timedelta(days=1)]), LinkDay.verdict == links.VALID)
        .group_by(LinkDay.link_id)
        .order_by(clicks.desc())
        .limit(MAX_CLICKED_LINKS)
        .subquery()
    )
    together = func.sum(clicked.c.clicks)
    most = (
        select(Link.submission_id, func.min(Link.code).label("code"), together.label("clicks"))
        .join(clicked, clicked.c.link_id == Link.id)
        .group_by(Link.submission_id)
        .order_by(together.desc())
        .limit(limit)
        .subquery()
    )
    found = (
        select(most.c.code, Submission.id, Submission.partner_id, Submission.title, Offer.name, most.c.clicks)
        .join(Submission, Submission.id == most.c.submission_id)
        .join(Offer, Offer.id == Submission.offer_id)
        .order_by(most.c.clicks.desc())
    )
    return [
        LikelyPost(code, post_id, partner_id, title, offer, int(number))
        for code, post_id, partner_id, title, offer, number in db.session.execute(found)
    ]


def terms_of(submission: Submission | _LinkRow) -> Terms:
    return Terms(
        revshare_bp=submission.revshare_bp,
        fixed_cents=submission.fixed_cents,
        click_cents=submission.click_cents,
        holding_days=submission.holding_days,
    )


def advertiser_of(offer: Offer | _LinkRow) -> str:
    """An offer without an advertiser's name is one by itself."""
    return offer.advertiser or offer.name


def newest_click() -> str | None:
    """Return the id of a click to try a network with: the newest valid one of the newest day."""
    link_id = db.session.scalar(
        select(LinkDay.link_id).where(LinkDay.verdict == links.VALID).order_by(LinkDay.day.desc()).limit(1)
    )
    on_link = select(Click.id).where(Click.link_id == link_id, Click.verdict == links.VALID)
    return db.session.scalar(on_link.order_by(Click.clicked_at.desc()).limit(1))
