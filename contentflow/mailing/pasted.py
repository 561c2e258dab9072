"""A pasted list of addresses, cut into entries: as Outlook, Gmail, Apple Mail and tables write them.

Semicolons and line ends stand between people. A comma does too, unless it stands inside a name
(``Dupont, Jean <jean@example.org>``). Words without an ``@`` beside an address are its name; alone they
are one entry, so that whoever lacks an address is told of. Each pattern reads once from left to right.
"""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import unquote

from contentflow import invisibles

MAX_COMMAS = 3  # in one name
MAX_ROW_LENGTH = 10_000  # letters: far below what csv refuses
SEMICOLONS = (";", "；")

# (line, what was typed, what may be an address)
PastedEntry = tuple[int, str, str]

# A comma or semicolon inside a quoted name, before its <address>, does not end the piece.
_PIECE = re.compile(r'((?:"[^"]*"(?=[ \t]*<)|[^,;，；、"]+|")+)([,;，；、]?)')
# <address>, Outlook's [mailto:address] and Markdown's (mailto:address).
_IN_BRACKETS = re.compile(r"<([^<>]*)>|\[(mailto:[^\[\]]*)\]|\((mailto:[^()]*)\)", re.IGNORECASE)
_LABEL = re.compile(r"(?:mailto|smtp|e-?mail|mail|courriel|to|cc|cci|bcc|from|de|à)\s*[:=]\s*", re.IGNORECASE)
_WORD = re.compile(r"\S+")
_RUN = re.compile(r"[^\s,;<>]+")
_AROUND = "<>()[]{}\"'“”„«»‹›‘’‚`•·–—*"
_AFTER = ".:!?…"
# Brackets and quotes out of a page's source, and what Chinese and Japanese keyboards write.
_ESCAPED = re.compile(r"&(?:lt|gt|quot|#39|#34|nbsp);")
_FULL_WIDTH = str.maketrans("＠．。＜＞", "@..<>")
# Emoji and signs around an address: no letter, no mark of one.
_SIGNS = re.compile(
    r"^[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]+|[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff]+$"
)
_LOOKS_LIKE_HOST = re.compile(r"\S\.[a-z]{2,}\W*", re.ASCII)


class Piece(NamedTuple):
    """``end`` is what ended it: a comma, a semicolon, or "" for the line's end."""

    line: int
    text: str
    end: str


def entries(text: str) -> Iterator[PastedEntry]:
    """Yield (line, what was typed, what may be an address); lines count from 1."""
    lines = list(enumerate(_visible(text).splitlines(), 1))
    pieces = [
        Piece(number, piece[1], piece[2])
        for number, line in lines
        for piece in _PIECE.finditer(line)
        if piece[1].strip(' \t"')
    ]
    for number, piece in _column(lines) or _without_names(pieces):
        for raw, candidate in _entries_of(piece):
            yield number, raw, candidate


