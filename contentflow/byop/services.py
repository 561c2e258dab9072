"""A partner's posts: submit, list, mend, withdraw."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from contentflow.byop import moderation
from contentflow.byop.hooks import tell_post_changed
from contentflow.byop.models import Submission, SubmissionRecord
from contentflow.byop.words import Words
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.core.ids import digest, is_id, new_id
from contentflow.links import services as links
from contentflow.mailing import services as mailing
from contentflow.offers import services as offers
from contentflow.offers.models import Offer
from contentflow.partners import locks
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset


class OfferNotOpen(Refused):
    message = _l("Cette offre n’existe pas, ou plus : choisis-en une dans la liste.")


class NoOffer(Refused):
    message = _l(
        "Aucune offre n’est ouverte pour le moment, et un post a besoin d’une offre. "
        "Demande à l’équipe du programme d’en ajouter une, puis réessaie."
    )


class Archived(Refused):
    status = 409
    message = _l("Ce post est archivé : il ne se modifie plus. Crée un nouveau post.")


@dataclass(frozen=True, kw_only=True)
class Draft:
    """What a partner submits, cleaned. Same ``nonce`` and same content: the same submission.

    ``video`` is a file that was sent, ``video_digest`` its SHA-256, ``original_id`` what the media store
    calls it; it goes before ``source_url``.
    """

    source_url: str = ""
    title: str = ""
    description: str = ""
    hashtags: str = ""
    cta: str = ""
    offer_id: str = ""
    nonce: str = ""
    video: Path | None = None
    video_digest: str = ""
    original_id: str | None = None

    @property
    def hash(self) -> str:
        but = ("nonce", "video", "original_id")
        content = {name: value for name, value in asdict(self).items() if name not in but}
        if not self.video_digest:
            del content["video_digest"]
        return digest(json.dumps(content, sort_keys=True))


def submit_post(partner_id: str, draft: Draft) -> Submission:
    """Accept a post: its asset ``new``, itself ``processing``, all its links made.

    Where it waits for moderation it is ``submitted``, and its links answer 404.

    The terms of the offer are kept as they are now. A draft that was submitted before returns the
    submission it made then. Raises ``OfferNotOpen`` or ``NoOffer``.
    """
    # Two presses of one form come one after the other, so that the second finds what the first made. And who
    # it is was asked before the video came, minutes ago: the account may be erased since.
    locks.lock_active(partner_id)
    known = db.session.scalar(
        select(Submission).where(
            Submission.partner_id == partner_id,
            Submission.nonce == draft.nonce,
            Submission.draft_hash == draft.hash,
        )
    )
    return known or _accept(partner_id, draft, choose_offer(draft.offer_id))


def choose_offer(offer_id: str) -> Offer:
    """Return the offer of this id, or the first one for ""; raises ``OfferNotOpen`` or ``NoOffer``."""
    if not offer_id:
        offer = offers.first_offer()
        if offer is None:
            raise NoOffer
        return offer
    try:
        if is_id(offer_id):
            return offers.get_promoted_offer(offer_id)
    except NotFound:
        pass
    raise OfferNotOpen


def _accept(partner_id: str, draft: Draft, offer: Offer) -> Submission:
    words = draft.title, draft.description, draft.hashtags, draft.cta
    asset = pipeline.create_asset_for_byop(
        partner_id, *words, draft.source_url, draft.video, draft.original_id
    )
    submission = Submission(
        id=new_id(),
        partner_id=partner_id,
        asset_id=asset.id,
        offer_id=offer.id,
        source_url=draft.source_url,
        title=draft.title,
        description=draft.description,
        hashtags=draft.hashtags,
        cta=draft.cta,
        status="submitted" if moderation.waits_first(partner_id) else "processing",
        revshare_bp=offer.revshare_bp,
        fixed_cents=offer.fixed_cents,
        click_cents=offer.click_cents,
        holding_days=offer.holding_days,
        nonce=draft.nonce or new_id(),
        draft_hash=draft.hash,
    )
    db.session.add(submission)
    db.session.flush()
    links.make_links(submission.id, partner_id, asset.id, offer.id, offer.url)
    if submission.is_waiting:
        links.hold_links(submission.id)
    return submission


def get_submission(partner_id: str, submission_id: str) -> Submission:
    """Raises ``NotFound``, also for another partner's post."""
    submission = _find(submission_id)
    if submission is None or submission.partner_id != partner_id:
        raise NotFound
    return submission


