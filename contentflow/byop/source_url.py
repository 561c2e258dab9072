"""May a partner's video be fetched from this URL, as far as its text alone can tell?

The addresses that a name resolves to are judged when it is fetched, not here.
"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import SplitResult

from contentflow.core.net import UnreadableUrl, address_literal, is_public, split_url

MAX_LENGTH = 2048
_PORTS = (None, 80, 443)


class Refusal(StrEnum):
    TOO_LONG = "too_long"
    UNREADABLE = "unreadable"
    SCHEME = "scheme"
    CREDENTIALS = "credentials"
    NO_HOST = "no_host"
    PORT = "port"
    PRIVATE_ADDRESS = "private_address"


def refusal_of(url: str) -> Refusal | None:
    """Return why this URL is refused, or None when it may be fetched."""
    if len(url) > MAX_LENGTH:
        return Refusal.TOO_LONG
    try:
        parts = split_url(url)
        return _refusal_of_parts(parts) or _refusal_of_host(parts.hostname or "")
    except UnreadableUrl:
        return Refusal.UNREADABLE


def _refusal_of_parts(parts: SplitResult) -> Refusal | None:
    if parts.scheme not in ("http", "https"):
        return Refusal.SCHEME
    if "@" in parts.netloc:
        return Refusal.CREDENTIALS
    if not parts.hostname:
        return Refusal.NO_HOST
    return None if _has_open_port(parts) else Refusal.PORT


def _has_open_port(parts: SplitResult) -> bool:
    try:
        return parts.port in _PORTS
    except ValueError:
        return False


def _refusal_of_host(host: str) -> Refusal | None:
    if "%" in host:
        return Refusal.UNREADABLE
    address = address_literal(host)
    return None if address is None or is_public(address) else Refusal.PRIVATE_ADDRESS
