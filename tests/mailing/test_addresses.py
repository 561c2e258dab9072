"""Addresses as they are pasted."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contentflow.mailing.addresses import (
    MAX_ADDRESSES,
    AddressFault,
    BadAddress,
    TooManyAddresses,
    address_key,
    check_address,
    parse_addresses,
)
from tests.house import working_at_most


def addresses(text: str) -> list[str | None]:
    return [entry.address for entry in parse_addresses(text)]


@pytest.mark.parametrize(
    "text",
    [
        "a@x.fr,b@x.fr",
        "a@x.fr;b@x.fr",
        "a@x.fr b@x.fr",
        "a@x.fr\tb@x.fr",
        "a@x.fr\nb@x.fr",
        "a@x.fr\r\nb@x.fr",
        "a@x.fr\u00a0b@x.fr",
        "a@x.fr\u200bb@x.fr",
        "\ufeffa@x.fr\u2028b@x.fr",
        ",; a@x.fr ,;, b@x.fr;\n\n",
        '"a@x.fr","b@x.fr"',
        "'a@x.fr' (b@x.fr)",
        "<a@x.fr> <b@x.fr>",
        "<a@x.fr><b@x.fr>",
        "<a@x.fr b@x.fr>",
        "mailto:a@x.fr, b@x.fr.",
        "Alice <a@x.fr>, Bob Durand <b@x.fr>",
        "Alice <a@x.fr> Bob <b@x.fr>",
        '"Martin, Alice" <a@x.fr>; "Bob; fils" <b@x.fr>',
        "'a@x.fr' <a@x.fr>, B@x.fr <b@x.fr>",
        '"chez@moi" <a@x.fr>, b@x.fr',
        "a@x.fr Bob Durand <b@x.fr>",
        "Alice < a@x.fr >, <mailto:b@x.fr>",
    ],
)
def test_two_addresses_are_found_however_they_are_pasted(text: str) -> None:
    assert [address_key(address or "") for address in addresses(text)] == ["a@x.fr", "b@x.fr"]


@pytest.mark.parametrize(
    "text",
    [
        # Outlook: family names first, its own links, its apostrophes, Exchange's proxy addresses.
        "Dupont, Jean <a@x.fr>; Martin, Zoé <b@x.fr>",
        "Dupont, Jean <a@x.fr>, Martin, Zoé <b@x.fr>",
        "'Dupont, Jean' <a@x.fr>; 'Martin, Zoé' <b@x.fr>",
        "Berhane, Kidane T - Eagan, MN <a@x.fr>; b@x.fr",
        "Dupont Jean (Achats, Lyon) <a@x.fr>; Martin Zoé <b@x.fr>;",
        "Jean Dupont [mailto:a@x.fr]\nZoé [MAILTO:b@x.fr]",
        "a@x.fr<mailto:a@x.fr>; b@x.fr <MAILTO:b@x.fr>",
        "a@x.fr [mailto:a@x.fr], b@x.fr",
        "MAILTO:a@x.fr\nmailto:b%40x.fr?subject=Salut",
        "SMTP:a@x.fr;smtp:b@x.fr",
        "À : Jean Dupont <a@x.fr>\nCc : Zoé <b@x.fr>",
        "To: a@x.fr; b@x.fr",
        # Gmail, Apple Mail: line breaks within and between people, whole quotes, no comma at all.
        "Jean Dupont\n<a@x.fr>\nZoé\n<b@x.fr>",
        "Jean Dupont\na@x.fr\n\nZoé Martin\nb@x.fr",
        "Jean-Baptiste de la\n Tour <a@x.fr>,\nZoé <b@x.fr>,",
        '"Jean <a@x.fr>", "Zoé Martin <b@x.fr>"',
        '"Dupont, Jean <a@x.fr>"; "Martin, Zoé" <b@x.fr>',
        "Jean <a@x.fr> Zoé <b@x.fr>",
        "Jean Dupont a@x.fr, Zoé Martin b@x.fr",
        "a@x.fr, Jane Doe, MSc b@x.fr",
        # Tables, lists and documents.
        "Jean\tDupont\ta@x.fr\r\nZoé\tMartin\tb@x.fr",
        "a@x.fr\tJean Dupont\nb@x.fr\tZoé",
        "Prénom;Nom;E-mail\r\nJean;Dupont;a@x.fr\r\nZoé;Martin;b@x.fr\r\n",
        "a@x.fr,Jean,Lyon\nb@x.fr,Zoé,",
        '"Nom","E-mail"\n"Dupont, Jean","a@x.fr"\n"Martin, Zoé","b@x.fr"',
        "- a@x.fr\n• b@x.fr",
        "📧a@x.fr ✉️ b@x.fr ✅",
        "Jean Dupont &lt;a@x.fr&gt;; &quot;Martin, Zoé&quot; &lt;b@x.fr&gt;",
        "a＠x.fr、b＠x。fr",
        "1. Jean : a@x.fr\n2. Zoé : b@x.fr",
        "|a@x.fr|b@x.fr|",
        "[a@x.fr](mailto:a@x.fr) et [Zoé](mailto:b@x.fr)",
        "Écris à a@x.fr ou à b@x.fr !",
        "‘a@x.fr’, ‹b@x.fr›",
        "e-mail: a@x.fr, courriel : b@x.fr.",
        "a@x.fr；b@x.fr",
        "Ap Reinders <a@x.fr, Erwin Beets <b@x.fr",
        # Marks that nobody sees.
        "\u202aa@x.fr\u202c,\u200eb@x.fr\u200e",
        "a@x.fr, \u200bb@x.fr",
        "a@x.fr, \u200b b@x.fr",
        "a\u00ad@x.fr b@\u200bx.fr",
        "a@x.fr\u200bb@x.fr\ufeff",
        "Jean\u00a0<a@x.fr>\u00a0; b\u00a0@\u00a0x.fr",
        "<\u200ea@x.fr\u200e>,<b@x.\u2060fr>",
        "\u2068a@x.fr\u2069; b@x.fr\u200d",
    ],
)
def test_a_paste_gives_the_people_that_it_names_and_nothing_else(text: str) -> None:
    assert addresses(text) == ["a@x.fr", "b@x.fr"]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a@x.fr, oops", ["oops"]),
        ("oops\na@x.fr", ["oops"]),
        ("Jean Dupont; a@x.fr", ["Jean Dupont"]),
        ("oops; Jean <a@x.fr>", ["oops"]),
        ("zoe.example.org, Jean <a@x.fr>", ["zoe.example.org"]),
        ("a@x.fr zoe.example.org", ["zoe.example.org"]),
        ("Jean Dupont </O=ORG/CN=JEAN>; a@x.fr", ["Jean Dupont </O=ORG/CN=JEAN>"]),
        ("un, deux, trois, quatre, cinq, Jean <a@x.fr>", ["un", "deux"]),
        ("a@x.fr;Jean\noops;Zoé", ["Jean", "oops", "Zoé"]),
        ("Jean;Dupont;a@x.fr\nZoé;Martin;", ["Jean", "Dupont", "Zoé", "Martin"]),
        ("Jean Dupont\nZoé Martin; a@x.fr", ["Jean Dupont", "Zoé Martin"]),
    ],
)
def test_whoever_has_no_address_is_told_of(text: str, wrong: list[str]) -> None:
    entries = parse_addresses(text)

    assert [entry.raw for entry in entries if entry.address is None] == wrong
    assert [entry.address for entry in entries if entry.address] == ["a@x.fr"]


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u200e", "\u202a", "\u202e", "\ufeff", "\u00ad", "\u00a0", "\u200d"]
)
@pytest.mark.parametrize("place", range(len("al@ex.fr") + 1))
def test_a_mark_nobody_sees_is_nowhere_in_a_single_address(mark: str, place: int) -> None:
    assert check_address("al@ex.fr"[:place] + mark + "al@ex.fr"[place:]) == "al@ex.fr"


@pytest.mark.parametrize("text", ["", " ", "\n\r\n\t", ",;,;", "\u200b", '""', "()"])
def test_nothing_pasted_is_no_entry(text: str) -> None:
    assert parse_addresses(text) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("alice", AddressFault.NO_AT),
        ("Alice<>", AddressFault.NO_AT),
        ("alice@", AddressFault.NO_DOMAIN),
        ("@x.fr", AddressFault.NO_LOCAL),
        ("alice@localhost", AddressFault.DOMAIN_WITHOUT_DOT),
        ("alice@bob@x.fr", AddressFault.SEVERAL_ATS),
        ("alice..martin@x.fr", AddressFault.BAD_LOCAL),
        (".alice@x.fr", AddressFault.BAD_LOCAL),
        ("ali:ce@x.fr", AddressFault.BAD_LOCAL),
        ("élise@x.fr", AddressFault.NON_ASCII_LOCAL),
        ("alice@-x.fr", AddressFault.BAD_DOMAIN),
        ("alice@x..fr", AddressFault.BAD_DOMAIN),
        ("alice@x_y.fr", AddressFault.BAD_DOMAIN),
        ("alice@machine.test", AddressFault.BAD_DOMAIN),
        ("alice@[127.0.0.1]", AddressFault.BAD_DOMAIN),
        ("alice@\ud800.fr", AddressFault.BAD_DOMAIN),
        ("a" * 65 + "@x.fr", AddressFault.TOO_LONG),
        ("alice@" + "x." * 130 + "fr", AddressFault.TOO_LONG),
    ],
)
def test_a_refused_address_is_named_with_its_reason(text: str, reason: AddressFault) -> None:
    [entry] = parse_addresses(text)

    assert (entry.raw, entry.address, entry.reason) == (text, None, reason)


def test_an_entry_knows_its_line_and_what_was_typed() -> None:
    entries = parse_addresses("a@x.fr\n\nBob Durand <b@X.fr>, nobody")

    assert [(entry.line, entry.raw) for entry in entries] == [
        (1, "a@x.fr"),
        (3, "Bob Durand <b@X.fr>"),
        (3, "nobody"),
    ]


def test_a_long_refused_entry_is_shown_cut() -> None:
    [entry] = parse_addresses("a" * 5000)

    assert len(entry.raw) == 320


def test_the_domain_is_lower_cased_and_the_name_kept() -> None:
    assert check_address(" Alice.Martin@Example.COM ") == "Alice.Martin@example.com"


def test_a_domain_with_accents_is_written_as_mail_servers_take_it() -> None:
    assert check_address("alice@École.fr") == "alice@xn--cole-9oa.fr"


def test_a_bad_single_address_is_refused_with_its_reason() -> None:
    with pytest.raises(BadAddress) as refused:
        check_address("alice")

    assert refused.value.reason is AddressFault.NO_AT


def test_the_same_person_stands_once_whatever_the_case() -> None:
    entries = parse_addresses("Alice@x.fr alice@X.FR b@école.fr b@xn--cole-9oa.fr alice+tag@x.fr")

    assert [entry.reason for entry in entries] == [
        None,
        AddressFault.DUPLICATE,
        None,
        AddressFault.DUPLICATE,
        None,
    ]


def test_a_thousand_entries_fit() -> None:
    assert len(parse_addresses("\n".join(f"r{n}@x.fr" for n in range(MAX_ADDRESSES)))) == MAX_ADDRESSES


@pytest.mark.parametrize("entry", ["r{}@x.fr", "same@x.fr", "rubbish"])
def test_the_1001st_entry_refuses_the_whole_field(entry: str) -> None:
    with pytest.raises(TooManyAddresses):
        parse_addresses("\n".join(entry.format(n) for n in range(MAX_ADDRESSES + 1)))


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "<",
        '"',
        '" ',
        "\n",
        "<a",
        '"a" ',
        "@",
        " ",
        '" <',
        "a@",
        ".",
        '",',
        "é<",
        "é,",
        "a b\n",
        "\u200b",
        "\u00a0",
        "a\u200b@",
        "[mailto:",
        "(mailto:a",
    ],
)
def test_a_megabyte_of_rubbish_is_read_at_once(piece: str) -> None:
    text = piece * (1_000_000 // len(piece))

    with working_at_most(3), suppress(TooManyAddresses):
        parse_addresses(text)


@given(st.text(max_size=200) | st.text(alphabet='ab@.<>[]()",; \n\té\u200b\u00a0\u00ad\ud800', max_size=200))
@settings(max_examples=100, deadline=None)
def test_rubbish_never_raises_and_every_entry_has_one_verdict(text: str) -> None:
    for entry in parse_addresses(text):
        assert entry.address is not None or entry.reason is not None
        assert entry.address is None or check_address(entry.address) == entry.address
        assert entry.raw == entry.raw.strip() != ""


@given(
    st.lists(st.from_regex(r"[a-z0-9]{1,12}@[a-z]{2,8}\.(fr|com)", fullmatch=True), max_size=20, unique=True),
    st.sampled_from([",", ";", " ", "\n", ", ", " ;\r\n"]),
)
@settings(max_examples=60, deadline=None)
def test_good_addresses_come_out_as_they_went_in(good: list[str], separator: str) -> None:
    assert addresses(separator.join(good)) == good
    assert addresses(separator.join(f"Nom de {n} <{address}>" for n, address in enumerate(good))) == good
