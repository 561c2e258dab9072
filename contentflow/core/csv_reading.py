"""Tables out of spreadsheets and networks, read as they were meant, or refused with a reason.

What is taken: UTF-8 with or without a byte-order mark, else cp1252; the separators ``, ; tab |``; any line
end, also none after the last line; Excel's first line ``sep=;``; quotes, separators and line ends in quotes
(RFC 4180). A file is never held in memory: it is read once to judge its bytes, and again for its rows.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from typing import BinaryIO, Final, Literal, NamedTuple

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused

SEPARATORS: Final = (",", ";", "\t", "|")
MAX_CELL_LENGTH: Final = 10_000  # letters: a quote that nobody closes ends there
MAX_COLUMNS: Final = 100
MAX_ROW_LINES: Final = 30  # of quoted line ends in one row
_CHUNK_BYTES = 1 << 16
_SAMPLE_LINES = 50
_SAMPLE_LETTERS = 1 << 16
# https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT, 4.3.7: .xlsx, .ods and .zip begin so;
# .xls is a compound file (MS-CFB 2.2).
_ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
_EXCEL_SEPARATOR = re.compile(r'"?sep=([,;\t|])"?\r?\n?')

Encoding = Literal["utf-8", "cp1252", "utf-16"]


class UnreadableTable(Refused):
    """``first_lines`` are the file's first three as they were read; of an archive there are none."""

    message = _l("Ce fichier ne se lit pas comme un tableau CSV.")

    def __init__(self, first_lines: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.first_lines = first_lines


class NotATextFile(UnreadableTable):
    status = 415
    message = _l("C’est un classeur ou une archive. Enregistre la feuille au format CSV, puis renvoie-la.")


class Utf16Table(UnreadableTable):
    message = _l("Ce fichier est en UTF-16. Enregistre-le au format « CSV UTF-8 », puis renvoie-le.")


class TableHoldsNul(UnreadableTable):
    message = _l("Ce fichier contient des octets nuls : ce n’est pas du texte. Exporte-le encore une fois.")


class EmptyTable(UnreadableTable):
    message = _l("Ce fichier est vide.")


class TooManyColumns(UnreadableTable):
    message = _l("Ce tableau a plus de 100 colonnes. Garde celles qui servent, puis renvoie-le.")


class Row(NamedTuple):
    """``line`` is the file's physical line where the row begins, from 1; ``cells`` are trimmed.

    A broken row has no cells: one was over ``MAX_CELL_LENGTH``, or a quote that nobody closes began there.
    """

    line: int
    cells: tuple[str, ...]
    is_broken: bool = False

    @property
    def is_blank(self) -> bool:
        return not self.is_broken and not any(self.cells)


class CsvTable:
    """A table in ``file``, which is seekable and stays open; each ``rows()`` begins again at its start."""

    def __init__(self, file: BinaryIO) -> None:
        """Judge the bytes; raise the kind of ``UnreadableTable`` that names what is wrong with them."""
        self._file = file
        self.encoding: Encoding = "utf-8"
        self._judge()
        lines = self._sample()
        named = _EXCEL_SEPARATOR.fullmatch(lines[0]) if lines else None
        self._first_line = 2 if named else 1
        if not "".join(lines[self._first_line - 1 :]).strip():
            raise EmptyTable(self.first_lines())
        self.separator = named[1] if named else _likely_separator(lines)
        if any(len(row.cells) > MAX_COLUMNS for row in islice(self.rows(), _SAMPLE_LINES)):
            raise TooManyColumns(self.first_lines())

    def rows(self) -> Iterator[Row]:
        """Yield each row, blank ones too; the header, where there is one, is the first that is not blank."""
        with self._text() as text:
            waiting = deque[str]()
            taken: list[str] = []

            def physical() -> Iterator[str]:
                while len(taken) < MAX_ROW_LINES:
                    line = waiting.popleft() if waiting else text.readline()
                    if not line:
                        return
                    taken.append(line)
                    yield line

            for _ in range(1, self._first_line):
                text.readline()
            number = self._first_line
            while True:
                taken.clear()
                row = self._row(number, physical(), taken)
                if not taken:
                    return
                if row.is_broken and len(taken) > 1:  # Who forgot a quote loses one line, not the rest.
                    waiting.extendleft(reversed(taken[1:]))
                    del taken[1:]
                number += len(taken)
                yield row

    def first_lines(self, count: int = 3) -> tuple[str, ...]:
        """Return the first physical lines as they were decoded, each cut at 200 letters."""
        lines = [line.rstrip("\r\n")[:200] for line in self._sample()[:count]]
        return tuple(line.replace("\0", "\N{SYMBOL FOR NULL}") for line in lines)

    def _row(self, number: int, lines: Iterator[str], taken: list[str]) -> Row:
        try:
            cells = tuple(cell.strip() for cell in next(csv.reader(lines, delimiter=self.separator), ()))
            if len(taken) > 1:  # Is the quote closed? Only the strict reader says so.
                next(csv.reader(taken, delimiter=self.separator, strict=True))
        except csv.Error as error:
            if "expected after" not in str(error):
                return Row(number, (), is_broken=True)
        if any(len(cell) > MAX_CELL_LENGTH for cell in cells):
            return Row(number, (), is_broken=True)
        return Row(number, cells)

    def _judge(self) -> None:
        self._file.seek(0)
        head = self._file.read(8)
        if head.startswith(_ARCHIVES):
            raise NotATextFile
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            self.encoding = "utf-16"
            raise Utf16Table(self.first_lines())
        self._file.seek(0)
        decoder, holds_nul = codecs.getincrementaldecoder("utf-8")(), False
        while chunk := self._file.read(_CHUNK_BYTES):
            holds_nul = holds_nul or b"\0" in chunk
            if self.encoding == "utf-8":
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError:
                    self.encoding = "cp1252"
        try:
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self.encoding = "cp1252"
        if holds_nul:
            raise TableHoldsNul(self.first_lines())

    def _sample(self) -> list[str]:
        with self._text() as text:
            return list(islice(iter(lambda: text.readline(_SAMPLE_LETTERS), ""), _SAMPLE_LINES))

    @contextmanager
    def _text(self) -> Iterator[io.TextIOWrapper]:
        """Give the decoded file from its start, after its byte-order marks."""
        start = 0
        self._file.seek(start)
        while self._file.read(len(codecs.BOM_UTF8)) == codecs.BOM_UTF8:  # Some programs write it twice.
            start = self._file.tell()
        self._file.seek(start)
        text = io.TextIOWrapper(self._file, encoding=self.encoding, errors="replace", newline="")
        try:
            yield text
        finally:
            text.detach()


def _likely_separator(lines: list[str]) -> str:
    """Return the separator by which the most rows have as many cells as one another, and the most of them.

    It is not the first row that tells: a title or a period may stand above the header.
    """

    def fit(separator: str) -> tuple[bool, float, int]:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=separator) if any(row)] or [0]
        except csv.Error:
            return False, 0.0, 0
        usual, rows = Counter(counts).most_common(1)[0]
        return usual > 1, rows / len(counts), usual

    return max(SEPARATORS, key=fit)
