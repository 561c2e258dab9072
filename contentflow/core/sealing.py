"""Secrets that must be read again are kept sealed: MultiFernet under the keys of SECRET_KEY.

The newest key seals, each of them opens; so a key can be rotated.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.fernet import Fernet, MultiFernet

from contentflow.config import settings


def seal(secret: str) -> bytes:
    return _keys().encrypt(secret.encode())


def unseal(sealed: bytes) -> str:
    """Raises cryptography's ``InvalidToken`` once the key that sealed is no longer listed."""
    return _keys().decrypt(bytes(sealed)).decode()


def _keys() -> MultiFernet:
    digests = [
        hashlib.sha256(b"contentflow sealing:" + key.encode()).digest() for key in settings().secret_key
    ]
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
