"""What a reader sees as one character.

An approximation of UAX 29 without its tables: combining marks, joiners, skin tones, flags, keycaps and
Hangul; a rare script's cluster may be counted as two, never a letter as none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

JOINER = "\u200d"
_HANGUL = re.compile(r"[\u1100-\u11ff\uac00-\ud7a3]")


def graphemes(text: str) -> Iterator[str]:
    """Yield what a reader sees as one character each; together they are the text."""
    cluster = ""
    for character in text:
        if cluster and not _belongs(cluster, character):
            yield cluster
            cluster = ""
        cluster += character
    if cluster:
        yield cluster


def _belongs(cluster: str, character: str) -> bool:
    if cluster[-1] < " " or character < " ":
        return cluster == "\r" and character == "\n"
    if character.isascii():
        return False
    if character in "\u200c\u200d" or "\U0001f3fb" <= character <= "\U0001f3ff":
        return True
    if unicodedata.category(character)[0] == "M" or "\U000e0020" <= character <= "\U000e007f":
        return True
    if _is_flag_half(character):
        return len(cluster) == 1 and _is_flag_half(cluster)
    if "\u1160" <= character <= "\u11ff":
        return _HANGUL.match(cluster[-1]) is not None
    return cluster[-1] == JOINER and is_pictograph(character) and is_pictograph(cluster[0])


def _is_flag_half(character: str) -> bool:
    return "\U0001f1e6" <= character <= "\U0001f1ff"


def is_pictograph(character: str) -> bool:
    return (
        unicodedata.category(character) == "So"
        or "\U0001f000" <= character <= "\U0001fbff"
        or (character in "‼⁉ℹ↔↕↖↗↘↙↩↪▪▫▶◀◻◼◽◾⤴⤵〰〽")
    )


def cut(text: str, max_units: int) -> str:
    """Return the whole graphemes of ``text`` that fit into ``max_units`` of UTF-16.

    Whoever counts code points, as Python does, or UTF-16, as JavaScript does, finds at most so many.
    """
    kept = ""
    left = max_units
    for cluster in graphemes(text):
        left -= len(cluster.encode("utf-16-le", "surrogatepass")) // 2
        if left < 0:
            break
        kept += cluster
    return kept
