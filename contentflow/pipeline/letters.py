"""How wide a word is drawn, by the font's own tables, and where one that is too wide may be broken.

https://learn.microsoft.com/typography/opentype/spec/ (``cmap`` format 4, ``hmtx``, ``OS/2``).
"""

from __future__ import annotations

import functools
import struct
import unicodedata
from itertools import pairwise
from pathlib import Path

# What the font does not have comes from another one: at most as wide as high.
UNKNOWN = 1.0
_BREAK_AFTER = set("/\\-–_.@&?=#:,;+|…")
_CLINGS = {"\u200d", "\u20e3"}


@functools.cache
def _widths(font: Path) -> dict[str, float]:
    """Return the width of each letter as a share of the size by which subtitles call the font."""
    content = font.read_bytes()
    count = struct.unpack(">H", content[4:6])[0]
    records = (struct.unpack(">4s4xII", content[12 + 16 * i : 28 + 16 * i]) for i in range(count))
    at = {name: offset for name, offset, _ in records}
    # libass, as Windows, takes the size for all of the line's height.
    ascent, descent = struct.unpack(">HH", content[at[b"OS/2"] + 74 : at[b"OS/2"] + 78])
    measured = struct.unpack(">H", content[at[b"hhea"] + 34 : at[b"hhea"] + 36])[0]
    advances = struct.unpack_from(">" + "Hh" * measured, content, at[b"hmtx"])[::2]
    return {
        letter: advances[min(glyph, measured - 1)] / (ascent + descent)
        for letter, glyph in _glyphs(content, at[b"cmap"]).items()
    }


def _glyphs(content: bytes, cmap: int) -> dict[str, int]:
    count = struct.unpack_from(">H", content, cmap + 2)[0]
    tables = [cmap + struct.unpack_from(">4xI", content, cmap + 4 + 8 * i)[0] for i in range(count)]
    at = next(table for table in tables if struct.unpack_from(">H", content, table)[0] == 4)
    size = struct.unpack_from(">H", content, at + 6)[0]
    half = size // 2
    ends, starts, deltas, offsets = (
        struct.unpack_from(f">{half}H", content, at + 14 + part * size + (2 if part else 0))
        for part in range(4)
    )
    found: dict[str, int] = {}
    for i, (start, end) in enumerate(zip(starts, ends, strict=True)):
        for code in range(start, min(end, 0xFFFE) + 1):
            glyph = code
            if offsets[i]:
                place = at + 16 + 3 * size + 2 * i + offsets[i] + 2 * (code - start)
                glyph = struct.unpack_from(">H", content, place)[0]
            if glyph:
                found[chr(code)] = (glyph + deltas[i]) % 0x10000
    return found


def width_of(text: str, font: Path) -> float:
    """Return how wide a text is, as a share of the font's size."""
    widths = _widths(font)
    return sum(widths.get(letter, UNKNOWN) for letter in text if not _is_flat(letter))


def _is_flat(letter: str) -> bool:
    return unicodedata.category(letter) in ("Mn", "Me", "Cf")


def pieces(word: str, font: Path, max_width: float) -> list[str]:
    """Return a word in pieces of ``max_width`` at most: after a sign if there is one, not inside an emoji."""
    if width_of(word, font) <= max_width:
        return [word]
    made: list[str] = []
    line = ""
    # Split after signs, and before a capital in the middle.
    parts = [""]
    for letter, following in pairwise([*word, " "]):
        parts[-1] += letter
        is_hump = letter.islower() and following.isupper()
        if (letter in _BREAK_AFTER and following not in _BREAK_AFTER) or is_hump:
            parts.append("")
    for part in [part for part in parts if part]:
        if line and width_of(line + part, font) > max_width:
            made.append(line)
            line = ""
        line += part
        while width_of(line, font) > max_width:
            # As much of the beginning as fits, at least one letter with all that belongs to it.
            end = 1
            while end < len(line) and (_clings(line, end) or width_of(line[: end + 1], font) <= max_width):
                end += 1
            while end > 1 and end < len(line) and _clings(line, end):
                end -= 1
            first = line[: max(1, end)]
            made.append(first)
            line = line[len(first) :]
    return [*made, line] if line else made


def _clings(text: str, at: int) -> bool:
    """Whether the letter at ``at`` is one with the one before it."""
    letter = text[at]
    is_tone = "\U0001f3fb" <= letter <= "\U0001f3ff"
    return letter in _CLINGS or text[at - 1] == "\u200d" or _is_flat(letter) or is_tone
