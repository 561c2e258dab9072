"""The Share Kit: all that its page shows, the log of presses, and what visitors may see of a post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select

from contentflow.byop import clips
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import completed
from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.links import services as links
from contentflow.links.channels import CHANNELS
from contentflow.links.models import Link
from contentflow.mailing.models import Delivery
from contentflow.mailing.services import Shown
from contentflow.offers import services as offers
from contentflow.offers.models import Offer
from contentflow.sharekit.kit import Kit, PublicClip, PublicPost, ShareText, compose, intents_of
from contentflow.sharekit.models import MESSAGE_LENGTH, ShareLog, ShareSum, went_out

Counts = dict[str, dict[str, int]]


class UnknownChannel(Refused):
    message = _l("Ce réseau n’est pas dans la liste.")


class UnknownFormat(Refused):
    message = _l("Un QR code existe en svg et en png.")


class Withdrawn(Refused):
    status = 410
    message = _l("Ce post est archivé : ses liens ne mènent plus à l’offre.")


class NoLonger(Refused):
    status = 410
    message = _l("Ce post a été retiré par la personne qui l’avait partagé.")


Earned = Callable[[str], Mapping[str, int]]
_EARNED = "sharekit_earned"


def register_earned(app: Flask, earned: Earned) -> None:
    """Let ``earned(submission_id)`` tell the kit the cents of a post by account: money stands above."""
    app.extensions[_EARNED] = earned


def kit(partner_id: str, submission_id: str) -> Kit:
    """Return all that the kit's page shows. Raises ``NotFound``, also for another partner's post."""
    submission = byop.get_submission(partner_id, submission_id)
    made = links.links_of(submission.id)
    urls: dict[str, str] = {channel: links.link_url(made[channel]) for channel in CHANNELS if channel in made}
    texts = {channel: _text(submission, channel, urls[channel]) for channel in urls}
    ids = [submission.id]
    return Kit(
        submission=submission,
        offer=_find_offer(submission.offer_id),
        words=completed(byop.words_of(submission), settings().sharekit_default_hashtags),
        disclosure=settings().ad_disclosure,
        page_url=_page_url(made["copy"]),
        urls=urls,
        texts=texts,
        intents=intents_of(byop.words_of(submission), urls, texts, settings()),
        shares={channel: 0 for channel in CHANNELS} | share_counts(ids).get(submission.id, {}),
        verdicts=links.verdict_counts(ids).get(submission.id, {}),
        valid_by_channel=links.valid_by_channel(ids).get(submission.id, {}),
        clip=clips.clip_of(submission),
        earned=current_app.extensions[_EARNED](submission.id),
    )


def _page_url(link: Link) -> str:
    return f"{settings().public_base_url}/p/{link.code}"


def _text(submission: Submission, channel: str, url: str) -> ShareText:
    return compose(byop.words_of(submission), channel, url, settings())


def _find_offer(offer_id: str) -> Offer | None:
    try:
        return offers.get_offer(offer_id)
    except NotFound:
        return None


def press(partner_id: str, submission_id: str, channel: str) -> None:
    """Log one press of a share control, with the text that it shared.

    Raises ``UnknownChannel``, ``NotFound`` or, for an archived post, ``Withdrawn``.
    """
    _known(channel)
    submission = byop.lock_post(partner_id, submission_id)
    if submission.archived_at is not None:
        raise Withdrawn
    url = links.link_url(links.links_of(submission.id)[channel])
    log_share(partner_id, submission.id, channel, _text(submission, channel, url).text)


def log_share(
    partner_id: str,
    submission_id: str,
    channel: str,
    message: str = "",
    recipients: int = 0,
    send_id: str | None = None,
) -> None:
    """Add to the share log; ``message`` is cut at 2,000 characters. Raises ``UnknownChannel``."""
    db.session.add(
        ShareLog(
            partner_id=partner_id,
            submission_id=submission_id,
            channel=_known(channel),
            recipients_count=recipients,
            send_id=send_id,
            message=message[:MESSAGE_LENGTH],
        )
    )
    db.session.flush()


def _known(channel: str) -> str:
    if channel not in CHANNELS:
        raise UnknownChannel
    return channel


def share_counts(submission_ids: Iterable[str]) -> Counts:
    """Return how often each channel of these posts was used; what was never used is not named.

    A send whose mails were all taken back is no share.
    """
    ids, counts = list(submission_ids), Counter[tuple[str, str]]()
    logged = select(ShareLog.submission_id, ShareLog.channel, func.count()).group_by(
        ShareLog.submission_id, ShareLog.channel
    )
    earlier = select(ShareSum.submission_id, ShareSum.channel, ShareSum.shares)
    for found in (
        logged.where(ShareLog.submission_id.in_(ids), went_out()),
        earlier.where(ShareSum.submission_id.in_(ids)),
    ):
        for submission_id, channel, number in db.session.execute(found):
            counts[submission_id, channel] += number
    by_post: Counts = {}
    for (submission_id, channel), number in counts.items():
        by_post.setdefault(submission_id, {})[channel] = number
    return by_post


def share_url(partner_id: str, submission_id: str, channel: str) -> str:
    """Return a channel's short link. Raises ``UnknownChannel`` or ``NotFound``."""
    _known(channel)
    submission = byop.get_submission(partner_id, submission_id)
    return links.link_url(links.links_of(submission.id)[channel])


