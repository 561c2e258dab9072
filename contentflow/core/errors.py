"""Refusals: a rule of the business that said no, with a sentence for the person who reads it."""

from __future__ import annotations

from typing import ClassVar

from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString


class Refused(Exception):
    """The base of every named refusal; the web edge answers ``status`` and shows ``message``."""

    status: ClassVar[int] = 422
    message: str | LazyString = _l("Ce n’est pas possible.")
    retry_after_seconds: int | None = None


class NotFound(Refused):
    """It does not exist, or it is someone else's: both look alike."""

    status = 404
    message = _l("Cette page n’existe pas, ou plus.")


class TooMany(Refused):
    """A limit is reached; ``retry_after_seconds`` is when the same request would fit."""

    status = 429
    message = _l("C’est beaucoup en peu de temps. Réessaie dans un instant.")

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__()
        self.retry_after_seconds = retry_after_seconds
