"""E-mail addresses as people paste them: read, checked one by one, each once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from email_validator import EmailNotValidError, validate_email

from contentflow import unseen
from contentflow.mailing import pasted

MAX_ADDRESSES: Final = 1000
_MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_MAX_LOCAL = 64
_SHOWN = 320  # of a refused entry: enough to find it again


class Reason(StrEnum):
    NO_AT = "no_at"
    SEVERAL_ATS = "several_ats"
    NO_LOCAL = "no_local"
    NO_DOMAIN = "no_domain"
    DOMAIN_WITHOUT_DOT = "domain_without_dot"
    BAD_LOCAL = "bad_local"
    NON_ASCII_LOCAL = "non_ascii_local"
    BAD_DOMAIN = "bad_domain"
    TOO_LONG = "too_long"
    DUPLICATE = "duplicate"


class BadAddress(ValueError):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class TooManyAddresses(ValueError):
    """More than ``MAX_ADDRESSES`` entries in one field."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """One entry of the field: ``address`` is None where it cannot be used, and ``reason`` says why.

    ``line`` counts from 1; ``raw`` is what was typed, cut at 320 characters. A duplicate has both
    its address and a reason.
    """

    line: int
    raw: str
    address: str | None
    reason: Reason | None


def address_key(address: str) -> str:
    """Return what makes two addresses the same person's: the whole address in lower case."""
    return address.lower()


def check_address(text: str) -> str:
    """Return the address as mail servers take it, its domain in lower-case ASCII; raises ``BadAddress``.

    Nobody is asked whether the domain exists.
    """
    text = unseen.value(text)
    _check_shape(text)
    address = _valid(text)
    if address is None:
        local = text.partition("@")[0]
        raise BadAddress(Reason.BAD_DOMAIN if _valid(f"{local}@example.com") else Reason.BAD_LOCAL)
    return address


def parse_addresses(text: str) -> list[Parsed]:
    """Read every entry between commas, semicolons, blanks and line ends, also ``Name <a@b.fr>``.

    Names beside an address are no entries of their own. Raises ``TooManyAddresses`` over 1,000
    entries, good or not, and nothing else.
    """
    found: list[Parsed] = []
    seen: set[str] = set()
    for line, raw, candidate in pasted.entries(text):
        if len(found) == MAX_ADDRESSES:
            raise TooManyAddresses
        found.append(_judged(line, raw[:_SHOWN], candidate, seen))
    return found


def _judged(line: int, raw: str, candidate: str, seen: set[str]) -> Parsed:
    try:
        address = check_address(candidate)
    except BadAddress as error:
        return Parsed(line, raw, None, error.reason)
    key = address_key(address)
    reason = Reason.DUPLICATE if key in seen else None
    seen.add(key)
    return Parsed(line, raw, address, reason)


def _check_shape(text: str) -> None:
    local, at, domain = text.partition("@")
    checks = (
        (len(text) > _MAX_LENGTH or len(local) > _MAX_LOCAL, Reason.TOO_LONG),
        (not at, Reason.NO_AT),
        ("@" in domain, Reason.SEVERAL_ATS),
        (not local, Reason.NO_LOCAL),
        (not domain, Reason.NO_DOMAIN),
        (not local.isascii(), Reason.NON_ASCII_LOCAL),
        ("." not in domain, Reason.DOMAIN_WITHOUT_DOT),
    )
    for is_wrong, reason in checks:
        if is_wrong:
            raise BadAddress(reason)


def _valid(text: str) -> str | None:
    try:
        return validate_email(text, allow_smtputf8=False, check_deliverability=False).ascii_email
    except (EmailNotValidError, UnicodeError):
        return None
