"""CSV as spreadsheets, networks and people write it."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.core.csv_lines import csv_line
from contentflow.core.csv_reading import (
    MAX_CELL_LENGTH,
    CsvTable,
    EmptyTable,
    NotATextFile,
    TableHoldsNul,
    TooManyColumns,
    UnreadableTable,
    Utf16Table,
)


def table(data: bytes | str) -> CsvTable:
    return CsvTable(io.BytesIO(data.encode() if isinstance(data, str) else data))


def cells(data: bytes | str) -> list[tuple[str, ...]]:
    return [row.cells for row in table(data).rows()]


def test_a_byte_order_mark_is_no_part_of_the_first_header() -> None:
    assert cells("\ufeffemail,name\na@example.org,Anne") == [("email", "name"), ("a@example.org", "Anne")]
    assert cells("\ufeff\ufeffemail,name\n") == [("email", "name")]
    assert cells('\ufeff"email","name"\n') == [("email", "name")]


def test_a_french_spreadsheet_is_read_with_its_accents() -> None:
    read = table("Adresse;Prénom\r\nzoe@example.org;Zoé\r\nl@example.org;L’Œuvre\r\n".encode("cp1252"))

    assert (read.encoding, read.separator) == ("cp1252", ";")
    assert [row.cells for row in read.rows()][1:] == [
        ("zoe@example.org", "Zoé"),
        ("l@example.org", "L’Œuvre"),
    ]


def test_a_letter_that_cp1252_does_not_know_stops_nothing() -> None:
    assert cells(b"a,b\n\x81\xe9,c") == [("a", "b"), ("\ufffdé", "c")]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separators_and_line_ends_are_found_and_lines_counted(separator: str, end: str) -> None:
    lines = ["nom;email;note".replace(";", separator), "", separator.join(["A, B; C", "a@b.fr", "1|2\t3"])]
    quoted = csv_line(["A, B; C", "a@b.fr", "1|2\t3"], separator).rstrip("\r\n")
    read = table(end.join([lines[0], "", quoted]))

    assert read.separator == separator
    assert [(row.line, len(row.cells), row.is_blank) for row in read.rows()] == [
        (1, 3, False),
        (2, 0, True),
        (3, 3, False),
    ]


def test_decimal_commas_do_not_make_the_comma_a_separator() -> None:
    read = table("id;montant;devise\n1;12,50;EUR\n2;3,10;EUR\n")

    assert read.separator == ";"
    assert list(read.rows())[1].cells == ("1", "12,50", "EUR")


def test_a_title_above_the_header_hides_no_separator() -> None:
    read = table("Ventes, programme par programme\n\nid;nom;montant\n1;a;12,50\n2;b;3,10\n3;c;4,00\n")

    assert read.separator == ";"


def test_excels_line_that_names_its_separator_is_none_of_the_rows() -> None:
    read = table("sep=;\r\nemail;nom\r\na@b.fr;Dupont, Jean\r\n")

    assert [(row.line, row.cells) for row in read.rows()] == [
        (2, ("email", "nom")),
        (3, ("a@b.fr", "Dupont, Jean")),
    ]


def test_one_column_is_a_table_too() -> None:
    assert cells("a@b.fr\nc@d.fr") == [("a@b.fr",), ("c@d.fr",)]


def test_a_quoted_line_end_keeps_the_physical_lines() -> None:
    rows = list(table('a,b\n"one\r\ntwo",x\nlast,y\n').rows())

    assert [(row.line, row.cells) for row in rows] == [
        (1, ("a", "b")),
        (2, ("one\r\ntwo", "x")),
        (4, ("last", "y")),
    ]


def test_who_forgets_a_quote_loses_one_row_and_not_the_rest() -> None:
    rows = list(table('a,b\n"Jean,x\n' + "".join(f"{n},y\n" for n in range(2_000))).rows())

    assert [row.line for row in rows if row.is_broken] == [2]
    assert [row.line for row in rows] == list(range(1, 2_003))
    assert rows[-1].cells == ("1999", "y")
    assert [row.line for row in table('a,b\n"Jean,x\nlast,y').rows() if row.is_broken] == [2]


def test_quotes_inside_a_cell_are_letters() -> None:
    assert cells('a,b\n5" disk,x\n"say ""yes""",y\n') == [("a", "b"), ('5" disk', "x"), ('say "yes"', "y")]


@pytest.mark.parametrize("length", [MAX_CELL_LENGTH + 1, 200_000])
def test_a_cell_without_end_breaks_its_row_alone(length: int) -> None:
    rows = list(table(f"a,b\n{'x' * length},1\nc,d").rows())

    assert [(row.line, row.is_broken) for row in rows] == [(1, False), (2, True), (3, False)]


def archive() -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as file:
        file.writestr("contacts.csv", "email\na@b.fr\n")
    return written.getvalue()


@pytest.mark.parametrize(
    ("data", "kind", "first"),
    [
        (archive(), NotATextFile, ()),
        ("email,nom\na@b.fr,A\n".encode("utf-16"), Utf16Table, ("email,nom", "a@b.fr,A")),
        (b"email\0,nom\n", TableHoldsNul, ("email\N{SYMBOL FOR NULL},nom",)),
        (b"email,nom\n" + b"a" * 70_000 + b"\xe9\n" + b"b" * 70_000 + b"\0", TableHoldsNul, None),
        (b"", EmptyTable, ()),
        (b"\xef\xbb\xbf \r\n\t\r\n", EmptyTable, (" ", "\t")),
        (b"a," * 150, TooManyColumns, ("a," * 100,)),
        (b"sep=;", EmptyTable, None),
    ],
)
def test_what_is_no_table_is_refused_with_its_first_lines(
    data: bytes, kind: type[UnreadableTable], first: tuple[str, ...] | None
) -> None:
    with pytest.raises(kind) as refused:
        table(data)

    if first is not None:
        assert refused.value.first_lines == first


def test_first_lines_are_three_and_cut() -> None:
    assert table("é;b\n" + "x" * 500 + "\n3\n4\n").first_lines() == ("é;b", "x" * 200, "3")


def test_a_letter_cut_by_the_reading_of_a_chunk_is_still_utf8() -> None:
    read = table("a,b\n" + "é" * 40_000 + ",x\n" + "y,é\n" * 20_000)

    assert read.encoding == "utf-8"
    assert list(read.rows())[-1].cells == ("y", "é")


LETTERS = st.characters(codec="utf-8", exclude_characters="\0\r\n")


@given(st.lists(st.lists(st.text(LETTERS), min_size=2, max_size=5), min_size=1))
def test_what_is_written_by_the_rules_is_read_back(written: list[list[str]]) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=";").writerows(written)
    read = table("sep=;\n" + text.getvalue() + "end;end")

    rows = [row.cells for row in read.rows()]
    assert rows == [tuple(cell.strip() for cell in row) for row in written] + [("end", "end")]
