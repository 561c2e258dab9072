"""The programme in numbers: by day, offer, partner, channel or variant.

What is over is read from the sums of ``figures``, today from its own rows. Days are French ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple, cast, get_args

from flask_babel import format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from contentflow.console import days
from contentflow.core import clock
from contentflow.core.csv_lines import Dialect
from contentflow.core.db import db
from contentflow.core.errors import NotFound, Refused
from contentflow.figures import services as summed
from contentflow.figures.models import CLICKS, By
from contentflow.links.sentences import CHANNEL_NAMES
from contentflow.links.verdicts import Verdict
from contentflow.offers.models import Offer
from contentflow.partners import services as partners
from contentflow.partners.roles import Permission

Filters = Mapping[str, str]
DAYS: Final = 30
MAX_PERIOD: Final = timedelta(days=400)
MOST: Final = 200  # lines of a page; the CSV has all


class WrongPeriod(Refused):
    message = _l("La période va d’un jour à un autre, de 400 jours au plus.")


@dataclass
class FigureLine:
    """``clicks`` are hits by verdict; ``earned_cents`` is what partners earned, less what was reversed."""

    label: str
    presses: int = 0
    clicks: dict[str, int] = field(default_factory=dict)
    conversions: int = 0
    earned_cents: int = 0
    paid_cents: int = 0
    mails: int = 0

    @property
    def valid(self) -> int:
        return self.clicks.get(Verdict.VALID, 0)

    @property
    def epc_cents(self) -> int | None:
        """What a valid click earned, in cents, rounded; None without any."""
        return round(self.earned_cents / self.valid) if self.valid else None


class Figures(NamedTuple):
    """``lines`` in the order they are shown, of which a page takes the first."""

    first: date
    last: date
    by: By
    lines: list[FigureLine]
    total: FigureLine
    verdicts: list[str]

    @property
    def shown(self) -> list[FigureLine]:
        return self.lines[:MOST]


def read_by(text: str) -> By:
    """Raises ``NotFound`` for a cut that does not exist."""
    for known in get_args(By):
        if text == known:
            return cast(By, known)
    raise NotFound


def read_period(filters: Filters) -> tuple[date, date]:
    """Return first and last day; without any the last 30. Raises ``WrongDate`` and ``WrongPeriod``."""
    last = days.read_day(filters.get("to", "")) or clock.today()
    first = days.read_day(filters.get("from", "")) or last - timedelta(days=DAYS - 1)
    if not first <= last <= first + MAX_PERIOD:
        raise WrongPeriod
    return first, last


def figures(filters: Filters) -> Figures:
    """Raises what ``read_by`` and ``read_period`` do."""
    by, (first, last) = read_by(filters.get("by") or "day"), read_period(filters)
    found: dict[str, FigureLine] = {}
    for key, amounts in summed.sums(by, first, last).items():
        found[key] = _line(amounts)
    labels = _labels(by, found)
    total = FigureLine(_("Total"))
    for key, line in found.items():
        line.label = labels(key)
        for name in ("presses", "conversions", "earned_cents", "paid_cents", "mails"):
            setattr(total, name, getattr(total, name) + getattr(line, name))
        for verdict, count in line.clicks.items():
            total.clicks[verdict] = total.clicks.get(verdict, 0) + count
    if by == "day":
        keys = sorted(found, reverse=True)
    else:
        keys = sorted(found, key=lambda key: (-found[key].earned_cents, -found[key].valid, found[key].label))
    verdicts = [verdict.value for verdict in reversed(Verdict) if total.clicks.get(verdict)]
    return Figures(first, last, by, [found[key] for key in keys], total, verdicts)


def _line(amounts: Mapping[str, int]) -> FigureLine:
    line = FigureLine("")
    for measure, amount in amounts.items():
        if measure.startswith(CLICKS):
            line.clicks[measure.removeprefix(CLICKS)] = amount
        else:
            setattr(line, measure, amount)
    return line


class MonthFigures(NamedTuple):
    """``last`` is yesterday, so that today's rows need not be counted; ``first`` begins its month."""

    first: date
    last: date
    line: FigureLine


def month_figures() -> MonthFigures:
    last = clock.today() - timedelta(days=1)
    first = last.replace(day=1)
    return MonthFigures(first, last, _line(summed.kept_sums(first, last)))


def _labels(by: By, found: Mapping[str, FigureLine]) -> Callable[[str], str]:
    if by == "day":
        return lambda key: str(format_date(date.fromisoformat(key), "long"))
    nobody = _("sans partenaire")
    if by == "channel":
        return lambda key: str(CHANNEL_NAMES.get(key, key or nobody))
    if by == "variant":
        return lambda key: key or _("premiers mots")
    if by == "partner":
        names = partners.names_of(found)
    else:
        rows = db.session.execute(select(Offer.id, Offer.name).where(Offer.id.in_(found)))
        names = {row[0]: row[1] for row in rows}
    return lambda key: names.get(key) or (_("compte effacé") if key in names else nobody)


class NumbersFile(NamedTuple):
    """The CSV of exactly one filter of these numbers, as a list of the console has it."""

    name: str = "numbers"
    fields: tuple[str, ...] = ("from", "to", "by")
    permission: Permission = Permission.SEE_NUMBERS
    holds_addresses: bool = False

    def which(self, filters: Filters) -> None:
        """Raises what ``figures`` does of a wrong filter."""
        read_by(filters.get("by") or "day")
        read_period(filters)

    def csv(self, filters: Filters, dialect: Dialect) -> Iterator[str]:
        known = figures(filters)
        verdicts = [f"clicks_{verdict}" for verdict in known.verdicts]
        head = [known.by, "presses", *verdicts, "conversions", "earned", "paid", "epc", "mails"]
        yield dialect.start + dialect.line(head)
        for line in known.lines:
            money = [dialect.cents(cents) for cents in (line.earned_cents, line.paid_cents, line.epc_cents)]
            clicks = [line.clicks.get(verdict, 0) for verdict in known.verdicts]
            yield dialect.line([line.label, line.presses, *clicks, line.conversions, *money, line.mails])


REPORT: Final = NumbersFile()