def find_public_post(code: str) -> PublicPost | None:
    """Return what anybody may see of a post. Raises ``NoLonger`` once it is archived."""
    link = links.find_link(code) if code.isascii() and code.isalnum() else None
    return None if link is None else public_post_of(link)


def public_post_of(link: Link) -> PublicPost:
    """Raises ``NoLonger`` once the post is archived or its link disabled."""
    submission = byop.find_public(link.submission_id)
    if submission is None or link.disabled_at is not None:
        raise NoLonger
    return PublicPost(
        words=completed(byop.words_of(submission), settings().sharekit_default_hashtags),
        disclosure=settings().ad_disclosure,
        offer=_find_offer(link.offer_id),
        url=links.link_url(link),
        page_url=_page_url(link),
        clip=_public_clip(submission, _page_url(link)),
    )


def shown_in_mail(submission_id: str) -> Shown | None:
    """Return the page that a mail of this post links, and the picture of its clip if that is approved."""
    submission, link = byop.find_public(submission_id), links.links_of(submission_id).get("email")
    if submission is None or link is None:
        return None
    clip = _public_clip(submission, _page_url(link))
    return Shown(_page_url(link), clip.poster if clip else "")


def _public_clip(submission: Submission, page_url: str) -> PublicClip | None:
    if clips.find_public_file(submission, "clip") is None:
        return None
    has_captions = clips.find_public_file(submission, "vtt") is not None
    captions = f"{page_url}/captions.vtt" if has_captions else None
    version = clips.public_version(submission)
    cover, poster = (f"{page_url}/{name}.jpg?v={version}" for name in ("cover", "poster"))
    return PublicClip(f"{page_url}/clip.mp4", cover, poster, captions)


def find_public_file(code: str, name: str) -> tuple[Path, str] | None:
    """Return a file of the approved clip behind a code. Raises ``NoLonger`` once the post is archived."""
    link = links.find_link(code) if code.isascii() and code.isalnum() else None
    if link is None:
        return None
    submission = byop.find_public(link.submission_id)
    if submission is None or link.disabled_at is not None:
        raise NoLonger
    return clips.find_public_file(submission, name)


def export_share_logs(partner_id: str) -> list[dict[str, Any]]:
    """Return the log; of a send it counts the recipients whose mails were not taken back."""
    taken_back = (
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.send_id == ShareLog.send_id, Delivery.state == "cancelled")
        .scalar_subquery()
    )
    own = select(ShareLog, taken_back).where(ShareLog.partner_id == partner_id)
    rows = db.session.execute(own.order_by(ShareLog.created_at, ShareLog.id))
    return [_exported(entry, fewer) for entry, fewer in rows]


def _exported(entry: ShareLog, fewer: int) -> dict[str, Any]:
    return {
        "id": entry.id,
        "submission_id": entry.submission_id,
        "channel": entry.channel,
        "recipients": entry.recipients_count - fewer,
        "at": clock.iso(entry.created_at),
    }
