"""The server that a partner typed, whatever they typed of it: ``@me@server``, an address, a name."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

from flask_babel import lazy_gettext as _l

from contentflow.core.errors import Refused
from contentflow.core.location import ascii_host, origin_of
from contentflow.core.net import UnreadableUrl, address_literal, split_url

MAX_TYPED = 300
_NAME = re.compile(r"(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])")
# RFC 6761, 6762, 8375, 9476: names that the public name service never answers.
_NEVER_PUBLIC = (
    "localhost", "local", "internal", "intranet", "lan", "home", "corp", "private", "test", "example",
    "invalid", "onion", "alt", "arpa",
)  # fmt: skip


class NoHost(Refused):
    message = _l("Écris le nom de ton serveur, comme mastodon.social, ou @toi@mastodon.social.")


def host_of(typed: str, trusted_origins: Collection[str], own_url: str) -> str:
    """Return the host, in ASCII; of a trusted origin with its port. Raises ``NoHost`` for no public name."""
    text = typed.strip().lower().rstrip("/")
    if not text or len(text) > MAX_TYPED:
        raise NoHost
    if "://" not in text:
        text = text.rpartition("@")[2]
    for origin in trusted_origins:
        if text in (origin, origin.partition("://")[2]):
            return origin.partition("://")[2]
    host = _host_in(text)
    if host == (urlsplit(own_url).hostname or ""):
        raise NoHost
    return host


def _host_in(text: str) -> str:
    try:
        parts = split_url(text if "://" in text else f"https://{text}")
        is_plain = parts.scheme in ("https", "http") and "@" not in parts.netloc and parts.port is None
        host = ascii_host(parts.hostname or "").rstrip(".")
        is_address = address_literal(host) is not None if host else True
    except (UnreadableUrl, UnicodeError, ValueError) as error:
        raise NoHost from error
    is_public = _NAME.fullmatch(host) and host.rpartition(".")[2] not in _NEVER_PUBLIC
    if not is_plain or is_address or not is_public:
        raise NoHost
    return host


def origin_for(host: str, trusted_origins: Collection[str]) -> str:
    """Return where a host is called: https, or as the operator wrote it among the trusted ones."""
    for origin in trusted_origins:
        if origin.partition("://")[2] == host:
            return origin
    return f"https://{host}"


def own_endpoint(told: object, origin: str, otherwise: str) -> str:
    """Return an address that a server told of itself, if it is on its own origin; else ``otherwise``."""
    if isinstance(told, str) and len(told) <= 500 and told.isprintable() and origin_of(told) == origin:
        return told
    return f"{origin}{otherwise}"