def _column(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """Return the cells of a table's column of addresses; [] where the lines are no table.

    A table has two rows or more, equally many cells in each, and its addresses all in one column;
    its first row may name the columns.
    """
    filled = [(number, line) for number, line in lines if line.strip()]
    for separator in (";", ","):
        rows = _rows([line for _, line in filled], separator)
        if len(rows) < 2 or len(rows[0]) < 2 or any(len(row) != len(rows[0]) for row in rows):
            continue
        places = [tuple(place for place, cell in enumerate(row) if "@" in cell) for row in rows]
        if len(places[-1]) == 1 and set(places[1:]) == {places[-1]} and places[0] in ((), places[-1]):
            cells = [(number, row[places[-1][0]]) for (number, _), row in zip(filled, rows, strict=True)]
            return cells if places[0] else cells[1:]
    return []


def _rows(lines: list[str], separator: str) -> list[list[str]]:
    """Cut each line into cells; a quoted one, as in Google's and Outlook's tables, may hold separators."""
    if not all('"' in line and len(line) < MAX_ROW_LENGTH for line in lines):
        return [line.split(separator) for line in lines]
    return [next(csv.reader([line], delimiter=separator)) for line in lines]


def _visible(text: str) -> str:
    """Take the invisible characters out; where they alone stand between two addresses, put a blank.

    A table's ``|`` is a blank too: no mail service gives it to anybody.
    """
    text = _ESCAPED.sub(lambda entity: html.unescape(entity[0]), text.replace("|", " "))
    if text.isascii():
        return text
    text = text.translate(_FULL_WIDTH)
    text = re.sub(r"[\u00a0\u202f]{0,3}@[\u00a0\u202f]{0,3}", "@", text)
    return _RUN.sub(lambda run: invisibles.MARKS.sub(" " if run[0].count("@") > 1 else "", run[0]), text)


def _without_names(pieces: list[Piece]) -> Iterator[tuple[int, str]]:
    """Leave out the pieces that are only the beginning of a name whose address comes after them."""
    kept: list[tuple[int, str]] = []
    after, parts = Piece(0, "", ""), 0
    for piece in reversed(pieces):
        parts = parts + 1 if _begins_name(piece, after, parts) else 0
        if not parts:
            kept.append((piece.line, piece.text))
        after = piece
    return reversed(kept)


def _begins_name(piece: Piece, after: Piece, parts: int) -> bool:
    """Whether a name goes on in ``after``, of which ``parts`` pieces are known to be a name's beginning."""
    if "@" in piece.text or piece.end in SEMICOLONS or _LOOKS_LIKE_HOST.search(piece.text):
        return False
    if piece.end and parts:
        return parts < MAX_COMMAS  # “Berhane, Kidane T - Eagan, MN <…>”
    if "@" not in after.text:
        return False
    if piece.end:
        return "@" not in after.text.split(maxsplit=1)[0]
    return after.text.lstrip().startswith("<") or len(piece.text.split()) > 1


def _entries_of(piece: str) -> Iterator[tuple[str, str]]:
    end = 0
    for bracketed in _IN_BRACKETS.finditer(piece):
        address = _address_in(next(group for group in bracketed.groups() if group is not None))
        if len(address.split(maxsplit=1)) > 1:
            continue  # A list in brackets is read as words.
        before = piece[end : bracketed.start()]
        name_start = _end_of_addresses(before, but_not=address)
        yield from _words_of(before[:name_start], is_alone=False)
        yield (before[name_start:] + bracketed[0]).strip(), address
        end = bracketed.end()
    yield from _words_of(piece[end:], is_alone=end == 0)


def _end_of_addresses(before: str, but_not: str) -> int:
    """Return where a name begins, after the addresses in front of it.

    A quoted name may hold an address, and mail programs give the address itself as the name.
    """
    if '"' in before:
        return 0
    ends = [
        word.end()
        for word in _WORD.finditer(before)
        if "@" in word[0] and _address_in(word[0]).lower() != but_not.lower()
    ]
    return ends[-1] if ends else 0


def _words_of(piece: str, is_alone: bool) -> Iterator[tuple[str, str]]:
    """Yield the addresses among the words; without any, what stands alone is one entry."""
    words = [word for word in _WORD.findall(piece) if _address_in(word)]
    likely = [word for word in words if "@" in word or _LOOKS_LIKE_HOST.search(word)]
    if any("@" in word for word in words) or not is_alone:
        for word in likely:
            yield word, _address_in(word)
    elif words:
        yield piece.strip(), _address_in(piece.strip())


def _address_in(word: str) -> str:
    """Return the address of a word without what stands around it, its label and a mailto’s question."""
    bare = _SIGNS.sub("", word.strip()).strip(_AROUND).rstrip(_AFTER).strip(_AROUND)
    unlabelled = _LABEL.sub("", bare, count=1) if _LABEL.match(bare) else bare
    if bare[:7].lower() == "mailto:":
        unlabelled = unquote(unlabelled.partition("?")[0])
    return unlabelled.strip().strip(_AROUND)
