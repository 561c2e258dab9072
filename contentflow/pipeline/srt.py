"""An uploaded file of subtitles, as programs really write them: read by its time lines, not by blank lines.

There is no standard of SubRip; https://wiki.videolan.org/SubRip/ is what players agree on. WebVTT
(https://www.w3.org/TR/webvtt1/) is close enough to be read as well.
"""

from __future__ import annotations

import codecs
import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from contentflow import invisibles
from contentflow.pipeline.captions import Word
from contentflow.pipeline.reasons import Failure, UnprocessableMedia

MAX_SRT_BYTES = 512 * 1024
MAX_CUES = 2_000
MAX_SRT_WORDS = 20_000
# A caption that another one overtakes has been read by then; before that the two share their time.
MIN_TURN_SECONDS = 0.6
UNTOLD_SECONDS = 2.0


@dataclass(frozen=True)
class Caption:
    start: float
    end: float
    text: str


# Bounded everywhere: half a megabyte of digits must not be read from each digit on anew.
_TIME = r"(?:(\d{1,3})[:.] ?)?(\d{1,2}): ?(\d{1,2})(?: ?[,.:;'’] ?(\d{1,3})\d{0,15}(?:\.\d{1,15})?)?"
_ARROW = r"[ \t]{0,9}(?:(?:[-–—]|&#45;){1,3} ?(?:>|&gt;)|[→⇒])[ \t]{0,9}"
_TIMES = re.compile(rf"[ \t]{{0,9}}(?:\d{{1,5}}[ \t]{{1,9}})?-?{_TIME}{_ARROW}-?{_TIME}(?![\d:])")
_NUMBER = re.compile(r"\s{0,9}\d{1,6}\s{0,9}")
_LINE_ENDS = re.compile(r"\r+\n|\r|\n|\x0b|\x0c|\u2028|\u2029")
# Tags that captions have, and nothing else: a sign that means “less” is one.
_TAGS = re.compile(
    r"</?(?:[bius]|em|strong|ruby|rt)\s{0,3}/?>|<br\s{0,3}/?>|</?(?:font|span|p|div)(?:\s[^<>]{0,200})?>"
    r"|<(?:[cv]|lang)(?:[. ][^<>]{0,100})?>|</(?:[cv]|lang)>|<\d\d:[\d:.]{4,12}>|\{\\[^{}]{0,100}\}",
    re.I,
)
_ENTITIES = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,30});", re.I)


def read_srt(content: bytes) -> list[Word]:
    """Return the words of an uploaded file, each with its share of its caption's time.

    Raises ``UnprocessableMedia`` for what is none.
    """
    captions = _in_turn(list(_captions(_decoded(content))))
    if not captions or len(captions) > MAX_CUES:
        raise UnprocessableMedia(Failure.SUBTITLES)
    words: list[Word] = []
    for caption in captions:  # Share its time by length: a long word is spoken for longer.
        texts, at = caption.text.split(), caption.start
        total = sum(len(text) + 1 for text in texts)
        for text in texts:
            until = at + (caption.end - caption.start) * (len(text) + 1) / total
            words.append(Word(at, until, text))
            at = until
    if len(words) > MAX_SRT_WORDS:
        raise UnprocessableMedia(Failure.SUBTITLES)
    return words


_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def _decoded(content: bytes) -> str:
    if len(content) > MAX_SRT_BYTES:
        raise UnprocessableMedia(Failure.SUBTITLES)
    # What Windows calls Unicode is UTF-16; without its mark it shows by a zero in every other byte.
    marked = [encoding for mark, encoding in _BOMS if content.startswith(mark)][:1]
    even, odd = content[:400:2].count(0), content[1:400:2].count(0)
    wide = ["utf-16-le" if odd > even else "utf-16-be"] if max(even, odd) > 20 else []
    for encoding in marked or wide or ["utf-8", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text.replace("\ufeff", "")
    raise UnprocessableMedia(Failure.SUBTITLES)


def _captions(text: str) -> Iterator[Caption]:
    lines = _LINE_ENDS.split(text)
    found = [(at, times) for at, line in enumerate(lines) if (times := _TIMES.match(_bare(line)))]
    has_numbers = bool(found) and _number_before(lines, found[0][0], 0) is not None
    is_vtt = text.lstrip().startswith("WEBVTT")
    for place, (at, times) in enumerate(found):
        following = found[place + 1][0] if place + 1 < len(found) else len(lines)
        number = _number_before(lines, following, at + 1) if has_numbers and following < len(lines) else None
        said = lines[at + 1 : following if number is None else number]
        if is_vtt and "" in said:  # What comes then is a note or a style.
            said = said[: said.index("")]
        start, end = _seconds(times.groups()[:4]), _seconds(times.groups()[4:])
        # Without tags; what some programs escape twice is what it was meant to be.
        words = _TAGS.sub(lambda tag: " " if tag[0].lower().startswith("<br") else "", " ".join(said))
        for _ in range(2):
            words = _ENTITIES.sub(lambda entity: html.unescape(entity[0]), words)
        if words := " ".join(words.split()):
            yield Caption(start, end if end > start else start + UNTOLD_SECONDS, words)


def _bare(line: str) -> str:
    """Return a line as a program reads it: no mark that nobody sees, no blank that no keyboard makes."""
    return line if line.isascii() else invisibles.ODD_BLANKS.sub(" ", invisibles.MARKS.sub("", line))


def _number_before(lines: Sequence[str], at: int, first: int) -> int | None:
    """Return the line of the number that belongs to the time line ``at``, if there is one."""
    before = at - 1
    while before > first and not lines[before].strip():
        before -= 1
    return before if before >= first and _NUMBER.fullmatch(_bare(lines[before])) else None


def _seconds(parts: Sequence[str | None]) -> float:
    hours, minutes, seconds, rest = (part or "0" for part in parts)
    return int(hours) * 3600 + int(minutes) * 60 + int(seconds) + int(rest.ljust(3, "0")) / 1000


def _in_turn(captions: Sequence[Caption]) -> list[Caption]:
    """Return captions one after the other, where two at a time were meant to stand above each other."""
    turns: list[Caption] = []
    for caption in sorted(captions, key=lambda each: each.start):
        last = turns[-1] if turns else None
        if last is None or caption.start >= last.end:
            turns.append(caption)
        elif caption.text == last.text:
            turns[-1] = replace(last, end=max(last.end, caption.end))
        elif caption.start - last.start >= MIN_TURN_SECONDS:
            turns[-1:] = [replace(last, end=caption.start), caption]
        else:
            end = max(last.end, caption.end)
            share = len(last.text) / (len(last.text) + len(caption.text))
            middle = last.start + (end - last.start) * share
            turns[-1:] = [replace(last, end=middle), Caption(middle, end, caption.text)]
    return turns
