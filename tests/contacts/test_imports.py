"""A file on its way into the book: how it is read, what comes of each row, and what it may never change."""

from __future__ import annotations

import io
import time
import zipfile

import pytest
from sqlalchemy import select

from contentflow.contacts import imports, tasks
from contentflow.contacts.models import Contact, ContactImport, ImportRow
from contentflow.core.db import db, transaction
from tests.contacts.steps import BOOK, contacts_of, import_file, rows_of, send_file
from tests.house import post, run_work

FRENCH = "Prénom;Adresse e-mail;Étiquettes\nZoé;zoe@example.org;amis|paris\nBenoît;ben@example.org;\n"


def page_of(response) -> str:
    return response.headers["Location"]


def test_a_spreadsheets_french_file_is_read_as_it_was_meant(app, alice_client, alice) -> None:
    page = page_of(send_file(alice_client, FRENCH.encode("cp1252")))

    shown = alice_client.get(page).get_data(as_text=True)
    assert "point-virgule" in shown and "Windows-1252" in shown and "Benoît" in shown
    assert contacts_of(alice.id) == {}

    post(alice_client, f"{page}/start")
    run_work(app)

    book = contacts_of(alice.id)
    assert (book["zoe@example.org"].name, book["zoe@example.org"].tags) == ("Zoé", "|amis|paris|")
    assert rows_of(alice_client, page) == [(2, "zoe@example.org", "added"), (3, "ben@example.org", "added")]
    assert 'data-progress="100"' in alice_client.get(page).get_data(as_text=True)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfemail,nom\r\nann@example.org,Ann",
        b"nom;courriel\nAnn;ann@example.org",
        b"Nombre\tCorreo electr\xf3nico\nAnn\tann@example.org\n",
        b"sep=;\nName;E-Mail\nAnn;ann@example.org\n",
        b'"Name","E-mail 1 - Value"\n"Ann","ann@example.org"\n',
        b"ann@example.org",
        b"Ann|ann@example.org\n",
        b'nom,email\n"Ann\nMarie",ann@example.org\n',
        b"\n\nnom;email\n\nAnn;ann@example.org\n;\n",
    ],
)
def test_the_address_is_found_wherever_it_stands(app, alice_client, alice, content: bytes) -> None:
    import_file(app, alice_client, content)

    assert set(contacts_of(alice.id)) == {"ann@example.org"}


def test_every_row_is_in_the_answer_once_with_its_physical_line(app, alice_client) -> None:
    content = (
        "nom,email\n"
        '"Ann\nMarie",ann@example.org\n'
        "Ben,broken\n"
        "\n"
        "Ann,ANN@example.org\n"
        "Chloe,\n"
        "Dan,x@mailinator.com\n"
        "Eve,a@b\n"
        "Ida,info@münchen.example\n"
        "Cmd,=cmd|' /C calc'!A0"
    )

    page = import_file(app, alice_client, content)

    assert rows_of(alice_client, page) == [
        (2, "ann@example.org", "added"),
        (4, "broken", "malformed"),
        (6, "ANN@example.org", "duplicate_in_file"),
        (7, "", "empty"),
        (8, "x@mailinator.com", "disposable"),
        (9, "a@b", "malformed"),
        (10, "info@xn--mnchen-3ya.example", "added"),
        (11, "'=cmd|' /C calc'!A0", "malformed"),
    ]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"email,nom\n", 422),
        (b"\n\n", 422),
        (b"nom;ville\nAnn;Paris\n", 422),
        ("email\nann@example.org\n".encode("utf-16"), 422),
        (b"email\nann@example.org\n\0", 422),
        (b"email\nbroken@\n@x\na@b\n", 422),
        ((",".join(f"c{n}" for n in range(200)) + "\n").encode() * 3, 422),
        (b"email\n" + b"".join(b"a%d@example.org\n" % n for n in range(5001)), 422),
        (b"email\n" + b"x" * 2 * 1024 * 1024, 413),
        (b"x" * 5 * 1024 * 1024, 413),
    ],
)
def test_a_file_that_is_no_list_of_addresses_is_refused_and_nothing_kept(
    alice_client, content: bytes, status: int
) -> None:
    response = send_file(alice_client, content)

    assert response.status_code == status
    assert db.session.scalars(select(ContactImport.id)).all() == []


