"""The Share Kit: all that its page shows, the log of presses, and what visitors may see of a post."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from flask_babel import lazy_gettext as _l
from sqlalchemy import case, func, select

from contentflow.byop import clips, moderation
from contentflow.byop import services as byop
from contentflow.byop.models import Submission
from contentflow.byop.words import Words, with_defaults
from contentflow.config import settings
from contentflow.core.bucket import MediaFile
from contentflow.core.db import db, transaction
from contentflow.core.errors import NotFound, Refused
from contentflow.experiments import services as experiments
from contentflow.experiments.models import Variant
from contentflow.ledger import services as ledger
from contentflow.links import services as links
from contentflow.links.channels import CHANNELS
from contentflow.links.models import Link
from contentflow.mailing.models import Delivery
from contentflow.offers import services as offers
from contentflow.offers.models import Offer
from contentflow.sharekit import turns
from contentflow.sharekit.kit import Kit, PublicClip, PublicPost, Shown, compose, intents_of
from contentflow.sharekit.models import MESSAGE_LENGTH, ShareLog, ShareLogRecord, ShareSum, went_out

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


def kit(partner_id: str, submission_id: str) -> Kit:
    """Return all that the kit's page shows. Raises ``NotFound``, also for another partner's post."""
    submission = byop.get_submission(partner_id, submission_id)
    now = turns.showing(submission)
    first = links.links_of(submission.id)
    made = first | _links_of_variant(submission, now.variant)
    urls: dict[str, str] = {channel: links.link_url(made[channel]) for channel in CHANNELS if channel in made}
    words = {channel: turns.words_shown(submission, now.variant, channel) for channel in urls}
    texts = {channel: compose(words[channel], channel, url, settings()) for channel, url in urls.items()}
    ids = [submission.id]
    return Kit(
        submission=submission,
        offer=find_offer(submission.offer_id),
        words=words_of(submission),
        disclosure=settings().ad_disclosure,
        page_url=_page_url(first["copy"]),
        urls=urls,
        texts=texts,
        intents=intents_of(words["copy"], urls, texts, settings()),
        shares={channel: 0 for channel in CHANNELS} | share_counts(ids).get(submission.id, {}),
        verdicts=links.verdict_counts(ids).get(submission.id, {}),
        valid_by_channel=links.valid_by_channel(ids).get(submission.id, {}),
        clip=clips.clip_of(submission),
        earned=ledger.earned_of_post(submission.id),
        showing=now,
    )


def _links_shown(submission: Submission, variant: Variant | None) -> dict[str, Link]:
    """Return a link a channel: the variant's where it has one, else that of the first words."""
    return links.links_of(submission.id) | _links_of_variant(submission, variant)


def _links_of_variant(submission: Submission, variant: Variant | None) -> dict[str, Link]:
    return links.links_of(submission.id, variant.name) if variant else {}


def words_of(submission: Submission, variant: Variant | None = None) -> Words:
    """Return a post's words, or a variant's, with the defaults where nothing was typed."""
    return with_defaults(turns.words_shown(submission, variant), settings().sharekit_default_hashtags)


def link_url_of(submission: Submission, channel: str, variant: Variant | None = None) -> str:
    return links.link_url(_links_shown(submission, variant)[channel])


def text_to_share(submission: Submission, channel: str, variant: Variant | None = None) -> str:
    """Return the text with its link, as ``channel`` takes it."""
    url = link_url_of(submission, channel, variant)
    return compose(turns.words_shown(submission, variant), channel, url, settings()).text


def _page_url(link: Link) -> str:
    return f"{settings().public_base_url}/p/{link.code}"


def find_offer(offer_id: str) -> Offer | None:
    try:
        return offers.get_offer(offer_id)
    except NotFound:
        return None


def record_share(partner_id: str, submission_id: str, channel: str, token: str = "") -> None:
    """Log one press of a share control, with the text that it shared; ``token`` is the turn that was shown.

    Raises ``UnknownChannel``, ``NotFound``, ``WrongTurn``, ``Waiting``; for an archived post ``Withdrawn``.
    """
    _known(channel)
    submission = byop.lock_post(partner_id, submission_id)
    if submission.archived_at is not None:
        raise Withdrawn
    moderation.refuse_waiting(submission)
    turn = turns.read_turn(submission.id, token, channel)
    variant = experiments.find_variant(submission.id, turn.variant) if turn else None
    text = text_to_share(submission, channel, variant)
    log_share(partner_id, submission.id, channel, text, variant=variant.name if variant else "", turn=turn)


