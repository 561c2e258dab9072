"""Links are made with a post and disabled with it; their clicks are counted by verdict and channel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from typing import Any

from flask import Flask
from sqlalchemy import ColumnElement, func, select, update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import after_commit, db, in_transaction
from contentflow.core.ids import new_id, short_code
from contentflow.links import journal_files
from contentflow.links.channels import CHANNELS, DIRECT
from contentflow.links.click_ids import code_in
from contentflow.links.clicks import DrawPreview, intake
from contentflow.links.folding import fold
from contentflow.links.models import Click, ClickRecord, Link, LinkRecord, LinkTotal, PartnerDay
from contentflow.links.sums import microseconds, write_clicks

VALID = "valid"
_WRITTEN = (
    "link_id", "partner_id", "verdict", "visitor_hash", "ip_hash", "block_hash", "agent_class"
)  # fmt: skip


def make_links(
    submission_id: str, partner_id: str, asset_id: str, offer_id: str, destination: str
) -> list[Link]:
    """Make the post's links: one a channel, and the one of the old neutral form."""
    channels = (*CHANNELS, DIRECT)
    links = [
        Link(
            code=code,
            partner_id=partner_id,
            submission_id=submission_id,
            asset_id=asset_id,
            offer_id=offer_id,
            channel=channel,
            destination=destination,
        )
        for channel, code in zip(channels, _free_codes(len(channels)), strict=True)
    ]
    db.session.add_all(links)
    db.session.flush()
    return links


def make_variant_links(submission_id: str, variant: str, channels: Iterable[str]) -> None:
    """Make a variant's own links beside those of the post's first words; theirs stay as they are."""
    first = links_of(submission_id)
    copied = (
        "partner_id", "submission_id", "asset_id", "offer_id", "channel", "destination", "waits_since"
    )  # fmt: skip
    wanted = list(channels)
    db.session.add_all(
        Link(code=code, variant=variant, **{name: getattr(first[channel], name) for name in copied})
        for channel, code in zip(wanted, _free_codes(len(wanted)), strict=True)
    )
    db.session.flush()


def _free_codes(number: int) -> list[str]:
    """Return codes that no link has; one query asks for all that are drawn."""
    free: dict[str, None] = {}
    while len(free) < number:
        drawn = {short_code(): None for _ in range(number - len(free))}
        taken = set(db.session.scalars(select(Link.code).where(Link.code.in_(drawn))))
        free |= {code: None for code in drawn if code not in taken}
    return list(free)


def links_of(submission_id: str, variant: str = "") -> dict[str, Link]:
    """Return the links of a post's first words, or of a variant, by channel."""
    own = Link.submission_id == submission_id, Link.variant == variant
    found = db.session.scalars(select(Link).where(*own))
    return {link.channel: link for link in found}


def find_link(code: str) -> Link | None:
    return db.session.scalar(select(Link).where(Link.code == code))


def link_url(link: Link) -> str:
    return f"{settings().public_base_url}/l/{link.code}"


def hold_links(submission_id: str) -> None:
    """Let a post's links answer as if they did not exist, until it is approved."""
    _set_waiting(submission_id, clock.now())


def light_links(submission_id: str) -> None:
    """Let the links of a post that waited lead on."""
    _set_waiting(submission_id, None)


def _set_waiting(submission_id: str, since: datetime | None) -> None:
    db.session.execute(update(Link).where(Link.submission_id == submission_id).values(waits_since=since))
    after_commit(intake().links.clear)  # Other processes see it within 5 seconds.


def disable_links(submission_id: str) -> None:
    """Let the post's links answer the 410 page from now on."""
    _disable(Link.submission_id == submission_id)


def disable_links_of_partner(partner_id: str) -> None:
    _disable(Link.partner_id == partner_id)


def _disable(which: ColumnElement[bool]) -> None:
    db.session.execute(update(Link).where(which, Link.disabled_at.is_(None)).values(disabled_at=clock.now()))
    after_commit(intake().links.clear)  # Other processes see it within 5 seconds.


