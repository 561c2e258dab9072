"""Days as filters name them: AAAA-MM-JJ, in France."""

from __future__ import annotations

import re
from datetime import date, datetime

from flask_babel import lazy_gettext as _l

from contentflow.core import clock
from contentflow.core.errors import Refused


class WrongDate(Refused):
    message = _l("Une date s’écrit AAAA-MM-JJ, à partir de 2020.")


def read_day(text: str) -> date | None:
    """Return a day; None for "". Raises ``WrongDate``."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text) else None
    except ValueError:
        day = None
    if day is None or not 2020 <= day.year <= 2200:
        raise WrongDate
    return day


def since(text: str) -> datetime | None:
    """Return the start of a day in France; None for "". Raises ``WrongDate``."""
    day = read_day(text)
    return clock.start_of(day) if day else None
