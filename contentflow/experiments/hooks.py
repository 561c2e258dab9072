"""A second hook made from the partner's own words: nothing is said that the partner did not write.

A hook is a whole sentence of the description, or the title turned round its colon. What was cut is never
half a word or half a number; what holds a link, or is longer than a title may be, is no hook.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from contentflow.byop.models import LENGTHS
from contentflow.byop.words import AD_MARK, DEFAULT_TITLE, clean_line

MAX_HOOK = LENGTHS["title"]
MAX_PROPOSALS = 3
MIN_WORDS = 3  # “Top !” is no hook.
FRAME = "Ce que je retiens : {}"  # Our words: its kind says so, wherever it stands.

# A sentence ends at a mark that a blank or the line's end follows; “1,5 h”, “v2.0” and “12.50 €” hold none.
_END = re.compile(r"(?<=[.!?…])[»”\"')\]]*\s+(?=\S)")
_ENDS_SHORT = re.compile(
    r"(?:^|[\s('’«])(?:M|Mr|MM|Mme|Mlle|Dr|Pr|Me|St|Ste|cf|p|ex|env|max|min|n|no|vol|éd|art|tél|janv|févr|avr|juil|sept|oct|nov|déc|[A-ZÀ-Ý])\.$",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^(?:[-–—*>](?!\d)|[•·▪◦►▶→✓✔✅☑👉📌🔹🔸️]+|\(?\d{1,2}[.)°](?=\s)|[a-z]\))\s*")
_LINK = re.compile(
    r"https?:|www\.|\b[\w-]+\.(?:fr|com|org|net|io|app|be|ch|eu|co|dev|ai|me|tv|ly)\b", re.IGNORECASE
)
_TAGS_AT_END = re.compile(r"(?:\s*[#@][\w·-]+)+\s*$")
_NUMBER = re.compile(r"\d")
_COLON = re.compile(r"\s*(?<!\d):(?!//)\s+|\s+:(?=\D)\s*")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Hook:
    """A proposal; ``kind`` is ``question number first turned`` or, with words of ours, ``frame``."""

    kind: str
    text: str


def propose(title: str, description: str) -> list[Hook]:
    """Return up to three hooks of at most 120 characters, none of which is the title; maybe none."""
    found: list[Hook] = []
    taken = {_key(title)}
    for hook in _candidates(clean_line(title), list(sentences(description))):
        words = _key(hook.text.removeprefix(FRAME.format("")))
        is_last = len(found) == MAX_PROPOSALS or (found and found[-1].kind == "frame")
        if words not in taken and not is_last:
            taken.add(words)
            found.append(hook)
    return found


def _candidates(title: str, said: list[str]) -> Iterator[Hook]:
    yield from [Hook("question", line) for line in said if line.rstrip(" »”\"')").endswith("?")][:1]
    yield from [Hook("number", line) for line in said if _NUMBER.search(line)][:1]
    yield from [Hook("first", line) for line in said[:1]]
    yield from [Hook("turned", turned) for turned in [_turned(title)] if turned]
    for line in reversed(said):
        framed = FRAME.format(line)
        if len(framed) <= MAX_HOOK and not line.endswith("?"):
            yield Hook("frame", framed)


def sentences(description: str) -> Iterator[str]:
    """Yield the description's sentences that may be a hook, one line each, without bullet and hashtags."""
    for line in description.split("\n"):
        for sentence in _parted(clean_line(line)):
            told = _TAGS_AT_END.sub("", _BULLET.sub("", sentence)).strip()
            is_whole = not told.endswith((":", ",", ";", "(", "-")) and not _LINK.search(told)
            if (
                is_whole
                and len(told) <= MAX_HOOK
                and len(_WORD.findall(told)) >= MIN_WORDS
                and _are_paired(told)
                and AD_MARK not in told.casefold().split()
            ):
                yield told


def _parted(line: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(line):
        told = line[start : end.start()]
        if _are_paired(line[start : end.end()]) and not _ENDS_SHORT.search(told):
            yield line[start : end.end()].strip()
            start = end.end()
    yield line[start:].strip()


def _are_paired(text: str) -> bool:
    """Half a quotation or bracket is no sentence."""
    pairs = all(text.count(left) == text.count(right) for left, right in ("«»", "“”", "()", "[]"))
    return pairs and text.count('"') % 2 == 0


def _turned(title: str) -> str | None:
    """Return “mon outil : Notion” of “Notion : mon outil”, its first letter as a sentence has it."""
    parts = _COLON.split(title)
    if len(parts) != 2 or not all(_WORD.search(part) for part in parts) or title == DEFAULT_TITLE:
        return None
    first, last = (part.strip() for part in parts)
    if not last[0].isalpha() or last[-1] in "!?…." or not _are_paired(first) or not _are_paired(last):
        return None
    turned = f"{last[0].upper()}{last[1:]} : {first}"
    return turned if len(turned) <= MAX_HOOK and not _LINK.search(turned) else None


def _key(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))
