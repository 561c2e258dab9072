"""Is this a French business, its VAT number, and an account that SEPA reaches? Pure; nobody is asked.

SIRET and VAT number are judged by python-stdnum, an IBAN by schwifty with the national key, which
python-stdnum does not know for France (RIB).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final, NamedTuple

from contentflow import invisibles
from contentflow.payouts.billing_errors import (
    Abroad,
    NoCity,
    NoName,
    NoPostcode,
    NoStreet,
    NotAnIban,
    NotASiret,
    NotInSepa,
    OddLetter,
    VatNumberOfAnother,
    WrongVatNumber,
)

# What an invoice can show: Latin with its accents, and the marks that names use. The font has all of these.
LETTERS: Final = re.compile(
    "[ -~\u00a1-\u0148\u014a-\u017f\u0218-\u021b\u1e00-\u1e99\u1ea0-\u1ef9–—‘’“”…€№]*"
)
MAX_NAME, MAX_STREET, MAX_CITY, MAX_HOLDER = 200, 200, 100, 70
VAT, FRANCHISE = "vat", "franchise"


@dataclass(frozen=True)
class BillingIdentity:
    """Who stands on the invoices, every part checked."""

    kind: str
    legal_name: str
    siret: str
    street: str
    postcode: str
    city: str
    vat: str
    vat_number: str | None


class Iban(NamedTuple):
    """An account that SEPA reaches; ``bic`` is "" where no list knows it."""

    number: str
    bic: str


def compact(text: str) -> str:
    """Return a number as it is kept, however people group it: without spaces, dots and dashes."""
    return re.sub(r"[\s.\u2010-\u2015-]", "", invisibles.strip_value(text)).upper()


def line(text: str) -> str:
    """Return words on one line. Raises ``OddLetter`` for what an invoice cannot show."""
    words = " ".join(unicodedata.normalize("NFC", text).split())
    odd = LETTERS.sub("", words)
    if odd:
        raise OddLetter(odd[0] if odd[0].isprintable() else f"U+{ord(odd[0]):04X}")
    return words


def legal_name(text: str) -> str:
    name = line(text)
    if not any(letter.isalnum() for letter in name) or len(name) > MAX_NAME:
        raise NoName
    return name


def street(text: str) -> str:
    found = line(text)
    if not found or len(found) > MAX_STREET:
        raise NoStreet
    return found


def city(text: str) -> str:
    found = line(text)
    if not found or len(found) > MAX_CITY:
        raise NoCity
    return found


def siret(text: str) -> str:
    """Return 14 digits whose key is right, La Poste's own rule included. Raises ``NotASiret``."""
    from stdnum.fr import siret as rules

    number = compact(text)
    if not re.fullmatch("[0-9]{14}", number) or not number[:9].strip("0") or not rules.is_valid(number):
        raise NotASiret
    return number


def postcode(text: str) -> str:
    """Return a French postcode. Raises ``Abroad`` for what looks like another country's."""
    code = compact(text)
    if not code:
        raise NoPostcode
    if not re.fullmatch("(0[1-9]|[1-8][0-9]|9[0-8])[0-9]{3}", code):
        raise Abroad
    return code


def vat_number(text: str, siren: str) -> str:
    """Return the VAT number of a SIREN. Raises ``Abroad``, ``WrongVatNumber`` and ``VatNumberOfAnother``."""
    from stdnum.fr import tva

    number = compact(text)
    if re.match("[A-Z]{2}", number) and not number.startswith("FR"):
        raise Abroad
    if not re.fullmatch("FR[0-9A-Z]{2}[0-9]{9}", number) or not tva.is_valid(number):
        raise WrongVatNumber
    if number[4:] != siren:
        raise VatNumberOfAnother
    return number


def iban(text: str) -> Iban:
    """Return an account. Raises ``NotAnIban`` (its key, the RIB's key) and ``NotInSepa``."""
    from schwifty import IBAN
    from schwifty.exceptions import SchwiftyException

    try:
        found = IBAN(compact(text), validate_bban=True)
    except SchwiftyException:
        raise NotAnIban from None
    if not found.in_sepa_zone:
        raise NotInSepa
    return Iban(found.compact, str(found.bic or ""))


def holder(text: str) -> str:
    """Return the account's holder, as the bank has the name: it compares it since October 2025."""
    name = line(text)
    if not any(letter.isalnum() for letter in name) or len(name) > MAX_HOLDER:
        raise NoName
    return name
