"""Lists a page at a time, by cursors: as quick with thousands of rows as with three.

A cursor is the id of a row: a page goes on from it, whatever was added or taken away meanwhile. Nothing is
counted, so that no page costs more the longer the list is.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import InstrumentedAttribute

from contentflow.core.db import Base, db
from contentflow.core.ids import is_id

Row = TypeVar("Row", bound=Base)


@dataclass(frozen=True)
class Page(Generic[Row]):
    """Rows, the newest first; the neighbouring pages go on from ``newer`` and ``older``, "" at an end."""

    rows: list[Row]
    newer: str = ""
    older: str = ""


class Listing(Generic[Row]):
    """The rows of ``model`` that are ``which``, the newest first, by their time and then their id."""

    def __init__(
        self,
        model: type[Row],
        time: InstrumentedAttribute[datetime],
        key: InstrumentedAttribute[str],
        *which: ColumnElement[bool],
    ) -> None:
        self._rows: Select[Row] = select(model).where(*which)
        self._time, self._key = time, key

    def page(self, size: int, before: str = "", after: str = "") -> Page[Row]:
        """Return the ``size`` rows that are older than the row ``before``, or newer than the row ``after``.

        Without either, or with what is no row of this list, it is the first page.
        """
        if (cursor := self._find(before)) and (rows := self.newest(size + 1, self.is_older(cursor))):
            return self._page(rows, size)
        if cursor := self._find(after):
            nearest = self._rows.where(self.is_newer(cursor)).order_by(self._time, self._key)
            rows = list(db.session.scalars(nearest.limit(size)))[::-1]
            if len(rows) == size:
                return self._page([*rows, cursor], size)
        return self._page(self.newest(size + 1), size)

    def newest(self, limit: int, *which: ColumnElement[bool]) -> list[Row]:
        rows = self._rows.where(*which).order_by(self._time.desc(), self._key.desc())
        return list(db.session.scalars(rows.limit(limit)))

    def is_older(self, than: Row) -> ColumnElement[bool]:
        time, key = self._place_of(than)
        # Both halves: an index is used for the first, the second decides between rows of one moment.
        return (self._time <= time) & ((self._time < time) | ((self._time == time) & (self._key < key)))

    def is_newer(self, than: Row) -> ColumnElement[bool]:
        time, key = self._place_of(than)
        return (self._time >= time) & ((self._time > time) | ((self._time == time) & (self._key > key)))

    def _page(self, rows: list[Row], size: int) -> Page[Row]:
        """``rows`` may hold one more than the page: then there are older ones."""
        shown = rows[:size]
        if not shown:
            return Page([])
        is_first = db.session.scalar(self._rows.where(self.is_newer(shown[0])).limit(1)) is None
        newer = "" if is_first else self._place_of(shown[0])[1]
        return Page(shown, newer, self._place_of(shown[-1])[1] if len(rows) > size else "")

    def _find(self, cursor: str) -> Row | None:
        return db.session.scalar(self._rows.where(self._key == cursor)) if is_id(cursor) else None

    def _place_of(self, row: Row) -> tuple[datetime, str]:
        return getattr(row, self._time.key), getattr(row, self._key.key)
