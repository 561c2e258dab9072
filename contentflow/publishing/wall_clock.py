"""“At half past nine” of a person: wall clock and zone become a moment, or a sentence that says why not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused

FORM = "%Y-%m-%dT%H:%M"
FURTHEST = timedelta(days=366)
# What the form offers; the server takes every name of the tz database.
ZONES = (
    "Europe/Paris", "Europe/Brussels", "Europe/Zurich", "Europe/Luxembourg", "Europe/London",
    "America/Montreal", "America/Martinique", "America/Guadeloupe", "America/Cayenne", "America/Miquelon",
    "America/New_York", "Africa/Casablanca", "Africa/Dakar", "Africa/Abidjan", "Africa/Tunis",
    "Indian/Reunion", "Indian/Mayotte", "Indian/Mauritius", "Pacific/Noumea", "Pacific/Tahiti",
    "Pacific/Wallis", "Pacific/Auckland", "UTC",
)  # fmt: skip


class UnknownZone(Refused):
    message = _l("Ce fuseau horaire n’existe pas : choisis-en un dans la liste.")


class NoTime(Refused):
    message = _l("Choisis un jour et une heure.")


class InThePast(Refused):
    message = _l("Cette heure est déjà passée : choisis-en une à venir.")


class TooFar(Refused):
    message = _l("C’est dans plus d’un an : choisis une date plus proche.")


class SkippedHour(Refused):
    """The clocks skip it; ``next`` is the first one that exists, as a form writes it."""

    def __init__(self, typed: datetime, following: datetime) -> None:
        super().__init__()
        self.next = following.strftime(FORM)
        self.message = str(
            _(
                "%(typed)s n’existe pas ce jour-là : les montres avancent d’une heure. Choisis %(next)s.",
                typed=typed.strftime("%H:%M"),
                next=following.strftime("%H:%M"),
            )
        )


def zone_of(name: str) -> ZoneInfo:
    """Raises ``UnknownZone``."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone from error


def moment_of(typed: str, zone_name: str, now: datetime) -> datetime:
    """Return the moment, in UTC, at which a wall clock in that zone shows what was typed.

    An hour that comes twice is the first one. Raises ``NoTime``, ``UnknownZone``, ``SkippedHour``,
    ``InThePast`` and ``TooFar``.
    """
    zone = zone_of(zone_name)
    try:
        wall = datetime.strptime(typed.strip()[:16], FORM)
        moment = wall.replace(tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise NoTime from error
    shown = moment.astimezone(zone).replace(tzinfo=None)
    if shown != wall:
        raise SkippedHour(wall, shown)
    if moment < now.replace(second=0, microsecond=0):
        raise InThePast
    if moment - now > FURTHEST:
        raise TooFar
    return moment


def shown_in(moment: datetime, zone_name: str) -> str:
    """Return a moment as a form's field of that zone holds it."""
    return moment.astimezone(zone_of(zone_name)).strftime(FORM)
