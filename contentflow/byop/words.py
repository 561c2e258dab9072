"""A partner's words, cleaned, and the share text they become.

Words are never a format string: braces, percent signs and emoji stand as they were typed.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from contentflow import invisibles
from contentflow.byop.lengths import Count
from contentflow.core.graphemes import graphemes

DEFAULT_TITLE = "Découverte utile"
DEFAULT_CTA = "Découvre ici →"
AD_MARK = "#ad"
_ELLIPSIS = "…"

_LINE_BREAK = re.compile(r"\r\n|[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANKS = re.compile(r"[ \t\x1f]+")
# Controls, lone surrogates, and what turns the reading direction of all that follows.
_CUT = re.compile(r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
# Between two letters these are spelling: “étudiant·e·s”, “col·lecció”, Persian, Malayalam.
_SPELLING = "\u00b7\u200c\u200d"
_BETWEEN_HASHTAGS = re.compile(r"[\s,;#＃，、；]+")


@dataclass(frozen=True, slots=True)
class Words:
    title: str = ""
    description: str = ""
    hashtags: str = ""
    cta: str = ""


def clean_line(text: str) -> str:
    """Return the text as one line: control characters cut, blanks single; "" where nothing shows."""
    line = invisibles.trim(_BLANKS.sub(" ", _CUT.sub("", _LINE_BREAK.sub(" ", text))))
    return line if any(map(_shows, line)) else ""


def clean_text(text: str) -> str:
    """Return the text with line breaks as ``\\n`` and the other control characters cut."""
    lines = (_CUT.sub("", line.replace("\t", " ").replace("\x1f", " ")) for line in _LINE_BREAK.split(text))
    cleaned = invisibles.trim("\n".join(line.rstrip() for line in lines))
    return cleaned if any(map(_shows, cleaned)) else ""


def _shows(character: str) -> bool:
    return not character.isspace() and unicodedata.category(character) not in ("Cf", "Cc", "Mn", "Cn")


def normalise_hashtags(text: str) -> str:
    """Return ``#one #two`` of what was typed; a repeated one, in whatever case, stands once.

    It may be longer than the text: a ``#`` is added to each word.
    """
    kept: dict[str, str] = {}
    for word in _BETWEEN_HASHTAGS.split(unicodedata.normalize("NFC", text)):
        tag = unicodedata.normalize("NFC", "".join(_hashtag_characters(word))).strip(_SPELLING)
        if any(map(str.isalnum, tag)):
            kept.setdefault(tag.casefold(), f"#{tag}")
    return " ".join(kept.values())


def _hashtag_characters(word: str) -> Iterator[str]:
    is_after_kept = is_after_letter = False
    for character in invisibles.MARKS.sub(
        lambda marks: "".join(mark for mark in marks[0] if mark in _SPELLING), word
    ):
        is_letter = character.isalnum() or character == "_"
        is_mark = unicodedata.category(character) in ("Mn", "Mc")
        is_spelling = character in _SPELLING and is_after_letter
        is_after_letter = is_letter or (is_mark and is_after_kept)
        is_after_kept = is_after_letter or is_spelling
        if is_after_kept:
            yield character


def with_defaults(words: Words, default_hashtags: str) -> Words:
    """Return the words cleaned, with the defaults where nothing was typed."""
    return Words(
        title=clean_line(words.title) or DEFAULT_TITLE,
        description=clean_text(words.description),
        hashtags=normalise_hashtags(words.hashtags) or normalise_hashtags(default_hashtags),
        cta=clean_line(words.cta) or DEFAULT_CTA,
    )


def share_text(
    words: Words,
    url: str,
    disclosure: str,
    limit: int | None = None,
    count: Count = len,
    *,
    default_hashtags: str,
    is_link_apart: bool = False,
) -> str:
    """Return ``{disclosure}\\n{title}\\n\\n{cta} {url} {hashtags} #ad``, shortened to ``limit``.

    Too long, it loses hashtags from the end, then the cta, then the title's end; never the
    disclosure, the link or #ad, even if these alone are over the limit. With ``is_link_apart``
    the network adds the link itself after the text: it is counted, but not written.
    """
    written_url, added = ("", f" {url}") if is_link_apart else (url, "")
    text = ""
    for title, cta, tags in _drafts(with_defaults(words, default_hashtags), limit):
        last_line = " ".join(filter(None, (cta, written_url, *tags, AD_MARK)))
        text = f"{disclosure}\n{title}\n\n{last_line}"
        if limit is None or count(text + added) <= limit:
            break
    return text


def _drafts(words: Words, limit: int | None) -> Iterator[tuple[str, str, list[str]]]:
    """Yield title, cta and hashtags, each time a little shorter."""
    tags = [tag for tag in words.hashtags.split() if tag.casefold() != AD_MARK]
    for kept in range(len(tags), -1, -1):
        yield words.title, words.cta, tags[:kept]
    yield words.title, "", []
    # A grapheme counts at least one in every network: what is beyond the limit can never fit.
    letters = list(graphemes(words.title))[:limit]
    for kept in range(len(letters) - 1, -1, -1):
        yield "".join(letters[:kept]).rstrip() + _ELLIPSIS, "", []
