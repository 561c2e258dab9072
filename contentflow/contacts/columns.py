"""Which column of a file is which: guessed from its header and its cells, and chosen anew by hand. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

# As spreadsheets and mail services of several languages call them, without accents, dashes and case.
EMAIL_HEADERS: Final = {
    "email", "mail", "courriel", "adresse email", "adresse mail", "adresse courriel", "adresse electronique",
    "email address", "mail address", "email 1 value", "e mail 1 value", "primary email", "correo",
    "correo electronico", "emailadresse", "mailadresse", "indirizzo email", "posta elettronica", "e mail",
    "adresse e mail", "e mail address", "e mailadresse", "e mail adresse", "email adresse", "adresse",
}  # fmt: skip
NAME_HEADERS: Final = (
    "nom complet", "full name", "display name", "nom et prenom", "prenom et nom", "prenom nom", "nom prenom",
    "name", "prenom", "first name", "firstname", "nombre", "vorname", "nome", "nom", "last name", "lastname",
)  # fmt: skip
TAGS_HEADERS: Final = (
    "tags", "tag", "etiquettes", "etiquette", "labels", "label", "groupes", "groupe", "group membership",
    "groups", "group", "categories", "categorie", "liste", "listes", "segment", "segments",
)  # fmt: skip
NO_COLUMN: Final = -1


class Columns(NamedTuple):
    """Columns count from 0, ``NO_COLUMN`` is none; ``has_header``: the first row names them."""

    email: int
    name: int = NO_COLUMN
    tags: int = NO_COLUMN
    has_header: bool = True

    @property
    def key(self) -> str:
        """Return what stands in the database: one text for one way to read a file."""
        return f"{self.email}:{self.name}:{self.tags}:{int(self.has_header)}"

    @classmethod
    def from_key(cls, key: str) -> Columns:
        email, name, tags, header = (int(part) for part in key.split(":"))
        return cls(email, name, tags, bool(header))


def guess(rows: Sequence[Sequence[str]]) -> Columns | None:
    """Guess from the first rows; None where no column holds an address."""
    width = max((len(row) for row in rows), default=0)
    counts = [sum(_looks_like_address(row, column) for row in rows) for column in range(width)]
    if not any(counts):
        return None
    named = [_plain(cell) for cell in rows[0]] + [""] * (width - len(rows[0]))
    likely = [column for column in range(width) if counts[column] and named[column] in EMAIL_HEADERS]
    email = likely[0] if likely else counts.index(max(counts))
    has_header = not _looks_like_address(rows[0], email)
    if not has_header:
        return Columns(email, has_header=False)
    return Columns(email, _first(NAME_HEADERS, named, email), _first(TAGS_HEADERS, named, email), True)


def chosen(given: Mapping[str, str], guessed: Columns, header: Sequence[str]) -> Columns:
    """Return the columns that a form names by their number from 1 or their header; else as guessed.

    ``given`` holds ``email``, ``name``, ``tags`` and ``header`` where they were sent; "" is no column.
    Raises ``ValueError`` for a column that is not there.
    """
    numbers = {
        role: _column(given[role], header) if role in given else getattr(guessed, role)
        for role in ("email", "name", "tags")
    }
    has_header = guessed.has_header
    if "header" in given:
        has_header = given["header"].strip().lower() not in ("", "0", "no", "non", "false", "off")
    return Columns(numbers["email"], numbers["name"], numbers["tags"], has_header)


def cell(row: Sequence[str], column: int) -> str:
    return row[column] if 0 <= column < len(row) else ""


def _column(given: str, header: Sequence[str]) -> int:
    wanted = given.strip()
    if not wanted:
        return NO_COLUMN
    if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:4]) <= len(header):
        return int(wanted) - 1
    named = [_plain(cell) for cell in header]
    return named.index(_plain(wanted))


def _first(wanted: Sequence[str], named: Sequence[str], but: int) -> int:
    found = (named.index(name) for name in wanted if name in named and named.index(name) != but)
    return next(found, NO_COLUMN)


def _looks_like_address(row: Sequence[str], column: int) -> bool:
    return re.search(r"[^\s@]@[^\s@]+\.[^\s@]", cell(row, column)) is not None


def _plain(text: str) -> str:
    """Return a header without accents, case and signs: “Adresse e-mail *” is “adresse e mail”."""
    letters = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return " ".join(re.findall(r"[a-z0-9]+", letters))