def test_a_refusal_shows_the_first_three_lines_as_we_read_them(alice_client) -> None:
    page = send_file(alice_client, "nom;ville\nZoé;Paris\nAnn;Lyon\nBen;Nice\n").get_data(as_text=True)

    assert "nom;ville\nZoé;Paris\nAnn;Lyon\n</pre>" in page
    assert "Nice" not in page


def test_a_form_without_a_file_is_refused(alice_client) -> None:
    for fields in ({}, {"file": "email\nann@example.org"}):
        assert post(alice_client, f"{BOOK}/import", fields).status_code == 422


def test_a_zip_named_csv_is_refused(alice_client) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.csv", "email\nann@example.org\n")

    assert send_file(alice_client, file.getvalue()).status_code == 415


def test_the_same_file_again_changes_nothing(app, alice_client, alice) -> None:
    page = import_file(app, alice_client, FRENCH)
    before = {name: (one.tags, one.name) for name, one in contacts_of(alice.id).items()}

    assert import_file(app, alice_client, FRENCH) == page

    assert {name: (one.tags, one.name) for name, one in contacts_of(alice.id).items()} == before
    assert len(db.session.scalars(select(ContactImport.id)).all()) == 1
    assert [row[2] for row in rows_of(alice_client, page)] == ["added", "added"]


def test_an_import_changes_no_state_and_fills_an_empty_name_alone(app, alice_client, people) -> None:
    ann, ben = people("ann@example.org"), people("ben@example.org")
    ann.say_yes()
    ben.say_yes()
    ben.stop("partner")

    content = "email,nom,tags\nann@example.org,Ann,vip\nben@example.org,Ben,vip\n"
    page = import_file(app, alice_client, content)
    import_file(app, alice_client, "email,nom\nann@example.org,Autre\n")

    assert [row[2] for row in rows_of(alice_client, page)] == ["already", "already"]
    assert (ann.state, ann.contact.name, ann.contact.tags) == ("confirmed", "Ann", "|vip|")
    assert ben.state == "unsubscribed"


def test_who_stopped_everything_is_not_added_and_who_was_mailed_by_another_is(
    app, alice_client, bob, people, alices_post, make_app
) -> None:
    from contentflow.consent import services as consents
    from tests.mailing.letters import share

    share(bob.id, alices_post.id, "seen@example.org")
    with transaction():
        consents.suppress("stopped@example.org")

    page = import_file(app, alice_client, "email\nseen@example.org\nstopped@example.org\n")

    assert [row[2] for row in rows_of(alice_client, page)] == ["added", "unavailable"]


def test_columns_can_be_chosen_by_number_or_name(app, alice_client, alice) -> None:
    content = "a,b,c\nann@example.org,ben@example.org,Nom\n"

    import_file(app, alice_client, content, email="2", name="c", tags="", header="1")

    assert contacts_of(alice.id)["ben@example.org"].name == "Nom"


def test_other_columns_of_a_done_file_are_another_import(app, alice_client, alice) -> None:
    content = "a,b\nann@example.org,ben@example.org\n"
    first = import_file(app, alice_client, content)

    second = import_file(app, alice_client, content, email="2")

    assert second != first
    assert set(contacts_of(alice.id)) == {"ann@example.org", "ben@example.org"}


@pytest.mark.parametrize("columns", [{"email": "9"}, {"email": "nobody"}, {"email": ""}, {"email": "2"}])
def test_columns_that_hold_no_address_are_refused(app, alice_client, alice, columns) -> None:
    page = page_of(send_file(alice_client, "email,nom\nann@example.org,Ann\n"))

    response = post(alice_client, f"{page}/start", columns)

    assert response.status_code == 422
    assert "email,nom" in response.get_data(as_text=True)
    run_work(app)
    assert contacts_of(alice.id) == {}