def find_public(submission_id: str) -> Submission | None:
    """Return the post for a visitor, whoever brought it; None while it waits, and once it is archived."""
    submission = _find(submission_id)
    is_hidden = submission is None or submission.archived_at or submission.is_waiting
    return None if is_hidden else submission


def _find(submission_id: str) -> Submission | None:
    return db.session.get(Submission, submission_id) if is_id(submission_id) else None


def list_submissions(partner_id: str) -> list[Submission]:
    """Return the partner's posts, the newest first, archived ones too."""
    own = select(Submission).where(Submission.partner_id == partner_id)
    return list(db.session.scalars(own.order_by(Submission.created_at.desc(), Submission.id)))


def words_of(submission: Submission) -> Words:
    return Words(submission.title, submission.description, submission.hashtags, submission.cta)


def edit_words(partner_id: str, submission_id: str, words: Words) -> Submission:
    """Mend the words of a post and of its asset; offer, share and links stay. Raises ``Archived``.

    Where the team looks at posts, it looks at this one again.
    """
    submission = lock_editable(partner_id, submission_id)
    if words != words_of(submission):
        moderation.wait_again(submission)
    for name, value in asdict(words).items():
        setattr(submission, name, value)
    pipeline.update_details(submission.asset_id, **asdict(words))
    db.session.flush()
    tell_post_changed(submission.id)
    return submission


def lock_post(partner_id: str, submission_id: str) -> Submission:
    """Hold the partner's row, then the post's, until the transaction ends: every act on a post begins so.

    Raises ``NotFound``, also for another partner's post, and ``AccountClosed``.
    """
    locks.lock_active(partner_id)
    if not is_id(submission_id):
        raise NotFound
    submission = db.session.get(
        Submission, submission_id, with_for_update={"key_share": True}, populate_existing=True
    )
    if submission is None or submission.partner_id != partner_id:
        raise NotFound
    return submission


def lock_editable(partner_id: str, submission_id: str) -> Submission:
    """As ``lock_post``; raises ``Archived`` for a post that was withdrawn."""
    return _unarchived(lock_post(partner_id, submission_id))


def get_editable(partner_id: str, submission_id: str) -> Submission:
    """Raises ``NotFound``, or ``Archived`` for a post that was withdrawn."""
    return _unarchived(get_submission(partner_id, submission_id))


def _unarchived(submission: Submission) -> Submission:
    if submission.archived_at is not None:
        raise Archived
    return submission


def archive_post(partner_id: str, submission_id: str) -> None:
    """Withdraw a post: its links answer that it is gone, its waiting mails do not leave.

    Again: nothing more happens.
    """
    submission = lock_post(partner_id, submission_id)
    if submission.archived_at is None:
        submission.archived_at = clock.now()
        links.disable_links(submission.id)
        mailing.cancel_waiting(submission.id)
        db.session.flush()
        tell_post_changed(submission.id)


def sync_status(asset: Asset) -> None:
    """A post ends as its asset does."""
    waiting = update(Submission).where(Submission.asset_id == asset.id, Submission.status == "processing")
    reason = pipeline.reason_sentence(asset.reason)
    db.session.execute(waiting.values(status=asset.state, reason=reason))


def export_submissions(partner_id: str) -> list[SubmissionRecord]:
    return [submission.to_dict() for submission in list_submissions(partner_id)]
