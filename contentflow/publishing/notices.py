"""Mails about publications: it is your turn, look again, connect again. They use nothing of the day's cap."""

from __future__ import annotations

from flask_babel import force_locale
from flask_babel import gettext as _

from contentflow.byop.models import Submission
from contentflow.byop.words import DEFAULT_TITLE
from contentflow.config import settings
from contentflow.core.db import db
from contentflow.mailing import services as mailing
from contentflow.mailing.messages import Message, render_mail
from contentflow.mailing.models import Delivery
from contentflow.partners.models import Partner
from contentflow.partners.notices import language_of
from contentflow.publishing.models import Assignment, SocialAccount
from contentflow.publishing.platforms import title_of

KIND = "publishing"
# Of each mail the state in which somebody still needs it.
STATES = {"hand": "needs_hand", "changed": "draft"}


def tell(row: Assignment, about: str) -> None:
    """Queue the mail about an assignment."""
    _queue(row.partner_id, row.language, {"about": about, "assignment_id": row.id})


def tell_reauth(account: SocialAccount) -> None:
    partner = db.session.get_one(Partner, account.partner_id)
    _queue(partner.id, language_of(partner), {"about": "reauth", "account_id": account.id})


def _queue(partner_id: str, language: str, words: dict[str, str]) -> None:
    partner = db.session.get(Partner, partner_id)
    if settings().sends_mail and partner is not None and partner.is_active and partner.email:
        mailing.queue_notice(KIND, partner.id, partner.email, language, words)


def compose(delivery: Delivery) -> Message | None:
    """Write the mail; None where nothing waits for its reader any more."""
    partner = db.session.get(Partner, delivery.partner_id)
    about = str(delivery.context.get("about", ""))
    if partner is None or not partner.is_active:
        return None
    return (_about_account if about == "reauth" else _about_post)(delivery, partner, about)


def _about_post(delivery: Delivery, partner: Partner, about: str) -> Message | None:
    row = db.session.get(Assignment, str(delivery.context.get("assignment_id", "")))
    if row is None or row.state != STATES.get(about):
        return None
    post = db.session.get(Submission, row.submission_id)
    if post is None or post.archived_at is not None:
        return None
    base, platform, title = settings().public_base_url, title_of(row.platform), post.title or DEFAULT_TITLE
    with force_locale(delivery.language):
        subject = _("C’est l’heure de publier sur %(platform)s", platform=platform)
        sentence = _("« %(title)s » attend ta main : la vidéo, le texte et le lien sont prêts.", title=title)
        button, url = _("Publier maintenant"), f"{base}/byop/publish/hand?assignment={row.id}"
        if about == "changed":
            subject = _("Regarde à nouveau ton post pour %(platform)s", platform=platform)
            sentence = _(
                "« %(title)s » a changé depuis que tu l’as confirmé : rien ne part avant que tu le revoies.",
                title=title,
            )
            button, url = _("Regarder et confirmer"), f"{base}/byop/publish?id={post.id}"
    return _message(delivery, partner, subject, sentence, button, url)


def _about_account(delivery: Delivery, partner: Partner, about: str) -> Message | None:
    account = db.session.get(SocialAccount, str(delivery.context.get("account_id", "")))
    if account is None or account.state != about:
        return None
    platform = title_of(account.platform)
    with force_locale(delivery.language):
        subject = _("Connecte à nouveau ton compte %(platform)s", platform=platform)
        sentence = _(
            "%(platform)s ne nous laisse plus publier sur %(handle)s. "
            "Rien n’est perdu : ce qui est prévu attend.",
            platform=platform,
            handle=account.handle,
        )
        button = _("Connecter à nouveau")
    return _message(
        delivery, partner, subject, sentence, button, f"{settings().public_base_url}/partner/accounts"
    )


def _message(
    delivery: Delivery, partner: Partner, subject: str, sentence: str, button: str, url: str
) -> Message:
    words = {"who": partner.name, "sentence": sentence, "button": button, "url": url, "subject": subject}
    programme = settings().email_from_name
    text, html = render_mail("publishing/notice_mail", delivery.language, **words, programme=programme)
    return Message(subject, text, html, tags=(KIND,))
