"""Random names: public ids, tokens, short codes, and the digest under which tokens are kept."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
import string

BASE62 = string.digits + string.ascii_letters
_PAIRS = [first + second for first in BASE62 for second in BASE62]
_NUMBER_BYTES = 9
_NUMBERS_AT_ONCE = 256
_numbers: list[int] = []
# A child that went on with its parent's would draw the same ones.
os.register_at_fork(after_in_child=_numbers.clear)


def new_id() -> str:
    """Return 22 base62 characters, about 131 random bits."""
    return _random(22)


def is_id(text: str) -> bool:
    """Whether ``text`` looks like what ``new_id`` makes.

    Nothing else reaches the database as an id: PostgreSQL refuses some text, such as NUL.
    """
    return re.fullmatch(r"[0-9A-Za-z]{22}", text) is not None


def short_code() -> str:
    """Return 7 base62 characters: WhatsApp and Telegram leave them as they are."""
    return _random(7)


def random_number() -> int:
    """Return 72 random bits; the system is asked for many at once, since each time lets other threads in."""
    while True:
        try:
            return _numbers.pop()
        except IndexError:
            drawn = os.urandom(_NUMBER_BYTES * _NUMBERS_AT_ONCE)
            places = range(0, len(drawn), _NUMBER_BYTES)
            _numbers.extend([int.from_bytes(drawn[place : place + _NUMBER_BYTES]) for place in places])


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


def _random(length: int) -> str:
    # 64 bits more than it takes: no digit is likelier than another by as much as 2 ** -64.
    return base62(secrets.randbits(6 * length + 64), length)
