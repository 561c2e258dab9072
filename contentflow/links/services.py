"""Links are made with a post and disabled with it; their clicks are counted by verdict and channel."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import ColumnElement, func, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, in_transaction
from contentflow.core.ids import short_code
from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.links.memory import Card, memory
from contentflow.links.models import Click, Link, LinkTotal, PartnerDay
from contentflow.links.replay import replay_spool

VALID = "valid"


def make_links(
    submission_id: str, partner_id: str, asset_id: str, offer_id: str, destination: str
) -> list[Link]:
    """Make the post's links: one a channel, and the one of the old neutral form."""
    links = [
        Link(
            code=_free_code(),
            partner_id=partner_id,
            submission_id=submission_id,
            asset_id=asset_id,
            offer_id=offer_id,
            channel=channel,
            destination=destination,
        )
        for channel in (*CHANNELS, DIRECT)
    ]
    db.session.add_all(links)
    db.session.flush()
    return links


def _free_code() -> str:
    while True:
        code = short_code()
        if db.session.scalar(select(Link.id).where(Link.code == code)) is None:
            return code


def links_of(submission_id: str) -> dict[str, Link]:
    found = db.session.scalars(select(Link).where(Link.submission_id == submission_id, Link.variant == ""))
    return {link.channel: link for link in found}


def find_link(code: str) -> Link | None:
    return db.session.scalar(select(Link).where(Link.code == code))


def link_url(link: Link) -> str:
    return f"{settings().public_base_url}/l/{link.code}"


def disable_links(submission_id: str) -> None:
    """Let the post's links answer the 410 page from now on."""
    _disable(Link.submission_id == submission_id)


def disable_links_of_partner(partner_id: str) -> None:
    _disable(Link.partner_id == partner_id)


def _disable(which: ColumnElement[bool]) -> None:
    db.session.execute(update(Link).where(which, Link.disabled_at.is_(None)).values(disabled_at=clock.now()))


def register_card(app: Flask, card: Card) -> None:
    """Let ``card(link)`` answer link-preview agents; before that they are sent on like everybody."""
    memory(app).card = card


def verdict_counts(submission_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return each post's clicks by verdict; a post without any has an empty dict."""
    return _counts(submission_ids, LinkTotal.verdict)


def valid_by_channel(submission_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return each post's valid clicks by channel; a post without any has an empty dict."""
    return _counts(submission_ids, Link.channel, LinkTotal.verdict == VALID)


def verdicts_by_channel(submission_ids: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the clicks of all these posts together, by channel and verdict."""
    counts: dict[str, dict[str, int]] = {}
    found = (
        select(Link.channel, LinkTotal.verdict, func.sum(LinkTotal.clicks))
        .join(LinkTotal, LinkTotal.link_id == Link.id)
        .where(Link.submission_id.in_(list(submission_ids)), LinkTotal.clicks > 0)
        .group_by(Link.channel, LinkTotal.verdict)
    )
    for channel, verdict, number in db.session.execute(found):
        counts.setdefault(channel, {})[verdict] = int(number)
    return counts


def _counts(
    submission_ids: Iterable[str], by: ColumnElement[str] | Any, *where: ColumnElement[bool]
) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {submission_id: {} for submission_id in submission_ids}
    found = (
        select(Link.submission_id, by, func.sum(LinkTotal.clicks))
        .join(LinkTotal, LinkTotal.link_id == Link.id)
        .where(Link.submission_id.in_(counts), LinkTotal.clicks > 0, *where)
        .group_by(Link.submission_id, by)
    )
    for submission_id, key, number in db.session.execute(found):
        counts[submission_id][key] = int(number)
    return counts


def counts_of_partner(partner_id: str) -> dict[str, dict[str, int]]:
    """Return all clicks of a partner by channel and verdict; it reads sums, not posts."""
    found = (
        select(PartnerDay.channel, PartnerDay.verdict, func.sum(PartnerDay.clicks))
        .where(PartnerDay.partner_id == partner_id)
        .group_by(PartnerDay.channel, PartnerDay.verdict)
    )
    counts: dict[str, dict[str, int]] = {}
    for channel, verdict, number in db.session.execute(found):
        counts.setdefault(channel, {})[verdict] = int(number)
    return counts


def daily_valid(partner_id: str, days: int) -> list[tuple[date, int]]:
    """Return (day in France, valid clicks), oldest first, today last; days without clicks are there too."""
    first = clock.today() - timedelta(days=days - 1)
    found = (
        select(PartnerDay.day, func.sum(PartnerDay.clicks))
        .where(PartnerDay.partner_id == partner_id, PartnerDay.verdict == VALID, PartnerDay.day >= first)
        .group_by(PartnerDay.day)
    )
    counts = {day: int(number) for day, number in db.session.execute(found)}
    return [(first + timedelta(n), counts.get(first + timedelta(n), 0)) for n in range(days)]


def export_links(partner_id: str) -> list[dict[str, Any]]:
    found = db.session.scalars(
        select(Link).where(Link.partner_id == partner_id).order_by(Link.created_at, Link.id)
    )
    return [
        {
            "code": link.code,
            "url": link_url(link),
            "submission_id": link.submission_id,
            "channel": link.channel,
            "variant": link.variant,
        }
        for link in found
    ]


def export_clicks(partner_id: str) -> list[dict[str, Any]]:
    """Clicks that wait in the spool are fetched in first, so that a restart hides none of them."""
    if not in_transaction() and replay_spool():
        db.session.rollback()
    found = db.session.execute(
        select(Click.id, Link.code, Link.channel, Click.at, Click.verdict)
        .join(Link, Link.id == Click.link_id)
        .where(Click.partner_id == partner_id)
        .order_by(Click.at, Click.id)
    )
    return [
        {"id": id, "code": code, "channel": channel, "at": clock.iso(at), "verdict": verdict}
        for id, code, channel, at, verdict in found
    ]
