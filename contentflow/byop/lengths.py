"""How long a text is for each network, and how long it may be."""

from __future__ import annotations

import functools
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from contentflow.core.graphemes import JOINER, graphemes, is_pictograph

Count = Callable[[str], int]

_EMOJI_STYLE = "\ufe0f"
_KEYCAP = "\u20e3"


def _is_emoji(cluster: str) -> bool:
    """Tell whether this grapheme is a picture, alone or dressed with a style, a tone or a keycap."""
    first = cluster[0]
    if first >= "\U0001f000" or cluster[-1] == _KEYCAP:
        return True
    return is_pictograph(first) and (_EMOJI_STYLE in cluster or JOINER in cluster or first >= "\u2600")


# X: https://docs.x.com/fundamentals/counting-characters, twitter-text configuration 3.
_LINK_WEIGHT = 23
_LIGHT = re.compile(r"[\u0000-\u10ff\u2000-\u200d\u2010-\u201f\u2032-\u2037]")
# X knows every top-level domain; here stand every country's and the common ones.
_TOP_LEVELS = (
    "academy|agency|app|art|audio|bio|biz|blog|cafe|center|chat|cloud|club|coach|codes|com|community|"
    "company|consulting|cool|design|dev|digital|earth|edu|education|email|events|expert|finance|fun|fyi|"
    "games|gov|group|guide|guru|help|host|info|int|jobs|land|life|link|live|love|ltd|market|marketing|media|"
    "mil|mobi|money|museum|name|net|network|news|ninja|one|online|org|page|paris|photo|photos|plus|press|"
    "pro|promo|rocks|run|sale|school|science|services|shop|show|site|social|software|solutions|space|store|"
    "studio|style|support|systems|team|tech|tips|today|tools|top|training|travel|video|vip|wiki|work|works|"
    "world|xyz|zone|[a-z]{2}"
)


@functools.cache
def _link() -> re.Pattern[str]:
    # At the first use: it takes as long to compile as all of this capability to import.
    return re.compile(
        r"https?://[^\s<>\"«»]*[^\s<>\"«».,;:!?'’)\]…]"
        rf"|(?<![\w@#$.\-/])(?:\w[\w-]*\.)+(?:{_TOP_LEVELS})(?![\w@-]|\.\w)"
        r"(?:[/?#](?:[^\s<>\"«»]*[^\s<>\"«».,;:!?'’)\]…])?)?",
        re.IGNORECASE,
    )


def x_length(text: str) -> int:
    """Count as X does: a link weighs 23, an emoji 2, most letters 1, Chinese and the like 2."""
    words, links = _link().subn(" ", unicodedata.normalize("NFC", text))
    # Each link left one space behind, which weighs 1.
    return links * (_LINK_WEIGHT - 1) + sum(
        2 if _is_emoji(cluster) else sum(1 if _LIGHT.match(character) else 2 for character in cluster)
        for cluster in graphemes(words)
    )


def bluesky_length(text: str) -> int:
    """Count graphemes; a post is also refused over 3,000 bytes, so ten bytes count as one at least.

    https://github.com/bluesky-social/atproto, lexicon ``app.bsky.feed.post``.
    """
    size = len(text.encode(errors="replace"))
    return max(sum(1 for _ in graphemes(text)), -(-size // 10))


def mastodon_length(text: str) -> int:
    """Count graphemes, and a link as 23 however long it is; 500 is what most servers allow.

    https://docs.joinmastodon.org/user/posting/#links
    """
    words, links = re.subn(r"https?://\S+", "", text)
    return links * _LINK_WEIGHT + sum(1 for _ in graphemes(words))


def threads_length(text: str) -> int:
    """Count characters, and an emoji as its UTF-8 bytes.

    https://developers.facebook.com/documentation/threads/posts
    """
    return sum(
        len(cluster.encode(errors="replace")) if _is_emoji(cluster) else len(cluster)
        for cluster in graphemes(text)
    )


def utf16_length(text: str) -> int:
    """Count as JavaScript does: UTF-16 units, two for most emoji."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


@dataclass(frozen=True, slots=True)
class Limit:
    """``maximum`` is None where the network cuts nothing that we would write."""

    count: Count
    maximum: int | None


_NONE = Limit(len, None)
LIMITS: Final[Mapping[str, Limit]] = MappingProxyType(
    {
        "whatsapp": Limit(utf16_length, 4096),
        "telegram": Limit(utf16_length, 4096),
        "x": Limit(x_length, 280),
        "linkedin": Limit(utf16_length, 3000),
        "facebook": _NONE,
        "threads": Limit(threads_length, 500),
        "bluesky": Limit(bluesky_length, 300),
        "copy": _NONE,
        "email": _NONE,
        "native": _NONE,
        "qr": _NONE,
        "mastodon": Limit(mastodon_length, 500),
        "youtube": Limit(utf16_length, 5000),
        "tiktok": Limit(utf16_length, 2200),
        "instagram": Limit(utf16_length, 2200),
        "pinterest": Limit(utf16_length, 500),
    }
)
