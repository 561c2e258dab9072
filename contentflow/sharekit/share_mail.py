"""The share mail: disclosure first, who shares what and why you get it, and how to stop it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask_babel import force_locale
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.consent.services import still_allowed, subscribed_to
from contentflow.consent.tokens import make_tokens, one_click
from contentflow.core.ids import new_token
from contentflow.mailing.hooks import Composer
from contentflow.mailing.messages import NAME_LENGTH, Message, display_name, render_mail
from contentflow.mailing.models import Delivery
from contentflow.sharekit.kit import Shown
from contentflow.sharekit.services import shown_in_mail
from contentflow.sharekit.shares import ShareWords

TAGS = ("byop_share",)
# They stand in a rendered letter where each recipient's tokens will: nobody can write them into a post.
STOP_MARK, YES_MARK = new_token(), new_token()
PREVIEW_TOKEN = "apercu"  # a link of the preview: an unknown token, which does nothing


def compose_shares(deliveries: Sequence[Delivery]) -> Composer:
    """Return who writes these share mails of one partner; None for one whose recipient may get no more.

    Asked in the transaction of the claim: who was answered that it is stopped gets nothing that is decided
    after that. Tokens are made at each try, and only their hashes are kept.
    """
    partner_id = deliveries[0].partner_id
    allowed = still_allowed(partner_id, deliveries)
    confirmed = subscribed_to(partner_id, {one.recipient_hash for one in deliveries})
    stop = make_tokens("unsubscribe", allowed)
    asked = (one.id for one in deliveries if one.id in allowed and one.recipient_hash not in confirmed)
    yes = make_tokens("subscribe", asked)
    letters = Letters()

    def compose(delivery: Delivery) -> Message | None:
        if delivery.id not in allowed:
            return None
        return letters.write(delivery, stop[delivery.id], yes.get(delivery.id, ""))

    return compose


class Letters:
    """The mails of a batch: of one send and variant they differ in links alone, and are rendered once."""

    def __init__(self) -> None:
        self._rendered: dict[tuple[str | None, str, bool], tuple[dict[str, Any], Message]] = {}

    def write(self, delivery: Delivery, stop: str, yes: str) -> Message:
        """Return the mail of a delivery with these tokens in its links; ``yes`` “”: no such link."""
        key = delivery.send_id, delivery.variant, bool(yes)
        context, letter = self._rendered.get(key, ({}, None))
        if letter is None or context != delivery.context:
            words = ShareWords(**delivery.context)
            sid = delivery.submission_id
            shown = shown_in_mail(sid, delivery.variant) if sid else None
            asked = YES_MARK if yes else ""
            context = delivery.context
            letter = _write(words, delivery.language, STOP_MARK, asked, shown)
            self._rendered[key] = context, letter
        text, html = letter.text, letter.html
        for mark, token in ((STOP_MARK, stop), (YES_MARK, yes)):
            text, html = text.replace(mark, token), html.replace(mark, token)
        headers = {name: value.replace(STOP_MARK, stop) for name, value in letter.headers.items()}
        return replace(letter, text=text, html=html, headers=headers)


def preview_share(words: ShareWords, language: str, submission_id: str = "") -> Message:
    """Return the very mail as a recipient will get it who never said yes, with links that do nothing."""
    shown = shown_in_mail(submission_id) if submission_id else None
    return _write(words, language, PREVIEW_TOKEN, PREVIEW_TOKEN, shown)


def _write(words: ShareWords, language: str, stop: str, yes: str, shown: Shown | None) -> Message:
    base = settings().public_base_url
    links = {"stop": f"{base}/unsubscribe/{stop}", "yes": f"{base}/subscribe/{yes}" if yes else ""}
    tags = words.hashtags.split()
    hashtags = " ".join(tags if "#ad" in tags else [*tags, "#ad"])
    text, html = render_mail(
        "sharekit/share_mail", language, words=words, hashtags=hashtags, shown=shown, **links
    )
    return Message(
        subject=words.title,
        text=text,
        html=html,
        headers=one_click(links["stop"]),
        sender_name=_sender_name(words.sender_name, language),
        tags=TAGS,
        reply_to=words.reply_to,
    )


def _sender_name(partner: str, language: str) -> str:
    """Return “Alice Martin via ContentFlow”; of a long name the end goes, never the programme."""
    with force_locale(language):
        around = _("%(name)s via %(programme)s", name="", programme=settings().programme)
        name = display_name(partner, NAME_LENGTH - len(around))
        return str(_("%(name)s via %(programme)s", name=name, programme=settings().programme))
