"""Mails of finished words to a partner about their account or their posts: they use no cap, and no consent.

One that tells of what may still be undone leaves only afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime

from flask_babel import force_locale
from flask_babel import gettext as _
from sqlalchemy import select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.mailing import services as mailing
from contentflow.mailing.messages import Message, render_mail
from contentflow.mailing.models import Delivery
from contentflow.mailing.recipients import recipient_hash
from contentflow.partners.models import Partner


@dataclass(frozen=True)
class Notice:
    """``paragraphs`` are plain text; ``path`` is a page of ours that the button ``label`` opens."""

    subject: str
    paragraphs: tuple[str, ...]
    path: str = ""
    label: str = ""


def language_of(partner: Partner) -> str:
    """Return the language in which somebody asked for a login the last time, else French."""
    found = (
        select(Delivery.language)
        .where(Delivery.recipient_hash == recipient_hash(partner.email or ""), Delivery.kind == "login")
        .order_by(Delivery.created_at.desc())
        .limit(1)
    )
    return db.session.scalar(found) or "fr"


def tell(partner: Partner, write: Callable[[], Notice], leaves_at: datetime | None = None) -> str:
    """Queue a notice, written in its reader's language, and return its delivery's id.

    "" where no mail leaves or nobody is there to read it.
    """
    if partner.email is None or not settings().sends_mail:
        return ""
    language = language_of(partner)
    with force_locale(language):
        words = {**asdict(write()), "partner_id": partner.id}
    return mailing.queue_words(partner.email, language, words, leaves_at or clock.now()).id


def compose(delivery: Delivery) -> Message | None:
    """Write the mail; None once the account is erased."""
    words = delivery.context
    partner = db.session.get(Partner, str(words.get("partner_id", "")))
    if partner is None or partner.email is None:
        return None
    path = str(words["path"])
    text, html = render_mail(
        "partners/notice_mail",
        delivery.language,
        who=partner.name,
        title=words["subject"],
        paragraphs=words["paragraphs"],
        label=words["label"],
        url=settings().public_base_url + path if path else "",
        programme=settings().email_from_name,
    )
    return Message(str(words["subject"]), text, html, tags=("notice",))


def suspended(words: str) -> Notice:
    said = (_("Ton compte est suspendu : plus de connexion ni d’e-mail. Tes liens continuent."), words)
    return Notice(_("Ton compte est suspendu"), tuple(filter(None, said)))


def factor_reset() -> Notice:
    return Notice(
        _("Votre second facteur a été retiré"),
        (
            _(
                "Une personne du programme a retiré votre second facteur, et vos sessions sont fermées. "
                "À la prochaine visite de la console, vous en installerez un nouveau."
            ),
            _("Si vous ne l’avez pas demandé, prévenez le programme tout de suite."),
        ),
        "/console/",
        _("Ouvrir la console"),
    )
