"""A statement beside our own books: what each says of a transaction, and what lies between. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Key = tuple[str, str]  # transaction, type


@dataclass(frozen=True)
class Side:
    """What one side says: minor units of a currency, and a state; None where it says nothing of either."""

    amount_cents: int | None
    currency: str
    state: str | None

    def counted(self, kind: str) -> int | None:
        """Return what it adds to a sum: nothing when it is rejected, and below 0 for a refund."""
        if self.state == "rejected":
            return 0
        return self.amount_cents if self.amount_cents is None or kind != "refund" else -self.amount_cents


class Compared(NamedTuple):
    """``ours`` or ``theirs`` is None where that side does not have the transaction."""

    transaction: str
    type: str
    ours: Side | None
    theirs: Side | None

    @property
    def currency(self) -> str:
        return (self.theirs or self.ours or Side(0, "", None)).currency

    @property
    def ours_cents(self) -> int | None:
        return self.ours.counted(self.type) if self.ours else None

    @property
    def theirs_cents(self) -> int | None:
        return self.theirs.counted(self.type) if self.theirs else None

    @property
    def difference_cents(self) -> int | None:
        """Return ours less theirs; None across two currencies. What a side does not name is no difference."""
        if self.ours and self.theirs and self.ours.currency != self.theirs.currency:
            return None
        ours = self.ours_cents if self.ours else 0
        theirs = self.theirs_cents if self.theirs else 0
        return 0 if ours is None or theirs is None else ours - theirs

    @property
    def agrees(self) -> bool:
        said = self.theirs.state if self.theirs else None
        same = said is None or (self.ours is not None and said == self.ours.state)
        return self.ours is not None and self.theirs is not None and same and self.difference_cents == 0


@dataclass(frozen=True)
class Sum:
    """Minor units of one currency: what our books said of the file's transactions, say now, and it says."""

    currency: str
    before_cents: int
    after_cents: int
    statement_cents: int


def compare(ours: Mapping[Key, Side], theirs: Mapping[Key, Side]) -> list[Compared]:
    """Return one line a transaction: the statement's in its order, then those that it does not have."""
    missing = [key for key in ours if key not in theirs]
    return [Compared(*key, ours.get(key), theirs.get(key)) for key in (*theirs, *missing)]


def sums(changes: Iterable[tuple[str, Side | None, Side | None, Side | None]]) -> list[Sum]:
    """Add up ``changes``: (type, before, after, theirs) of each of the statement's transactions."""
    totals: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for kind, *words in changes:
        for place, word in enumerate(words):
            if word is not None:
                totals[word.currency][place] += word.counted(kind) or 0
    return [Sum(currency, *found) for currency, found in sorted(totals.items())]
