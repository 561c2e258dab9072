"""Marks that nobody sees and that come along when text is copied: the one rule about them.

A *value* (an address, a code, a URL, an id) holds none. *Words* lose them at their edges only: inside,
joiners make one emoji of several, and Persian or Malayalam are spelt with them.
"""

from __future__ import annotations

import re

# Soft hyphen, zero widths, directions, joiners, invisible operators, fillers, variation selectors, tags.
_MARK = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
)
# Blanks that look like one but that no keyboard makes.
_ODD_BLANK = r"\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000"
MARKS = re.compile(f"[{_MARK}]+")
JOINERS = "\u200c\u200d"
ODD_BLANKS = re.compile(f"[{_ODD_BLANK}]+")
# Two joiners that a name or path of another script may need: kept between letters beyond ASCII.
_JOINED = re.compile(r"(?<=[^\x00-\x7f])([\u200c\u200d])(?=[^\x00-\x7f])")
# At the edge of words: all but what ends an emoji (variation selectors, tags of flags).
_EDGE = r"\s\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\ufeff\ufff9-\ufffb"
_START, _END = re.compile(f"^[{_EDGE}]+"), re.compile(f"[{_EDGE}]")


def strip_value(text: str) -> str:
    """Return a single value as it was meant: no mark, no odd blank, no blank around it."""
    if text.isascii():
        return text.strip()
    kept = _JOINED.split(text)
    kept[::2] = [ODD_BLANKS.sub("", MARKS.sub("", part)) for part in kept[::2]]
    return "".join(kept).strip()


def trim(text: str) -> str:
    """Return words without blanks and marks around them; what stands between stays."""
    start = _START.match(text)
    text = text[start.end() :] if start else text
    end = len(text)
    while end and _END.match(text, end - 1):
        end -= 1
    return text[:end]
