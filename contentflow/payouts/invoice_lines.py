"""The lines of an invoice: one an advertiser and kind, and what was refunded of earlier months."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import select

from contentflow.core.db import db
from contentflow.ledger.payable import Covered
from contentflow.payouts.run_models import Payout

CARRIED: Final = "carried"
AT_ONCE: Final = 500


@dataclass(frozen=True)
class InvoicedLine:
    """A line of an invoice: ``month`` (YYYY-MM) is the one that a refund is of, "" for what was earned."""

    advertiser: str
    kind: str
    month: str
    cents: int


def lines_of(
    pieces: Iterable[Covered], cents: int, cancelled: Mapping[str, Sequence[InvoicedLine]]
) -> tuple[InvoicedLine, ...]:
    """Return a line an advertiser and kind; what is under nothing is of an earlier month, and names it."""
    sums: dict[tuple[str, str, str], int] = {}
    for piece in pieces:
        if piece.cause in cancelled:
            for line in cancelled[piece.cause]:
                key = (line.advertiser, line.kind, line.month)
                sums[key] = sums.get(key, 0) + line.cents
        elif piece.advertiser:
            month = f"{piece.day:%Y-%m}" if piece.cents < 0 else ""
            key = (piece.advertiser, piece.kind, month)
            sums[key] = sums.get(key, 0) + piece.cents
    # After ten years the ledger keeps sums alone: what no commission explains was carried forward.
    if rest := cents - sum(sums.values()):
        sums["", CARRIED, ""] = rest
    return tuple(InvoicedLine(*key, total) for key, total in sorted(sums.items()) if total)


def lines_of_cancelled(causes: Iterable[str]) -> dict[str, list[InvoicedLine]]:
    ids = [cause.partition(":")[2] for cause in causes if cause.startswith("cancelled:")]
    found = {}
    for some in batches(ids):
        for payout_id, lines in db.session.execute(
            select(Payout.id, Payout.lines).where(Payout.id.in_(some))
        ):
            found[f"cancelled:{payout_id}"] = [InvoicedLine(**line) for line in lines]
    return found


def as_json(lines: Iterable[InvoicedLine]) -> list[dict[str, Any]]:
    return [asdict(line) for line in lines]


def batches(ids: Sequence[str]) -> Iterable[Sequence[str]]:
    return (ids[start : start + AT_ONCE] for start in range(0, len(ids), AT_ONCE))
