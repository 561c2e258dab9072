"""Texts in versions: published by the owner, never changed, accepted as they are in force."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text as sql
from sqlalchemy.exc import DatabaseError

from contentflow.agreements import services
from contentflow.agreements.errors import EmptyText, TextNotInForce, UnknownKind
from contentflow.core import clock
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db, transaction
from contentflow.partners.models import Partner


def publish(body: str = "Je donne mandat au programme.") -> str:
    with transaction():
        return services.publish("mandate", body, "cli").version


def test_a_version_is_the_day_in_france_and_a_number(app: Flask, time_machine) -> None:
    time_machine.move_to("2026-11-28T23:30:00Z", tick=False)

    assert [publish("un"), publish("deux")] == ["2026-11-29-1", "2026-11-29-2"]
    assert services.in_force("mandate").version == "2026-11-29-2"


def test_the_tenth_version_of_a_day_is_in_force_after_the_ninth(app: Flask, time_machine) -> None:
    time_machine.move_to("2026-11-28T12:00:00Z", tick=False)
    versions = [publish(f"texte {number}") for number in range(10)]

    assert versions[-1] == "2026-11-28-10"
    assert services.in_force("mandate").version == "2026-11-28-10"


def test_the_same_words_again_are_the_version_in_force(app: Flask) -> None:
    first = publish("Un texte.\r\nDeux lignes.")

    assert publish("\n Un texte.\nDeux lignes.\n".strip()) == first


def test_publishing_is_noted_with_who_did_it(app: Flask) -> None:
    version = publish()

    entry = db.session.query(AuditEntry).filter_by(act="text.publish").one()
    assert (entry.actor, entry.after) == ("cli", {"kind": "mandate", "version": version})


@pytest.mark.parametrize(
    ("kind", "body", "refusal"),
    [
        ("poem", "Un texte.", UnknownKind),
        ("mandate", " \n ", EmptyText),
        ("mandate", "x" * (services.MAX_CHARACTERS + 1), EmptyText),
        ("mandate", "a\0b", EmptyText),
        ("mandate", f"{services.DRAFT_MARK} Un texte.", EmptyText),
    ],
)
def test_what_is_no_finished_text_is_not_published(app: Flask, kind: str, body: str, refusal: type) -> None:
    with pytest.raises(refusal), transaction():
        services.publish(kind, body, "cli")

    assert services.in_force("mandate") is None


def test_an_acceptance_keeps_sum_time_origin_and_whether_a_code_was_given(app: Flask, alice: Partner) -> None:
    version = publish("Un texte.")

    with transaction():
        kept = services.accept(alice.id, "mandate", version, "/partner/billing", is_with_code=True)

    assert kept.sha256 == hashlib.sha256(b"Un texte.").hexdigest()
    assert services.export_acceptances(alice.id) == [
        {
            "id": kept.id,
            "kind": "mandate",
            "version": version,
            "sha256": kept.sha256,
            "at": clock.iso(kept.accepted_at),
            "origin": "/partner/billing",
            "with_code": True,
        }
    ]


def test_an_acceptance_given_twice_is_one(app: Flask, alice: Partner) -> None:
    version = publish()
    with transaction():
        first = services.accept(alice.id, "mandate", version, "/partner/billing", is_with_code=False).id
    with transaction():
        again = services.accept(alice.id, "mandate", version, "/elsewhere", is_with_code=True).id

    assert again == first


def test_only_the_version_in_force_is_accepted(app: Flask, alice: Partner) -> None:
    old = publish("ancien")
    publish("nouveau")

    for version in (old, "", "2020-01-01-1"):
        with pytest.raises(TextNotInForce), transaction():
            services.accept(alice.id, "mandate", version, "/partner/billing", is_with_code=False)
    assert services.find_acceptance(alice.id, "mandate") is None


def test_a_new_version_must_be_accepted_anew(app: Flask, alice: Partner, time_machine) -> None:
    time_machine.move_to("2026-11-28T12:00:00Z")
    version = publish("ancien")
    with transaction():
        services.accept(alice.id, "mandate", version, "/partner/billing", is_with_code=False)
    assert services.find_acceptance(alice.id, "mandate") is not None

    time_machine.shift(timedelta(days=1))
    publish("nouveau")

    assert services.find_acceptance(alice.id, "mandate") is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE legal_texts SET body = 'autre'",
        "DELETE FROM legal_texts",
        "UPDATE acceptances SET origin = 'x'",
        "DELETE FROM acceptances",
    ],
)
def test_the_database_refuses_every_change(app: Flask, alice: Partner, statement: str) -> None:
    version = publish()
    with transaction():
        services.accept(alice.id, "mandate", version, "/partner/billing", is_with_code=False)

    with pytest.raises(DatabaseError), transaction():
        db.session.execute(sql(statement))


def test_the_command_publishes_a_file_and_says_its_version(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "mandat.txt"
    path.write_text("\ufeffJe donne mandat à l’éditeur.")

    run = app.test_cli_runner().invoke(args=["text", "publish", "mandate", str(path)])

    assert run.exit_code == 0
    assert run.output.strip() == services.in_force("mandate").version
    assert services.in_force("mandate").body == "Je donne mandat à l’éditeur."


def test_the_command_refuses_what_is_not_utf_8(app: Flask, tmp_path: Path) -> None:
    path = tmp_path / "mandat.txt"
    path.write_bytes("Je donne mandat à".encode("latin-1"))

    run = app.test_cli_runner().invoke(args=["text", "publish", "mandate", str(path)])

    assert run.exit_code == 1
    assert services.in_force("mandate") is None
