"""The one clock: aware UTC times."""

from __future__ import annotations

from datetime import UTC, date, datetime


def now() -> datetime:
    return datetime.now(UTC)


def iso(moment: datetime | None) -> str | None:
    """Return ``2026-11-24T08:00:00Z``, the form of every exported time."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def start_of(day: date) -> datetime:
    """Return the first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
