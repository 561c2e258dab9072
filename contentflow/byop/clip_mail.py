"""The mail that tells a partner who left that their clip is done, and the way to get no more of them.

It uses nothing of the day's cap and goes as early as a login mail. It is written when it leaves: whoever
has seen the clip meanwhile gets none.
"""

from __future__ import annotations

from datetime import timedelta

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from contentflow.byop import clips
from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.config import settings
from contentflow.consent.tokens import find_delivery, make_token, one_click
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing import services as mailing
from contentflow.mailing.messages import Message, render_mail
from contentflow.mailing.models import Delivery
from contentflow.partners import services as partners
from contentflow.partners.models import Partner
from contentflow.pipeline.models import Asset

KIND = "clip"
STOP = "clip_mails"
# Less is waited for in front of the page, and the page says it.
LONG = timedelta(minutes=2)
# Without a look for so long the page was closed; it asks every two seconds.
AWAY = timedelta(seconds=30)


def tell_when_done(asset: Asset) -> None:
    """Queue the mail where the clip took long and its owner is not looking on."""
    if not settings().sends_mail:
        return
    post = db.session.scalar(select(Submission).where(Submission.asset_id == asset.id))
    # A clip that waits to be looked at, or failed, is news; one that was erased is neither.
    if (
        post is None
        or post.archived_at is not None
        or not (asset.has_video and (asset.state == "ready" or asset.reason is not None))
    ):
        return
    now = clock.now()
    took_long = asset.asked_at is not None and now - asset.asked_at >= LONG
    if not took_long or (asset.looked_at is not None and now - asset.looked_at < AWAY):
        return
    partner = db.session.get(Partner, post.partner_id)
    if partner is not None and partner.is_active and partner.email and partner.wants_clip_mails:
        words = {"submission_id": post.id, "asked_at": clock.iso(asset.asked_at)}
        mailing.queue_notice(KIND, partner.id, partner.email, asset.language, words)


def compose_clip(delivery: Delivery) -> Message | None:
    """Write the mail; None where nothing waits for its reader any more."""
    post = db.session.get(Submission, str(delivery.context.get("submission_id", "")))
    partner = db.session.get(Partner, delivery.partner_id)
    if post is None or post.archived_at is not None or partner is None or not partner.is_active:
        return None
    clip = clips.clip_of(post)
    # Another clip may have been asked for since.
    if (
        not partner.wants_clip_mails
        or clip is None
        or not clip.due
        or delivery.context.get("asked_at") != clock.iso(clip.asset.asked_at)
    ):
        return None
    base, language = settings().public_base_url, delivery.language
    stop = f"{base}/clip-mails/{make_token(STOP, delivery.id)}"
    with force_locale(language):
        title = post.title or DEFAULT_TITLE
        subject = _("Ton clip est prêt : regarde-le et valide-le")
        if clip.due != "approve":
            subject = _("Ta vidéo n’a pas pu être préparée")
        reason = clip.reason
    words = {"who": partner.name, "title": title, "is_ready": clip.due == "approve", "reason": reason}
    links = {"url": f"{base}/byop/kit?id={post.id}", "stop": stop, "programme": settings().email_from_name}
    text, html = render_mail("byop/clip_mail", language, **words, **links)
    return Message(subject, text, html, headers=one_click(stop), tags=("clip",))


def switch(token: str, *, is_on: bool) -> None:
    """Want these mails, or no more of them; an unknown token does nothing."""
    delivery = find_delivery(token, STOP)
    if delivery is not None and delivery.partner_id is not None:
        partners.want_clip_mails(delivery.partner_id, is_on)
