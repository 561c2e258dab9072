"""How times, amounts and shares are written, in the reader's language."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from decimal import Decimal

from babel.numbers import format_currency, format_percent
from flask import Flask
from flask_babel import format_date, format_time, format_timedelta, get_locale
from flask_babel import gettext as _

from contentflow.core import clock

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"


def init_app(app: Flask) -> None:
    app.add_template_filter(ago)
    app.add_template_filter(day)
    app.add_template_filter(moment)
    app.add_template_filter(month)
    app.add_template_filter(euros)
    app.add_template_filter(about_euros)
    app.add_template_filter(share)


def ago(at: datetime) -> str:
    """Return “il y a 3 heures”, which no line break tears apart."""
    since = clock.now() - at
    if since < timedelta(minutes=1):
        return str(_("à l’instant"))
    return str(format_timedelta(-since, add_direction=True)).replace(" ", NO_BREAK_SPACE)


def day(at: datetime) -> str:
    return str(format_date(at, "long"))


def moment(at: datetime) -> str:
    """Return “25 nov. 2026, 08:32”."""
    return f"{format_date(at, 'medium')}, {format_time(at, 'short')}"


def month(written: str) -> str:
    """Return “novembre 2026” for 2026-11."""
    return str(format_date(date.fromisoformat(f"{written}-01"), "LLLL yyyy"))


def euros(cents: int) -> str:
    """Return “38,40 €” for 3840; a true minus stands before what was taken."""
    written = format_currency(Decimal(cents) / 100, "EUR", locale=get_locale())
    return str(written).replace("-", MINUS)


def about_euros(cents: int) -> str:
    """Return “≈ 4 €” for 400, “≈ 0,40 €” for 40, “≈ 38 €” for 3840: what is only typical is round."""
    round_cents = cents if abs(cents) < 1_000 else round(cents, -2)
    written = euros(round_cents)
    return f"≈{NO_BREAK_SPACE}{re.sub('[.,]00(?![0-9])', '', written)}"


def share(basis_points: int) -> str:
    """Return “40 %” for 4000, “25,5 %” for 2550."""
    part = Decimal(basis_points) / 10_000
    return str(format_percent(part, locale=get_locale(), decimal_quantization=False))
