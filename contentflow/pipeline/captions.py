"""Captions: words with their times become two to four words at a time, as ASS, SRT and WebVTT."""

from __future__ import annotations

import html
import math
import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from itertools import pairwise
from typing import NamedTuple

from contentflow import invisibles

MAX_WORDS = 4
MAX_LETTERS = 26
MAX_PAUSE_SECONDS = 0.6
LINGER_SECONDS = 0.35
MIN_SECONDS = 0.08
MAX_LETTERS_OF_A_WORD = 60


_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")
# What turns the order of all that follows, and blanks without width. Joiners stay: they make one emoji of
# two; so do the marks that say which way a sign between two scripts belongs.
_TURNED = re.compile(r"[\u200b\u202a-\u202e\u2060\u2066-\u2069\ufeff]")


class Word(NamedTuple):
    start: float
    end: float
    text: str


class Cue(NamedTuple):
    """Words that are shown together."""

    words: tuple[Word, ...]
    end: float

    @property
    def start(self) -> float:
        return self.words[0].start

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def tidy(words: Sequence[Word], max_seconds: float) -> list[Word]:
    """Return the words in order, one after the other, all within the clip."""
    tidied: list[Word] = []
    for word in sorted(words, key=lambda word: word.start):
        text = " ".join(_TURNED.sub("", _CONTROLS.sub(" ", word.text)).split())
        if len(text) > MAX_LETTERS_OF_A_WORD:  # Hundreds of thousands of letters would be drawn in one line.
            text = text[: MAX_LETTERS_OF_A_WORD - 1] + "…"
        start = max(word.start, tidied[-1].end if tidied else 0.0)
        end = min(max(word.end, start + MIN_SECONDS), max_seconds)
        if invisibles.MARKS.sub("", text).strip() and end > start:
            tidied.append(Word(round(start, 3), round(end, 3), text))
    return tidied


def group(words: Sequence[Word]) -> list[Cue]:
    """Two to four words at a time; a pause or the end of a sentence begins anew."""
    groups: list[list[Word]] = []
    for word in words:
        open_one = groups[-1] if groups else []
        letters = sum(len(each.text) + 1 for each in open_one) + len(word.text)
        if (
            open_one
            and len(open_one) < MAX_WORDS
            and letters <= MAX_LETTERS
            and word.start - open_one[-1].end <= MAX_PAUSE_SECONDS
            and not open_one[-1].text.endswith((".", "!", "?", "…"))
        ):
            open_one.append(word)
        else:
            groups.append([word])
    # A word alone takes one from a group of four before it, where they are of one breath.
    for before, group in pairwise(groups):
        is_near = group[0].start - before[-1].end <= MAX_PAUSE_SECONDS
        if (
            len(group) == 1
            and len(before) == MAX_WORDS
            and is_near
            and not before[-1].text.endswith((".", "!", "?"))
        ):
            group.insert(0, before.pop())
    starts = [each[0].start for each in groups[1:]]
    return [
        Cue(tuple(each), round(min(each[-1].end + LINGER_SECONDS, following), 3))
        for each, following in zip(groups, [*starts, math.inf], strict=False)
    ]


def retime(words: Sequence[Word], corrected: str, max_seconds: float) -> list[Word]:
    """Give the corrected text the times of the words that were heard.

    Words that stayed keep their own times; others share the time of those they replace.
    """
    texts = corrected.split()[: int(max_seconds / MIN_SECONDS)]  # There is no time for more.
    heard = [word.text for word in words]
    retimed: list[Word] = []
    for _, a, b, c, d in SequenceMatcher(None, heard, texts, autojunk=False).get_opcodes():
        if c == d:
            continue
        if b - a == d - c:
            retimed += [
                Word(word.start, word.end, text) for word, text in zip(words[a:b], texts[c:d], strict=True)
            ]
        else:
            start, end = _span(words, a, b, max_seconds)
            step = (end - start) / (d - c)
            retimed += [
                Word(start + i * step, start + (i + 1) * step, text) for i, text in enumerate(texts[c:d])
            ]
    return tidy(retimed, max_seconds)


def _span(words: Sequence[Word], first: int, last: int, max_seconds: float) -> tuple[float, float]:
    """Return the time of ``words[first:last]``, or for none of the gap between their neighbours."""
    if last > first:
        return words[first].start, words[last - 1].end
    before = words[first - 1] if first else None
    start = max(before.start, before.end - 0.2) if before else 0.0
    end = words[first].start if first < len(words) else min(max_seconds, start + 2.0)
    return start, max(end, start + 0.3)


def srt(cues: Sequence[Cue]) -> str:
    return "\n".join(
        f"{number}\n{_clock(cue.start, ',')} --> {_clock(cue.end, ',')}\n{cue.text.replace('-->', '→')}\n"
        for number, cue in enumerate(cues, 1)
    )


def vtt(cues: Sequence[Cue]) -> str:
    lines = "\n".join(
        f"{_clock(cue.start, '.')} --> {_clock(cue.end, '.')}\n{html.escape(cue.text, quote=False)}\n"
        for cue in cues
    )
    return f"WEBVTT\n\n{lines}"


def _clock(seconds: float, mark: str) -> str:
    millis = round(seconds * 1000)
    hours, rest = divmod(millis, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"{hours:02}:{minutes:02}:{rest // 1000:02}{mark}{rest % 1000:03}"


def shifted(words: Sequence[Word], start: float, seconds: float) -> list[Word]:
    """Return the words within a part of the video, at their times in that part."""
    inside = [word for word in words if word.end > start and word.start < start + seconds]
    return tidy([Word(max(0.0, w.start - start), w.end - start, w.text) for w in inside], seconds)
