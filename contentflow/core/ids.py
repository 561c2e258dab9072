"""Random names: public ids, tokens, short codes, and the digest under which tokens are kept."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import string

BASE62 = string.digits + string.ascii_letters
_PAIRS = [first + second for first in BASE62 for second in BASE62]
# A byte becomes a digit; the last eight values become none, or some digits would be likelier than others.
_DIGITS = bytes(ord(BASE62[value % 62]) for value in range(256))
_NO_DIGITS = bytes(range(248, 256))
_LONGEST = 22
_BYTES_AT_ONCE = 4096
_drawn: list[str] = []
# A child that went on with its parent's would draw the same ones.
os.register_at_fork(after_in_child=_drawn.clear)


def new_id() -> str:
    """Return 22 base62 characters, about 131 random bits."""
    return random_text(_LONGEST)


def is_id(text: str) -> bool:
    """Whether ``text`` looks like what ``new_id`` makes.

    Nothing else reaches the database as an id: PostgreSQL refuses some text, such as NUL.
    """
    return re.fullmatch(r"[0-9A-Za-z]{22}", text) is not None


def short_code() -> str:
    """Return 7 base62 characters: WhatsApp and Telegram leave them as they are."""
    return random_text(7)


def random_text(length: int) -> str:
    """Return up to 22 base62 characters.

    The system is asked for many at once: that takes longer, and each time it lets other threads in.
    """
    while True:
        try:
            return _drawn.pop()[:length]
        except IndexError:
            digits = os.urandom(_BYTES_AT_ONCE).translate(_DIGITS, _NO_DIGITS).decode("ascii")
            places = range(0, len(digits) - _LONGEST + 1, _LONGEST)
            _drawn.extend([digits[place : place + _LONGEST] for place in places])


def base62(number: int, length: int) -> str:
    """Return the last ``length`` base62 digits of a number that is not negative."""
    digits = ""
    for _ in range((length + 1) // 2):
        number, pair = divmod(number, 3844)
        digits = _PAIRS[pair] + digits
    return digits[len(digits) - length :]


def new_token() -> str:
    """Return 43 URL-safe characters, 256 random bits."""
    return secrets.token_urlsafe(32)


def token_in(written: str) -> str:
    """Return a token without what a mail program glued to its link (``.``, ``>``, ``)``, blanks, a slash)."""
    found = re.fullmatch(r"([0-9A-Za-z_-]{43})(?:[^0-9A-Za-z/].*)?/?", written, re.DOTALL)
    return found[1] if found else written


def digest(token: str) -> str:
    """Return the SHA-256 in hex; only this is kept of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
