"""The share mail: disclosure first, who shares what and why you get it, and how to stop it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app
from flask_babel import force_locale
from flask_babel import gettext as _

from contentflow.config import settings
from contentflow.mailing.composers import render_mail
from contentflow.mailing.messages import NAME_LENGTH, Message, display_name
from contentflow.mailing.models import Delivery
from contentflow.mailing.permission import subscribed_to
from contentflow.mailing.shares import ShareWords
from contentflow.mailing.tokens import make_token, one_click

PROGRAMME = "ContentFlow"
TAGS = ("byop_share",)
PREVIEW_TOKEN = "apercu"  # a link of the preview: an unknown token, which does nothing


@dataclass(frozen=True)
class Shown:
    """What anybody may see of a post: its public page and, of an approved clip, the wide picture."""

    page_url: str
    picture: str = ""


Show = Callable[[str], Shown | None]


def register_show(app: Flask, show: Show) -> None:
    """Let ``show(submission_id)`` say what a mail may show of its post, each time one is written.

    Not when it is queued: a clip that was withdrawn since stands in no mail that leaves.
    """
    app.extensions["share_show"] = show


def _shown(submission_id: str | None) -> Shown | None:
    show: Show | None = current_app.extensions.get("share_show")
    return show(submission_id) if show is not None and submission_id else None


def compose_share(delivery: Delivery) -> Message:
    """Write one share mail; its tokens are made now, at each try, and only their hashes are kept."""
    has_said_yes = bool(subscribed_to(delivery.partner_id, [delivery.recipient_hash]))
    stop = _url("unsubscribe", make_token("unsubscribe", delivery.id))
    yes = "" if has_said_yes else _url("subscribe", make_token("subscribe", delivery.id))
    shown = _shown(delivery.submission_id)
    return _write(ShareWords(**delivery.words), delivery.language, stop, yes, shown)


def preview_share(words: ShareWords, language: str, submission_id: str = "") -> Message:
    """Return the very mail as a reader will get it who never said yes, with links that do nothing."""
    stop, yes = _url("unsubscribe", PREVIEW_TOKEN), _url("subscribe", PREVIEW_TOKEN)
    return _write(words, language, stop, yes, _shown(submission_id))


def _write(words: ShareWords, language: str, stop: str, yes: str, shown: Shown | None) -> Message:
    context: dict[str, Any] = {"words": words, "hashtags": _with_ad(words.hashtags), "stop": stop, "yes": yes}
    context["shown"] = shown
    text, html = render_mail("mailing/share", language, **context)
    return Message(
        subject=words.title,
        text=text,
        html=html,
        headers=one_click(stop),
        sender_name=_sender_name(words.sender_name, language),
        tags=TAGS,
        reply_to=words.reply_to,
    )


def _sender_name(partner: str, language: str) -> str:
    """Return “Alice Martin via ContentFlow”; of a long name the end goes, never the programme."""
    with force_locale(language):
        around = _("%(name)s via %(programme)s", name="", programme=PROGRAMME)
        name = display_name(partner, NAME_LENGTH - len(around))
        return str(_("%(name)s via %(programme)s", name=name, programme=PROGRAMME))


def _with_ad(hashtags: str) -> str:
    tags = hashtags.split()
    return " ".join(tags if "#ad" in tags else [*tags, "#ad"])


def _url(purpose: str, token: str) -> str:
    return f"{settings().public_base_url}/{purpose}/{token}"
