"""What a hit on a short link is, as far as the request alone tells; the rest needs the clicks before it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from crawlerdetect import CrawlerDetect


class Verdict(StrEnum):
    """In the order in which they are tried."""

    PREFETCH = "prefetch"
    PREVIEW_BOT = "preview_bot"
    BOT = "bot"
    SELF = "self"
    FRAUD = "fraud"
    DUPLICATE = "duplicate"
    VALID = "valid"


# Longer ones are no browser's, and crawlerdetect's time grows with the square of the length:
# 100 kB of one letter took it minutes.
_LOOKED_AT = 512

_PREFETCH_HEADERS: Final = frozenset(("sec-purpose", "purpose", "x-purpose", "x-moz"))

# Names of what fetches a card for a message or a post. The apps themselves have other names
# ("… WhatsApp/2.24" inside a browser's agent, Slack_SSB, discord/1.0): those are people.
# Apple's and Google's messages call themselves facebookexternalhit; Signal calls itself WhatsApp/2.
_PREVIEW = re.compile(
    r"^(?:WhatsApp|Viber|Pinterest|Tumblr|Iframely|Mastodon|Pleroma|Akkoma|Misskey|Friendica|Lemmy|Signal|imessage)\b"
    r"|TelegramBot|Twitterbot|facebookexternalhit|Facebot|LinkedInBot|Discordbot|redditbot|Pinterestbot"
    r"|Slackbot|Slack-ImgProxy|SkypeUriPreview|MicrosoftPreview|Bluesky Cardyb|vkShare|line-poker"
    r"|kakaotalk-scrap|Snap URL Preview|Google-PageRenderer|Embedly|\biMessage/|Mattermost-Bot|Synapse \(bot"
    r"|matrix-media-repo|\((?:Mastodon|Pleroma|Akkoma|Misskey)/|pinterest\.com/bot|Zoom ?bot|ZaloPC-preview",
    re.IGNORECASE,
)
# Libraries and programs that crawlerdetect does not know.
_LIBRARY = re.compile(
    r"^(?:node|bun|deno|got|reqwest|ureq|hyper|libcurl|postmanruntime|insomnia|httpie|xh|hey|k6|playwright)\b"
    r"|ms-office|^Microsoft Office\b",
    re.IGNORECASE,
)
_PHONE = re.compile(
    r"Mobi|iPhone|iPad|iPod|Android|Windows Phone|Opera Mini|BlackBerry|BB10|KAIOS", re.IGNORECASE
)
_DESK = re.compile(r"Windows NT|Macintosh|X11|CrOS|Linux", re.IGNORECASE)
# crawlerdetect takes the word for the preview agent, wherever it stands.
_IN_WHATSAPP = re.compile(r"(?<=\S)\s+WhatsApp/\S*", re.IGNORECASE)

_crawlers = CrawlerDetect()


def classify(method: str, headers: Mapping[str, str], agent: str, is_self: bool) -> Verdict | None:
    """Return the first verdict that fits, or None where only the database can tell.

    ``is_self``: the partner's own session cookie came along.
    """
    if _is_prefetch(method, headers):
        return Verdict.PREFETCH
    if is_preview(agent):
        return Verdict.PREVIEW_BOT
    if _is_bot(agent):
        return Verdict.BOT
    return Verdict.SELF if is_self else None


def is_preview(agent: str) -> bool:
    """Tell whether this agent fetches a card for a message or a post; it gets the preview page."""
    return _PREVIEW.search(_head(agent)) is not None


def agent_class(agent: str) -> str:
    """Return all that is kept of an agent: ``preview``, ``bot``, ``mobile``, ``desktop`` or ``unknown``."""
    if is_preview(agent):
        return "preview"
    if _is_bot(agent):
        return "bot"
    if _PHONE.search(_head(agent)):
        return "mobile"
    return "desktop" if _DESK.search(_head(agent)) else "unknown"


def _is_prefetch(method: str, headers: Mapping[str, str]) -> bool:
    return method == "HEAD" or any(
        name.lower() in _PREFETCH_HEADERS and "prefetch" in value.lower() for name, value in headers.items()
    )


def _is_bot(agent: str) -> bool:
    head = _head(agent)
    if not any(character.isalnum() for character in head):
        return True
    return _LIBRARY.search(head) is not None or bool(_crawlers.is_crawler(_IN_WHATSAPP.sub("", head)))


def _head(agent: str) -> str:
    return agent[:_LOOKED_AT].strip()
