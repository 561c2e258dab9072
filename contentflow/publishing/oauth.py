"""OAuth 2.0 as every platform here takes it: a code with PKCE (RFC 7636), bound to who asked."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlencode

from contentflow.config import settings
from contentflow.core.ids import new_token


class ConnectRefused(Exception):
    """The account was not connected; ``reason`` is a code of ``sentences.connect_reason``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RefreshRefused(Exception):
    """The platform gives out no more tokens: the account must be connected again."""


class RefreshUnclear(Exception):
    """It was asked, and nobody knows what came of it."""


class RefreshLater(Exception):
    """Nothing came of it, and another time it may."""


@dataclass(frozen=True, kw_only=True)
class Going:
    """Where the partner goes, and what is kept for the way back; ``iss`` is who must have sent them."""

    url: str
    kept: Mapping[str, Any]
    iss: str = ""
    host: str = ""


@dataclass(frozen=True, kw_only=True)
class Connected:
    """The account that was connected, its name read back, and its tokens."""

    host: str
    remote_id: str
    handle: str
    scope: str
    tokens: Mapping[str, Any]
    expires_at: datetime | None = None
    limits: Mapping[str, Any] = field(default_factory=dict)


class Refreshed(NamedTuple):
    """The new tokens, whole, and when the access token ends."""

    tokens: Mapping[str, Any]
    expires_at: datetime | None


class Flow(NamedTuple):
    """How a platform is connected; all speak to the network, outside of any transaction.

    ``begin(host, state)`` and ``finish(host, kept, code)`` raise ``ConnectRefused``; ``revoke(host, tokens)``
    may fail in silence: what is erased here is of no more use. ``refresh(tokens)``, None where tokens never
    end, raises ``RefreshRefused``, ``RefreshUnclear`` and ``RefreshLater``.
    """

    begin: Callable[[str, str], Going]
    finish: Callable[[str, Mapping[str, Any], str], Connected]
    revoke: Callable[[str, Mapping[str, Any]], object]
    refresh: Callable[[Mapping[str, Any]], Refreshed] | None = None


def redirect_uri(platform: str) -> str:
    return f"{settings().public_base_url}/partner/accounts/callback/{platform}"


def new_verifier() -> str:
    return new_token()


def challenge_of(verifier: str) -> str:
    hashed = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()


def new_signing_key() -> dict[str, Any]:
    """Return a new private key as a JWK: ES256, with a ``kid``."""
    from joserfc.jwk import ECKey  # Only where a key is made: no page pays for it at its start.

    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, private=True, auto_kid=True)
    return dict(key.as_dict(private=True))


def with_query(url: str, fields: Mapping[str, str]) -> str:
    return f"{url}{'&' if '?' in url else '?'}{urlencode(fields)}"


def missing_scopes(asked: str, granted: str) -> list[str]:
    """Return what was asked for and not granted; a granted parent (``write``) holds its children."""
    given = set(granted.split())
    return [one for one in asked.split() if one not in given and one.partition(":")[0] not in given]
