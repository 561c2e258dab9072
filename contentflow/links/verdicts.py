"""What a hit on a short link is, as far as the request alone tells; the rest needs the clicks before it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from contentflow.links.agents import kind_of


class Verdict(StrEnum):
    """In the order in which they are tried."""

    PREFETCH = "prefetch"
    PREVIEW_BOT = "preview_bot"
    BOT = "bot"
    SELF = "self"
    FRAUD = "fraud"
    DUPLICATE = "duplicate"
    VALID = "valid"


_PREFETCH_HEADERS: Final = frozenset(("sec-purpose", "purpose", "x-purpose", "x-moz"))
PREFETCH_VARIABLES: Final = frozenset(  # of WSGI
    ("HTTP_SEC_PURPOSE", "HTTP_PURPOSE", "HTTP_X_PURPOSE", "HTTP_X_MOZ")
)


def classify(method: str, headers: Mapping[str, str], agent: str, is_self: bool) -> Verdict | None:
    """Return the first verdict that fits, or None where only the database can tell.

    ``is_self``: the partner's own session cookie came along.
    """
    if method == "HEAD" or any(
        name.lower() in _PREFETCH_HEADERS and "prefetch" in value.lower() for name, value in headers.items()
    ):
        return Verdict.PREFETCH
    kind = kind_of(agent)
    if kind == "preview":
        return Verdict.PREVIEW_BOT
    if kind == "bot":
        return Verdict.BOT
    return Verdict.SELF if is_self else None
