"""Names, numbers and accounts as people type them, and the ones that are none."""

from __future__ import annotations

import unicodedata

import pytest
from fontTools.ttLib import TTFont

from contentflow.payouts import billing_errors as errors
from contentflow.payouts import identity
from contentflow.payouts.invoice_page import FONTS


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("732 829 320 00074", "73282932000074"),
        (" 732.829.320.00074\u200b", "73282932000074"),
        ("356 000 000 00048", "35600000000048"),  # La Poste's seat
        ("356 000 000 49837", "35600000049837"),  # one of its offices: the digits' sum is a multiple of 5
    ],
)
def test_a_siret_is_known_however_it_is_grouped(typed: str, kept: str) -> None:
    assert identity.siret(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "", "732829320", "7328293200007", "73282932000075", "00000000000000", "000 000 000 00000",
        "35600000049838", "７３２８２９３２００００７４", "abcdefghijklmn", "732829320000741",
    ],
)  # fmt: skip
def test_what_is_no_siret_is_refused(typed: str) -> None:
    with pytest.raises(errors.NotASiret):
        identity.siret(typed)


def test_a_vat_number_belongs_to_the_siren() -> None:
    assert identity.vat_number("fr 44 732 829 320", "732829320") == "FR44732829320"
    with pytest.raises(errors.VatNumberOfAnother):
        identity.vat_number("FR83404833048", "732829320")


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", errors.WrongVatNumber),
        ("FR45732829320", errors.WrongVatNumber),
        ("44732829320", errors.WrongVatNumber),
        ("FR44", errors.WrongVatNumber),
        ("BE0428759497", errors.Abroad),
        ("DE 123456789", errors.Abroad),
    ],
)
def test_what_is_no_french_vat_number_is_refused(typed: str, refusal: type) -> None:
    with pytest.raises(refusal):
        identity.vat_number(typed, "732829320")


@pytest.mark.parametrize("typed", ["75002", "20 000", "97100", "01000", "98000"])
def test_a_french_postcode_is_taken(typed: str) -> None:
    assert identity.postcode(typed) == typed.replace(" ", "")


@pytest.mark.parametrize("typed", ["1000", "00100", "99999", "SW1A 1AA", "B-1000", "750021"])
def test_another_countrys_postcode_is_told_that_we_do_not_pay_there(typed: str) -> None:
    with pytest.raises(errors.Abroad):
        identity.postcode(typed)


@pytest.mark.parametrize(
    ("typed", "number", "bic"),
    [
        ("FR14 2004 1010 0505 0001 3M02 606", "FR1420041010050500013M02606", "PSSTFRPP"),
        ("fr76-3000-6000-0112-3456-7890-189", "FR7630006000011234567890189", "AGRIFRPPXXX"),
        ("DE89370400440532013000", "DE89370400440532013000", "COBADEFFXXX"),
        ("BE68 5390 0754 7034", "BE68539007547034", ""),
    ],
)
def test_an_account_that_sepa_reaches_is_taken(typed: str, number: str, bic: str) -> None:
    assert identity.iban(typed) == identity.Iban(number, bic)


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", errors.NotAnIban),
        ("FR14", errors.NotAnIban),
        ("FR1420041010050500013M02607", errors.NotAnIban),
        ("FR2230006000011234567890188", errors.NotAnIban),  # The IBAN's key is right, the RIB's is not.
        ("FR14<script>", errors.NotAnIban),
        ("SA0380000000608010167519", errors.NotInSepa),
        ("TN5910006035183598478831", errors.NotInSepa),
    ],
)
def test_what_is_no_account_here_is_refused(typed: str, refusal: type) -> None:
    with pytest.raises(refusal):
        identity.iban(typed)


def test_names_are_kept_as_they_are_but_on_one_line() -> None:
    assert identity.legal_name("  Éloïse   d'Œuvre & Fils\n") == "Éloïse d'Œuvre & Fils"
    assert identity.legal_name(unicodedata.normalize("NFD", "Éloïse")) == "Éloïse"
    assert identity.legal_name("<b>Moi</b>") == "<b>Moi</b>"


@pytest.mark.parametrize(
    ("typed", "refusal"),
    [
        ("", errors.NoName),
        ("---", errors.NoName),
        ("x" * 201, errors.NoName),
        ("東京", errors.OddLetter),
        ("a\0b", errors.OddLetter),
        ("Alice \u202egpj", errors.OddLetter),
        ("Alice 💶", errors.OddLetter),
    ],
)
def test_a_name_that_an_invoice_cannot_show_is_refused(typed: str, refusal: type) -> None:
    with pytest.raises(refusal):
        identity.legal_name(typed)


def test_a_holder_of_200_letters_does_not_fit_a_transfer() -> None:
    assert identity.holder("x" * 70) == "x" * 70
    for name in ("x" * 71, "x" * 200, ""):
        with pytest.raises(errors.NoName):
            identity.holder(name)


def test_every_letter_that_is_taken_can_be_shown_on_an_invoice() -> None:
    with TTFont(FONTS / "Inter-SemiBold.ttf") as font:
        drawn = set(font.getBestCmap())

    taken = [number for number in range(0x10000) if identity.LETTERS.fullmatch(chr(number))]

    assert [hex(number) for number in taken if number not in drawn] == []
    assert len(taken) > 500