def test_bob_sees_alices_import_as_missing(app, alice_client, bob_client) -> None:
    page = page_of(send_file(alice_client, FRENCH))

    for path in (page, f"{page}/verdicts.csv"):
        assert bob_client.get(path).status_code == 404
    for act in ("start", "stop"):
        assert post(bob_client, f"{page}/{act}").status_code == 404


def test_a_stopped_import_keeps_what_is_done_and_goes_on(app, alice_client, alice, monkeypatch) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 10)
    content = "email\n" + "".join(f"a{number}@example.org\n" for number in range(35))
    page = page_of(send_file(alice_client, content))
    post(alice_client, f"{page}/start")
    import_id = page.rsplit("/", 1)[1]
    with transaction():
        claim = imports.IMPORTS.claim(import_id)
    with transaction():
        assert imports.work_some(claim)

    post(alice_client, f"{page}/stop")
    with transaction():
        assert not imports.work_some(claim)
    run_work(app)
    assert len(contacts_of(alice.id)) == 10
    assert 'data-state="stopped"' in alice_client.get(page).get_data(as_text=True)

    post(alice_client, f"{page}/start")
    run_work(app)

    assert len(contacts_of(alice.id)) == 35
    assert [row[0] for row in rows_of(alice_client, page)] == list(range(2, 37))


def test_a_killed_workers_successor_goes_on_where_it_ended(app, alice_client, alice, monkeypatch) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 10)
    content = "email\n" + "".join(f"a{number}@example.org\n" for number in range(25)) + "a3@example.org\n"
    page = page_of(send_file(alice_client, content))
    post(alice_client, f"{page}/start")
    import_id = page.rsplit("/", 1)[1]
    with transaction():
        claim = imports.IMPORTS.claim(import_id)
    with transaction():
        imports.work_some(claim)
    with transaction():  # It is dead: its lease runs out.
        made = db.session.get(ContactImport, import_id)
        made.leased_until = made.created_at

    run_work(app)

    assert [row[2] for row in rows_of(alice_client, page)] == ["added"] * 25 + ["duplicate_in_file"]
    assert len(contacts_of(alice.id)) == 25


def test_zero_good_rows_are_said_to_be_a_failure(app, alice_client) -> None:
    page = import_file(app, alice_client, "email\nx@mailinator.com\nbroken\n")

    assert "Échec" in alice_client.get(page).get_data(as_text=True)


def test_5000_rows_take_under_3_seconds(app, alice_client, alice) -> None:
    rows = "".join(f"Personne {n};personne{n}@example.org;amis|lot{n % 7}\n" for n in range(5_000))
    page = page_of(send_file(alice_client, "nom;email;tags\n" + rows))
    post(alice_client, f"{page}/start")

    began = time.thread_time()
    tasks.import_file(page.rsplit("/", 1)[1])
    worked = time.thread_time() - began

    assert db.session.scalars(select(ContactImport.state)).one() == "done"
    assert len(db.session.scalars(select(Contact.id)).all()) == 5_000
    assert len(db.session.scalars(select(ImportRow.line)).all()) == 5_000
    print(f"5,000 rows: {worked:.2f} s")
    assert worked < 3


def test_the_file_and_its_addresses_go_after_30_days(app, alice_client, alice) -> None:
    import time_machine

    from contentflow.contacts import retention
    from contentflow.core import clock

    page = import_file(app, alice_client, FRENCH)

    from datetime import timedelta

    with time_machine.travel(clock.now() + timedelta(days=31)):
        retention.erase_old()

    db.session.rollback()
    assert db.session.scalars(select(ContactImport.content)).all() == [None]
    assert rows_of(alice_client, page) == [(2, "", "added"), (3, "", "added")]
    assert len(contacts_of(alice.id)) == 2


def test_forgetting_takes_the_address_out_of_files_too(app, alice_client, alice) -> None:
    page = import_file(app, alice_client, FRENCH)
    zoe = contacts_of(alice.id)["zoe@example.org"].id

    post(alice_client, f"{BOOK}/forget", {"contact": zoe})

    assert [row[1] for row in rows_of(alice_client, page)] == ["", "ben@example.org"]
    assert db.session.scalars(select(ContactImport.content)).all() == [None]
