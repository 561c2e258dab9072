"""How times are written, in the reader's language, and the filters of all templates."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from flask import Flask
from flask_babel import format_date, format_time, format_timedelta
from flask_babel import gettext as _

from contentflow.core import clock
from contentflow.core.money import NO_BREAK_SPACE, about_euros, euros, share


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
