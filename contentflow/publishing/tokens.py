"""What only the worker may read, encrypted whole: tokens of an account, and what an upload needs to go on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from contentflow.core.encryption import decrypt, encrypt
from contentflow.publishing.models import SocialAccount


def held(account: SocialAccount) -> dict[str, Any] | None:
    """Return an account's tokens; None once disconnected, or once the key that encrypted them is lost."""
    return decrypt_fields(account.oauth_json)


def encrypt_fields(fields: Mapping[str, Any]) -> bytes:
    return encrypt(json.dumps(fields))


def decrypt_fields(encrypted: bytes | None) -> dict[str, Any] | None:
    """Return what was encrypted; None for nothing, or once its key is lost."""
    from cryptography.fernet import InvalidToken  # At the first use: no page pays for it at its start.

    if encrypted is None:
        return None
    try:
        found = json.loads(decrypt(encrypted))
    except (InvalidToken, ValueError):
        return None
    return found if isinstance(found, dict) else None
