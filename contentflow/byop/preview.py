"""The share text as one network will show it, and its length as that network counts it."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from contentflow.byop.lengths import LIMITS
from contentflow.byop.words import Words, share_text, with_defaults

# Facebook takes the link alone, and what has no text of its own is like “copy”.
CHANNELS: dict[str, str | LazyString] = {
    "copy": _l("Complet"),
    "whatsapp": "WhatsApp",
    "x": "X",
    "linkedin": "LinkedIn",
    "telegram": "Telegram",
    "threads": "Threads",
    "bluesky": "Bluesky",
}
# Seven characters, as a real code: the length is right before the link exists.
SAMPLE_CODE = "tonlien"


@dataclass(frozen=True, slots=True)
class Preview:
    """``maximum`` is None where the network cuts nothing; ``is_shortened``: words were left out."""

    channel: str
    text: str
    hashtags: str
    length: int
    maximum: int | None
    is_shortened: bool


def preview(words: Words, channel: str, url: str, disclosure: str, default_hashtags: str) -> Preview:
    """Write the words for ``channel``; one that is not previewed shows the whole text."""
    channel = channel if channel in CHANNELS else "copy"
    limit = LIMITS[channel]
    whole = share_text(words, url, disclosure, default_hashtags=default_hashtags)
    text = share_text(words, url, disclosure, limit.maximum, limit.count, default_hashtags=default_hashtags)
    hashtags = with_defaults(words, default_hashtags).hashtags
    return Preview(channel, text, hashtags, limit.count(text), limit.maximum, text != whole)
