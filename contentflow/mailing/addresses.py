"""E-mail addresses as people paste them: read, checked one by one, each once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from contentflow import invisibles
from contentflow.mailing import pasted

# Of one field: five days of the cap as it is set at first; whoever has more sends in parts.
MAX_ADDRESSES: Final = 1000
_MAX_LENGTH = 254  # RFC 5321, 4.5.3.1.3, less the angle brackets
_MAX_LOCAL = 64
_SHOWN = 320  # of a refused entry: enough to find it again


class AddressFault(StrEnum):
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
    def __init__(self, reason: AddressFault) -> None:
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
    reason: AddressFault | None


def address_key(address: str) -> str:
    """Return what makes two addresses the same person's: the whole address in lower case."""
    return address.lower()


def check_address(text: str) -> str:
    """Return the address as mail servers take it, its domain in lower-case ASCII; raises ``BadAddress``.

    Nobody is asked whether the domain exists.
    """
    text = invisibles.strip_value(text)
    local, at, domain = text.partition("@")
    checks = (
        (len(text) > _MAX_LENGTH or len(local) > _MAX_LOCAL, AddressFault.TOO_LONG),
        (not at, AddressFault.NO_AT),
        ("@" in domain, AddressFault.SEVERAL_ATS),
        (not local, AddressFault.NO_LOCAL),
        (not domain, AddressFault.NO_DOMAIN),
        (not local.isascii(), AddressFault.NON_ASCII_LOCAL),
        ("." not in domain, AddressFault.DOMAIN_WITHOUT_DOT),
    )
    for is_wrong, reason in checks:
        if is_wrong:
            raise BadAddress(reason)
    address = _valid(text)
    if address is None:
        local = text.partition("@")[0]
        raise BadAddress(
            AddressFault.BAD_DOMAIN if _valid(f"{local}@example.com") else AddressFault.BAD_LOCAL
        )
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
        try:
            address = check_address(candidate)
        except BadAddress as error:
            found.append(Parsed(line, raw[:_SHOWN], None, error.reason))
            continue
        key = address_key(address)
        reason = AddressFault.DUPLICATE if key in seen else None
        seen.add(key)
        found.append(Parsed(line, raw[:_SHOWN], address, reason))
    return found


def _valid(text: str) -> str | None:
    from email_validator import EmailNotValidError, validate_email  # Not before somebody types an address.

    try:
        return validate_email(text, allow_smtputf8=False, check_deliverability=False).ascii_email
    except (EmailNotValidError, UnicodeError):
        return None
