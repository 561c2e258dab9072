"""Secrets that must be read again are kept encrypted: MultiFernet under the keys of SECRET_KEY.

The newest key encrypts, each of them decrypts; so a key can be rotated.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from contentflow.config import settings

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet


def encrypt(secret: str) -> bytes:
    return _keys().encrypt(secret.encode())


def decrypt(encrypted: bytes) -> str:
    """Raises cryptography's ``InvalidToken`` once the key that encrypted is no longer listed."""
    return _keys().decrypt(bytes(encrypted)).decode()


def _keys() -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    digests = [
        hashlib.sha256(b"contentflow sealing:" + key.encode()).digest() for key in settings().secret_key
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