def log_share(
    partner_id: str,
    submission_id: str,
    channel: str,
    message: str = "",
    recipients: int = 0,
    send_id: str | None = None,
    variant: str = "",
    turn: turns.Turn | None = None,
) -> None:
    """Add to the share log; ``message`` is cut at 2,000 characters. Raises ``UnknownChannel``."""
    trial = turn if turn and turns.is_trial(submission_id, turn) else None
    db.session.add(
        ShareLog(
            partner_id=partner_id,
            submission_id=submission_id,
            channel=_known(channel),
            recipients_count=recipients,
            send_id=send_id,
            message=message[:MESSAGE_LENGTH],
            variant=variant,
            turn=trial.number if trial else None,
            chance_bp=trial.chance_bp if trial else None,
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


def count_channel_rates() -> None:
    """Count the programme's presses and valid clicks of each channel: what a young post leans on."""
    presses: Counter[str] = Counter()
    several = ShareLog.recipients_count > 1
    for counted in (
        select(
            ShareLog.channel,
            func.sum(case((several, ShareLog.recipients_count), else_=1)),
        ),
        select(ShareSum.channel, func.sum(ShareSum.shares)),
    ):
        for channel, number in db.session.execute(counted.group_by(counted.selected_columns[0])):
            presses[channel] += int(number)
    clicks = links.valid_by_channel_of_programme()
    db.session.rollback()
    with transaction():
        experiments.keep_rates(presses, clicks)


def share_url(partner_id: str, submission_id: str, channel: str) -> str:
    """Return a channel's short link. Raises ``UnknownChannel`` or ``NotFound``."""
    _known(channel)
    return link_url_of(byop.get_submission(partner_id, submission_id), channel)


def find_public_post(code: str) -> PublicPost | None:
    """Return what anybody may see of a post. Raises ``NoLonger`` once it is archived."""
    link = links.find_link(code) if code.isascii() and code.isalnum() else None
    return None if link is None or link.waits_since is not None else public_post_of(link)


def public_post_of(link: Link) -> PublicPost:
    """Raises ``NoLonger`` once the post is archived or its link disabled."""
    submission = byop.find_public(link.submission_id)
    if submission is None or link.disabled_at is not None:
        raise NoLonger
    variant = experiments.find_variant(submission.id, link.variant)
    return PublicPost(
        words=words_of(submission, variant),
        disclosure=settings().ad_disclosure,
        offer=find_offer(link.offer_id),
        url=links.link_url(link),
        page_url=_page_url(link),
        clip=_public_clip(submission, _page_url(link), variant),
    )


def shown_in_mail(submission_id: str, variant_name: str = "") -> Shown | None:
    """Return the page that a mail of this post links, and the picture of its clip if that is approved.

    Asked when a mail is written, not when it is queued: a clip withdrawn since stands in no mail that leaves.
    """
    submission = byop.find_public(submission_id)
    if submission is None:
        return None
    variant = experiments.find_variant(submission_id, variant_name)
    link = _links_shown(submission, variant)["email"]
    clip = _public_clip(submission, _page_url(link), variant)
    return Shown(_page_url(link), clip.poster if clip else "")


def _public_clip(submission: Submission, page_url: str, variant: Variant | None) -> PublicClip | None:
    if not clips.shows_public_file(submission, "clip"):
        return None
    captions = f"{page_url}/captions.vtt" if clips.shows_public_file(submission, "vtt") else None
    version = clips.public_version(submission, _cover_of(variant))
    cover, poster = (f"{page_url}/{name}.jpg?v={version}" for name in ("cover", "poster"))
    return PublicClip(f"{page_url}/clip.mp4", cover, poster, captions)


def find_public_file(code: str, name: str) -> tuple[MediaFile, str] | None:
    """Return a file of the approved clip behind a code. Raises ``NoLonger`` once the post is archived."""
    link = links.find_link(code) if code.isascii() and code.isalnum() else None
    if link is None or link.waits_since is not None:
        return None
    submission = byop.find_public(link.submission_id)
    if submission is None or link.disabled_at is not None:
        raise NoLonger
    variant = experiments.find_variant(submission.id, link.variant)
    return clips.find_public_file(submission, name, _cover_of(variant))


def _cover_of(variant: Variant | None) -> int | None:
    """Return the number of the clip's picture, from 1, that a variant shows."""
    return variant.cover + 1 if variant else None


def export_share_logs(partner_id: str) -> list[ShareLogRecord]:
    """Return the log; of a send it counts the recipients whose mails were not taken back."""
    taken_back = (
        select(func.count())
        .select_from(Delivery)
        .where(Delivery.send_id == ShareLog.send_id, Delivery.state == "cancelled")
        .scalar_subquery()
    )
    own = select(ShareLog, taken_back).where(ShareLog.partner_id == partner_id)
    rows = db.session.execute(own.order_by(ShareLog.created_at, ShareLog.id))
    return [entry.to_dict(entry.recipients_count - fewer) for entry, fewer in rows]
