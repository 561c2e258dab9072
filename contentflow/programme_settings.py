"""The settings of who runs the programme, and of how it pays its partners; ``Settings`` has them too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from contentflow import invisibles
from contentflow import setting_types as types
from contentflow.setting_types import setting

ADDRESS: Final = re.compile(r"(?P<street>.*\S), (?P<postcode>[0-9]{5}) (?P<city>\S.*)")


class PostalAddress(NamedTuple):
    street: str
    postcode: str
    city: str


def digits(text: str) -> str:
    """Return what was typed in blocks as one: an account, a SIREN, an IBAN."""
    return re.sub(r"[\s.\u2009\u202f\u00a0-]", "", invisibles.strip_value(text)).upper()


def account(text: str) -> str:
    if not re.fullmatch(r"[0-9]{3,12}", digits(text)):
        raise ValueError("an account of the books: 3 to 12 digits, such as 401")
    return digits(text)


def siren(text: str) -> str:
    number = digits(text)
    # Each second digit from the right counts twice, its digits added (Luhn).
    doubled = [
        int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(number)) if digit.isdigit()
    ]
    is_right = re.fullmatch(r"[0-9]{9}", number) and sum(n // 10 + n % 10 for n in doubled) % 10 == 0
    if number and not (is_right and number.strip("0")):
        raise ValueError("a SIREN: 9 digits, the last one its key")
    return number


def iban(text: str) -> str:
    number = digits(text)
    if not number:
        return ""
    is_one = re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}", number)
    turned = number[4:] + number[:4]
    if not is_one or int("".join(str(int(letter, 36)) for letter in turned)) % 97 != 1:
        raise ValueError("an IBAN whose key is right")
    return number


def bic(text: str) -> str:
    code = digits(text)
    if code and not re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", code):
        raise ValueError("a BIC: 8 or 11 letters and digits")
    return code


def vat_number(text: str) -> str:
    number = digits(text)
    if number and not re.fullmatch(r"FR[0-9A-Z]{2}[0-9]{9}", number):
        raise ValueError("a French VAT number: FR, two characters, the SIREN")
    return number


@dataclass(frozen=True, kw_only=True)
class ProgrammeSettings:
    """Who runs the programme, and how it pays."""

    programme_name: str = setting(
        types.line(100), "", "the programme's name on pages and in mails; empty: ContentFlow"
    )
    programme_publisher: str = setting(
        types.line(200), "", "who publishes the programme: company, form, capital, registration"
    )
    programme_address: str = setting(
        types.line(300),
        "",
        "the publisher's postal address; with PAYOUTS_ENABLED in the form street, postcode city",
    )
    programme_host: str = setting(types.line(300), "", "who hosts it: name, address, telephone")
    programme_contact: str = setting(
        types.line(254), "", "where to write to the programme; empty: EMAIL_FROM"
    )
    programme_privacy_url: str = setting(
        types.url("http", "https"), "", "the programme's own privacy policy, beside /legal"
    )
    programme_siren: str = setting(siren, "", "the SIREN of who pays, on invoices")
    programme_vat_number: str = setting(
        vat_number, "", "the VAT number of who pays, on invoices; empty: none"
    )
    programme_iban: str = setting(iban, "", "the account that payouts leave from")
    programme_bic: str = setting(bic, "", "the BIC of that account's bank; empty: the bank knows it")
    payouts_enabled: bool = setting(
        types.boolean, "false", "partners are paid: self-billed invoices and a bank file"
    )
    payout_minimum_cents: int = setting(
        types.integer(1, 10_000_000), "2000", "cents net under which a balance waits for the next run"
    )
    payout_day: int = setting(types.integer(1, 28), "5", "day of the month on which a run is drafted")
    payout_term_days: int = setting(
        types.integer(1, 45), "30", "days from an invoice to its due day; at most 45"
    )
    payout_bank_cooldown_days: int = setting(
        types.integer(0, 90), "7", "days for which nothing is paid to an account that is new"
    )
    payout_solo_hours: int | None = setting(
        types.optional_integer,
        "",
        "hours after which the only operator may approve what they proposed; empty: a second person always",
    )
    payout_contest_days: int = setting(
        types.integer(1, 365), "30", "days in which a partner may contest an invoice"
    )
    invoice_vat_mention: str = setting(
        types.line(300),
        "TVA non applicable, article L. 223-3 du Code des impositions sur les biens et services (CIBS)",
        "what stands on invoices of partners without VAT",
    )
    account_commissions: str = setting(account, "6222", "account of the books: commissions")
    account_vat: str = setting(account, "44566", "account of the books: deductible VAT")
    account_suppliers: str = setting(account, "401", "account of the books: suppliers")
    account_bank: str = setting(account, "512", "account of the books: the bank")

    @property
    def programme(self) -> str:
        """What the programme is called."""
        return self.programme_name or "ContentFlow"

    @property
    def programme_postal(self) -> PostalAddress:
        """The address in its parts; with PAYOUTS_ENABLED it always has them."""
        found = ADDRESS.fullmatch(self.programme_address)
        return PostalAddress(*found.groups()) if found else PostalAddress(self.programme_address, "", "")


def lacking(parsed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield (setting, what is accepted) of each without which nobody can be paid."""
    if not parsed["payouts_enabled"]:
        return
    if not parsed["programme_name"]:
        yield "programme_name", "PAYOUTS_ENABLED needs the name of who pays"
    if not ADDRESS.fullmatch(parsed["programme_address"]):
        yield (
            "programme_address",
            "PAYOUTS_ENABLED needs street, postcode city",
        )
    if not parsed["programme_siren"]:
        yield "programme_siren", "PAYOUTS_ENABLED needs the SIREN of who pays"
    if not parsed["programme_iban"]:
        yield "programme_iban", "PAYOUTS_ENABLED needs the account that payouts leave from"
    if parsed["programme_vat_number"] and parsed["programme_vat_number"][4:] != parsed["programme_siren"]:
        yield "programme_vat_number", "the VAT number of PROGRAMME_SIREN: it ends with it"
