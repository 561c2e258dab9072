"""Keyed hashes: an address or a browser is recognised again, and cannot be read back."""

from __future__ import annotations

import hmac

from contentflow.config import settings


def keyed_hash(key: bytes, text: str) -> str:
    """Return the HMAC-SHA256 of ``text`` in hex."""
    return hmac.digest(key, text.encode(), "sha256").hex()


def short_lived_hash(purpose: str, text: str) -> str:
    """Hash under the newest SECRET_KEY, for what may be forgotten when that key changes."""
    return keyed_hash(settings().secret_key[0].encode(), f"{purpose}:{text}")
