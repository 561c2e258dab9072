"""The id of a click names its link: a network may report a sale before the click stands in the database.

22 base62 characters: the link's code (7), the second (2), 8 drawn at random (47 bits), and
5 that only we can make of those. The id of a click that is nobody's ends with 5 others, and so names no link.

The second stands before what is drawn, so that clicks which a link gets together are neighbours in the index
of ids; it comes again after 3,844.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from contentflow.core.ids import base62, is_id, random_text

CODE_LENGTH: Final = 7
MARK_LENGTH: Final = 5
_DRAWN_LENGTH: Final = 8
_SECOND_LENGTH: Final = 2
_MARK_BYTES: Final = 8


def key_of(secret_key: str) -> bytes:
    """Return the key of the last 5 characters, made of a SECRET_KEY."""
    return hmac.digest(secret_key.encode(), b"click-id", "sha256")


def new_click_id(code: str, key: bytes, *, is_attributed: bool = True) -> str:
    """Return an id for a click on the link ``code``."""
    second = base62(int(time.time()), _SECOND_LENGTH)
    drawn = code + second + random_text(_DRAWN_LENGTH)
    return drawn + (_mark(drawn, key) if is_attributed else random_text(MARK_LENGTH))


def code_in(click_id: str, keys: Iterable[bytes]) -> str | None:
    """Return the code of the link that an id of ours names; None for any other text.

    ``keys`` are of every SECRET_KEY that is still listed: one may be replaced between click and sale.
    """
    if not is_id(click_id):
        return None
    drawn, mark = click_id[:-MARK_LENGTH], click_id[-MARK_LENGTH:]
    if any(
        hmac.compare_digest(made, mark) for key in keys for made in (_mark(drawn, key), _hmac(drawn, key))
    ):
        return click_id[:CODE_LENGTH]
    return None


def _mark(drawn: str, key: bytes) -> str:
    """Return the last characters of an id (BLAKE2b with a key, RFC 7693).

    It takes a fifth of HMAC-SHA256's time, and keeps the interpreter meanwhile: other threads would come in.
    """
    return _last(blake2b(drawn.encode(), digest_size=_MARK_BYTES, key=key).digest())


def _hmac(drawn: str, key: bytes) -> str:
    """Return those of the ids made before 30 November 2026."""
    return _last(hmac.digest(key, drawn.encode(), "sha256")[:_MARK_BYTES])


def _last(digest: bytes) -> str:
    return base62(int.from_bytes(digest), MARK_LENGTH)