def register_link_preview(app: Flask, draw: DrawPreview) -> None:
    """Let ``draw(link)`` answer link-preview agents; before that they are sent on like everybody."""
    intake(app).draw_preview = draw


def add_clicks(clicks: Iterable[Click]) -> None:
    """Write clicks that came through no journal, such as a demo's, and count them."""
    clicks = list(clicks)
    links = select(Link.id, Link.channel).where(Link.id.in_({click.link_id for click in clicks}))
    channels = {link_id: channel for link_id, channel in db.session.execute(links)}
    rows = []
    for click in clicks:
        click.id = click.id or new_id()
        written = {name: getattr(click, name) for name in _WRITTEN}
        at = microseconds(click.clicked_at)
        rows.append({"id": click.id, "at": at, "channel": channels[click.link_id], **written})
    write_clicks(db.session.connection(), rows)


def code_of_click(click_id: str) -> str | None:
    """Return the code of the link that a click's id names, before the click stands in the database."""
    return code_in(click_id, intake().id_keys)


def erase_journaled(partner_id: str, address_hash: str) -> Iterator[None]:
    """Sweep: erase what was set aside of a partner's links. Their clicks are rows in a moment, as all are."""
    codes = set(db.session.scalars(select(Link.code).where(Link.partner_id == partner_id)))
    journal_files.erase_set_aside(codes)
    intake().journal.rotate()
    yield from ()  # That was one step.


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


def valid_by_variant(submission_id: str) -> dict[tuple[str, str], int]:
    """Return a post's valid clicks by (channel, variant), of all time."""
    found = (
        select(Link.channel, Link.variant, LinkTotal.clicks)
        .join(LinkTotal, LinkTotal.link_id == Link.id)
        .where(Link.submission_id == submission_id, LinkTotal.verdict == VALID)
    )
    return {(channel, variant): int(clicks) for channel, variant, clicks in db.session.execute(found)}


def valid_clicks_since(
    submission_id: str, variants: Iterable[str], since: datetime, limit: int
) -> list[tuple[datetime, str, str]]:
    """Return the first ``limit`` valid clicks of these variants as (time, channel, variant), in order."""
    wanted = Link.submission_id == submission_id, Link.variant.in_(list(variants))
    found = (
        select(Click.clicked_at, Link.channel, Link.variant)
        .join(Link, Link.id == Click.link_id)
        .where(*wanted, Click.clicked_at >= since, Click.verdict == VALID)
        .order_by(Click.clicked_at)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in db.session.execute(found)]


def valid_by_channel_of_programme() -> dict[str, int]:
    """Return all valid clicks of the programme by channel; it reads daily sums."""
    found = select(PartnerDay.channel, func.sum(PartnerDay.clicks)).where(PartnerDay.verdict == VALID)
    return {
        channel: int(clicks) for channel, clicks in db.session.execute(found.group_by(PartnerDay.channel))
    }


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


def export_links(partner_id: str) -> list[LinkRecord]:
    found = db.session.scalars(
        select(Link).where(Link.partner_id == partner_id).order_by(Link.created_at, Link.id)
    )
    return [link.to_dict(link_url(link)) for link in found]


def export_clicks(partner_id: str) -> list[ClickRecord]:
    """Clicks that wait in a journal are folded in first, so that a restart hides none of them."""
    if not in_transaction() and fold():
        db.session.rollback()
    found = db.session.execute(
        select(Click.id, Link.code, Link.channel, Click.clicked_at, Click.verdict)
        .join(Link, Link.id == Click.link_id)
        .where(Click.partner_id == partner_id)
        .order_by(Click.clicked_at, Click.id)
    )
    return [
        ClickRecord(id=id, code=code, channel=channel, at=clock.iso(at), verdict=verdict)
        for id, code, channel, at, verdict in found
    ]
