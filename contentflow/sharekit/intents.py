"""Links that open another app with the share text in it; the partner's own hand sends it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import quote

# Where the network has a url= of its own, the text does not repeat the link.
_PATTERNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "whatsapp": "https://wa.me/?text={with_link}",
        "telegram": "https://t.me/share/url?url={url}&text={without_link}",
        "x": "https://x.com/intent/post?text={without_link}&url={url}",
        "linkedin": "https://www.linkedin.com/feed/?shareActive=true&text={with_link}",
        "facebook": "https://www.facebook.com/sharer/sharer.php?u={url}",
        "threads": "https://www.threads.net/intent/post?text={with_link}",
        "bluesky": "https://bsky.app/intent/compose?text={with_link}",
    }
)
INTENT_CHANNELS: Final = tuple(_PATTERNS)


def intent_url(channel: str, text_with_link: str, text_without_link: str, url: str) -> str:
    """Return the link that opens this network; raises ``KeyError`` for a channel that has none.

    Facebook takes the link alone: it refuses texts that others wrote.
    """
    return _PATTERNS[channel].format(
        with_link=_quoted(text_with_link), without_link=_quoted(text_without_link), url=_quoted(url)
    )


def _quoted(text: str) -> str:
    # quote_plus would show "+" on Telegram for iOS.
    return quote(text, safe="", errors="replace")
