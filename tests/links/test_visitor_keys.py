"""The key of a day's visitor hashes dies soon after the day, and nothing else of a visitor is kept."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import logging
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from contentflow.core.db import db, is_sqlite, transaction
from contentflow.links import visitor_keys
from contentflow.links.clicks import intake
from contentflow.links.folding import fold
from contentflow.links.models import VisitorKey
from contentflow.links.visitor_keys import Keys
from tests.house import run_work
from tests.links.visitors import IP, PHONE, clicks, link_of, visit

MORNING = dt.datetime(2026, 3, 1, 0, 0, 1, tzinfo=dt.UTC)


def kept_keys() -> dict[dt.date, bytes]:
    db.session.rollback()
    return {row.day: row.key for row in db.session.execute(select(VisitorKey.day, VisitorKey.key))}


def click_at(app: Flask, moment: dt.datetime, post: Any) -> None:
    with time_machine.travel(moment, tick=False):
        visit(app, f"/l/{link_of(post).code}")


def sweep_at(app: Flask, moment: dt.datetime) -> None:
    with time_machine.travel(moment, tick=False):
        run_work(app)


def test_each_day_has_its_own_random_key(app: Flask, alices_post: Any) -> None:
    for days in (0, 1):
        click_at(app, MORNING + dt.timedelta(days=days, hours=3), alices_post)

    first, second = kept_keys().values()
    assert len(first) == len(second) == 64
    assert first != second
    assert len({click.visitor_hash for click in clicks()}) == 2


def test_the_key_of_the_day_of_an_update_hashes_as_it_did_before(app: Flask, alices_post: Any) -> None:
    text = f"{IP}\n{PHONE}"
    with time_machine.travel(MORNING, tick=False), transaction():
        db.session.add(VisitorKey(day=MORNING.date(), key=b"k" * 32))
    for hours in (3, 24):
        click_at(app, MORNING + dt.timedelta(hours=hours), alices_post)

    of_that_day, of_the_next = (click.visitor_hash for click in clicks())
    assert of_that_day == hmac.new(b"k" * 32, text.encode(), "sha256").hexdigest()
    day = (MORNING + dt.timedelta(days=1)).date()
    hashed = hashlib.blake2b(text.encode(), digest_size=16, key=kept_keys()[day]).hexdigest()
    assert of_the_next == f"{day.toordinal():x}{hashed}"


def test_two_processes_use_one_key(make_app, alices_post: Any) -> None:  # type: ignore[no-untyped-def]
    for app in (make_app(), make_app()):
        click_at(app, MORNING, alices_post)

    assert len(kept_keys()) == 1
    assert [click.verdict for click in clicks()] in (["valid", "duplicate"], ["duplicate", "valid"])


def test_keys_are_destroyed_before_48_hours_are_over(app: Flask, alices_post: Any) -> None:
    click_at(app, MORNING, alices_post)

    sweep_at(app, MORNING + dt.timedelta(hours=24))
    assert len(kept_keys()) == 1
    sweep_at(app, MORNING + dt.timedelta(hours=47))

    assert kept_keys() == {}
    assert intake(app).keys.cached(MORNING + dt.timedelta(hours=47)) == {}


def test_a_destroyed_key_is_in_no_file_any_more(app: Flask, alices_post: Any, tmp_path: Path) -> None:
    if not is_sqlite():
        return
    click_at(app, MORNING, alices_post)
    (key,) = kept_keys().values()
    assert key in all_bytes(tmp_path)
    db.session.remove()

    sweep_at(app, MORNING + dt.timedelta(hours=47))

    assert key not in all_bytes(tmp_path)


def test_an_old_key_is_never_used_again_even_if_nothing_swept(app: Flask, alices_post: Any) -> None:
    click_at(app, MORNING, alices_post)
    (old,) = kept_keys().values()

    later = MORNING + dt.timedelta(hours=48)
    click_at(app, later, alices_post)

    assert list(intake(app).keys.keys) == [later.date()]
    made, earlier = visitor_keys.hashes({MORNING.date(): old}, later, [f"{IP}\n{PHONE}"])
    assert (made, earlier) == ([""], [""])


def test_a_database_that_refuses_is_asked_for_a_key_again_only_after_a_rest(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(*_: Any) -> Keys:
        asked.append(True)
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(visitor_keys, "_read", refuse)

    for _ in range(3):
        intake().keys.fetch(MORNING)

    assert len(asked) == 1
    assert kept_keys() == {}


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_address_and_no_agent_is_kept_anywhere(
    unfolded: None, app: Flask, alices_post: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    agent, ip = "Mozilla/5.0 (Windows NT 10.0) TellTale/7.7 Chrome/140.0", "203.0.113.201"
    path = f"/l/{link_of(alices_post).code}"

    visit(app, path, agent, ip)
    visit(app, path, agent, ip)
    visit(app, "/l/0000000", agent, ip)

    kept = all_bytes(tmp_path) + caplog.text.encode()
    assert list((tmp_path / "journal").glob("*.journal")) != []
    fold()
    kept += all_bytes(tmp_path) + dump()
    assert b"TellTale" not in kept
    assert b"203.0.113.201" not in kept


def dump() -> bytes:
    """Return every row of every table, whichever the database is."""
    db.session.rollback()
    rows = [
        repr(tuple(row)) for table in db.metadata.sorted_tables for row in db.session.execute(table.select())
    ]
    return "\n".join(rows).encode()
