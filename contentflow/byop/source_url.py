"""May a partner's video be fetched from this URL, as far as its text alone can tell?

The addresses that a name resolves to are judged when it is fetched, not here.
"""

from __future__ import annotations

from enum import StrEnum

from contentflow.core.net import UnreadableUrl, address_literal, is_public, split_url

MAX_LENGTH = 2048
_PORTS = (None, 80, 443)


class UrlProblem(StrEnum):
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    NO_HOST = "no_host"
    PORT = "port"
    PRIVATE_ADDRESS = "private_address"


def problem_of(url: str) -> UrlProblem | None:
    """Return why this URL is refused, or None when it may be fetched."""
    if len(url) > MAX_LENGTH:
        return UrlProblem.TOO_LONG
    try:
        parts = split_url(url)
        if parts.scheme not in ("http", "https"):
            return UrlProblem.SCHEME
        if "@" in parts.netloc:
            return UrlProblem.CREDENTIALS
        if not parts.hostname:
            return UrlProblem.NO_HOST
        try:
            has_open_port = parts.port in _PORTS
        except ValueError:
            has_open_port = False
        if not has_open_port:
            return UrlProblem.PORT
        if "%" in parts.hostname:
            return UrlProblem.UNREADABLE
        address = address_literal(parts.hostname)
    except UnreadableUrl:
        return UrlProblem.UNREADABLE
    return None if address is None or is_public(address) else UrlProblem.PRIVATE_ADDRESS
