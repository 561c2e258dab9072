"""What an operator does with accounts: list, show, change, suspend, let back in, invite."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
import time_machine
from click.testing import Result
from flask import Flask
from sqlalchemy import select

from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.links import services as links
from contentflow.mailing.models import CapturedMail, Delivery
from contentflow.partners import services
from tests.house import browser, log_in, post, run_work

ALICE = "alice@example.org"


@pytest.fixture(autouse=True)
def english(monkeypatch: pytest.MonkeyPatch) -> None:
    speak(monkeypatch, "en_GB.UTF-8")


def speak(monkeypatch: pytest.MonkeyPatch, locale: str) -> None:
    for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", locale)


def run(app: Flask, *arguments: str) -> Result:
    db.session.rollback()  # A command sees what is committed.
    done = app.test_cli_runner().invoke(args=["partner", *arguments])
    db.session.rollback()
    return done


def answer(app: Flask, *arguments: str):
    done = run(app, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_known_address_prints_its_id_alone_and_says_so_aside(app: Flask, alice):
    done = run(app, "add", ALICE, "--name", "Somebody")

    assert (done.exit_code, done.stdout) == (0, f"{alice.id}\n")
    assert "has this address already" in done.stderr
    assert services.get_partner(alice.id).name == "Alice Martin"


def test_a_new_partner_prints_nothing_but_the_id(app: Flask):
    done = run(app, "add", ALICE)

    assert len(done.stdout.strip()) == 22
    assert done.stderr == ""


def test_the_list_has_headers_and_words_instead_of_true_and_none(app: Flask, alice, olga):
    with transaction():
        services.get_partner(alice.id).name = ""

    done = run(app, "list")

    head, *rows = done.stdout.splitlines()
    assert head.split() == ["id", "address", "name", "state", "operator", "added", "at"]
    assert len(rows) == 2
    assert any("olga@example.org" in row and " yes " in row for row in rows)
    assert any(ALICE in row and " – " in row and " no " in row for row in rows)
    assert not any(word in done.stdout for word in ("None", "True", "False"))
    assert all(re.search(r" \d{4}-\d\d-\d\d \d\d:\d\d UTC$", row) for row in rows)
    assert all(row["created_at"].endswith("Z") for row in answer(app, "list"))


def test_the_list_speaks_french_where_the_terminal_does(app: Flask, alice, monkeypatch):
    speak(monkeypatch, "fr_FR.UTF-8")

    assert "opérateur" in run(app, "list").stdout.splitlines()[0]
    assert "Aucun partenaire" in run(app, "show", "nobody@example.org").stderr


def test_nothing_to_list_is_a_sentence_aside_and_an_empty_list_for_scripts(app: Flask):
    done = run(app, "list")

    assert (done.stdout, done.stderr) == ("", "There is nothing to show.\n")
    assert answer(app, "list") == []


def test_a_partner_is_shown_with_open_sessions(app: Flask, alice, alice_client):
    shown = answer(app, "show", "Alice@Example.org")

    assert shown == {
        "id": alice.id,
        "email": ALICE,
        "name": "Alice Martin",
        "state": "active",
        "operator": False,
        "created_at": clock.iso(alice.created_at),
        "role": None,
        "sessions": 1,
    }


def test_name_address_and_role_are_changed_and_audited(app: Flask, alice, alice_client, olga):
    changed = answer(app, "set", ALICE, "--name", "Alice M.", "--email", "NEW@example.org", "--operator")

    assert (changed["name"], changed["email"], changed["operator"]) == ("Alice M.", "new@example.org", True)
    assert alice_client.get("/partner/portal").status_code == 303  # A new address logs out.
    acts = db.session.scalars(select(AuditEntry.act)).all()
    assert sorted(acts) == ["partner.set", "team.role"]
    assert answer(app, "set", "new@example.org", "--no-operator")["operator"] is False


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("set", ALICE, "--email", "bob@example.org"), "Another partner"),
        (("set", ALICE, "--email", "nowhere"), "@"),
        (("set", ALICE, "--name", "x" * 101), "100"),
        (("set", "nobody@example.org", "--name", "x"), "No partner"),
        (("suspend", "nobody@example.org"), "No partner"),
        (("resume", "nobody@example.org"), "No partner"),
        (("invite", "nobody@example.org"), "No partner"),
    ],
)
def test_what_cannot_be_is_a_sentence_and_changes_nothing(app: Flask, alice, bob, arguments, says):
    done = run(app, *arguments)

    assert (done.exit_code, done.stdout) == (1, "")
    assert says in done.stderr
    assert services.get_partner(alice.id).name == "Alice Martin"
    assert db.session.scalars(select(AuditEntry.act)).all() == []


def test_a_suspended_partner_is_out_and_their_links_go_on(app: Flask, alice, alice_client, alices_post):
    send = {"sid": alices_post.id, "emails": "friend@example.org", "consent": "1", "nonce": "n"}
    post(alice_client, "/byop/email", send)
    with transaction():
        old_link = services.make_login_link(ALICE)
    code = links.links_of(alices_post.id)["x"].code

    done = run(app, "suspend", ALICE)

    assert done.stdout == "The account is suspended, 1 waiting mail is cancelled; the links go on.\n"
    assert alice_client.get("/partner/portal").status_code == 303
    assert post(browser(app), f"/partner/login/{old_link}").status_code == 410
    assert run(app, "login-link", ALICE).exit_code == 1
    assert run(app, "invite", ALICE).exit_code == 1
    assert browser(app).get(f"/l/{code}").status_code == 302
    with time_machine.travel(clock.now() + timedelta(minutes=1)):
        run_work(app)
    assert db.session.scalars(select(Delivery.state).where(Delivery.kind != "notice")).all() == ["cancelled"]


def test_a_suspended_partner_who_asks_gets_no_mail(app: Flask, alice, client):
    run(app, "suspend", ALICE)

    answered = post(client, "/partner/login", {"email": ALICE})
    run_work(app)

    assert answered.status_code == 200
    assert db.session.scalars(select(Delivery.state).where(Delivery.kind != "notice")).all() == ["cancelled"]


def test_after_resume_old_sessions_stay_ended_and_a_new_one_is_possible(app: Flask, alice, alice_client):
    run(app, "suspend", ALICE)

    assert "open again" in run(app, "resume", ALICE).stdout

    assert alice_client.get("/partner/portal").status_code == 303
    assert log_in(browser(app), alice.id).get("/partner/portal").status_code == 200


@pytest.fixture
def local(make_app) -> Flask:
    return make_app(ENV="development", EMAIL_FROM="", PUBLIC_BASE_URL="https://share.example.org")


@pytest.mark.parametrize(("language", "words"), [("fr", "t’invite"), ("en", "invites you")])
def test_an_invitation_holds_a_link_of_24_hours_and_no_code(local: Flask, language: str, words: str):
    with local.app_context():
        assert run(local, "add", ALICE, "--name", "Alice", "--invite", "--language", language).exit_code == 0
        run_work(local)
        mail = db.session.scalars(select(CapturedMail)).one()
        text = mail.text
        db.session.rollback()
        token = text.partition("/partner/login/")[2].split()[0]

        with time_machine.travel(clock.now() + timedelta(hours=23, minutes=59)):
            assert browser(local).get(f"/partner/login/{token}").status_code == 200
        with time_machine.travel(clock.now() + timedelta(hours=24, seconds=1)):
            assert browser(local).get(f"/partner/login/{token}").status_code == 410
        assert post(browser(local), f"/partner/login/{token}").status_code == 303
        assert post(browser(local), f"/partner/login/{token}").status_code == 410

    assert words in text and "24 h" in text and "code" not in text.lower()


def test_where_no_mail_leaves_an_invitation_is_refused(make_app, alice):
    silent = make_app(MAIL_TRANSPORT="none")

    with silent.app_context():
        done = run(silent, "invite", ALICE)

        assert done.exit_code == 1 and "login-link" in done.stderr
        assert db.session.scalars(select(Delivery.id)).all() == []
