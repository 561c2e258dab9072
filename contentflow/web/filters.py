"""How times, amounts and shares are written, in the reader's language."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from babel.numbers import format_currency, format_percent
from flask import Flask
from flask_babel import format_date, format_datetime, format_timedelta, get_locale

from contentflow.core import clock


def init_app(app: Flask) -> None:
    app.add_template_filter(ago)
    app.add_template_filter(day)
    app.add_template_filter(moment)
    app.add_template_filter(euros)
    app.add_template_filter(share)


def ago(at: datetime) -> str:
    """Return “il y a 3 heures”."""
    return str(format_timedelta(min(at - clock.now(), timedelta(seconds=-1)), add_direction=True))


def day(at: datetime) -> str:
    return str(format_date(at, "long"))


def moment(at: datetime) -> str:
    return str(format_datetime(at, "medium"))


def euros(cents: int) -> str:
    """Return “38,40 €” for 3840."""
    return str(format_currency(Decimal(cents) / 100, "EUR", locale=get_locale()))


def share(basis_points: int) -> str:
    """Return “40 %” for 4000, “25,5 %” for 2550."""
    part = Decimal(basis_points) / 10_000
    return str(format_percent(part, locale=get_locale(), decimal_quantization=False))
