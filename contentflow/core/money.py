"""How amounts and shares are written, in the reader's language."""

from __future__ import annotations

import re
from decimal import Decimal

from babel.numbers import format_currency, format_percent
from flask_babel import get_locale

NO_BREAK_SPACE = "\u00a0"
MINUS = "\u2212"


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
