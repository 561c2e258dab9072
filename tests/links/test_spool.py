"""A click that the database refuses waits in the spool and becomes one row, whatever is killed when."""

from __future__ import annotations

import datetime as dt
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from contentflow.core import heartbeat
from contentflow.core.db import BUSY_SECONDS, db, is_sqlite, transaction
from contentflow.core.registry import registry
from contentflow.links import clicks as clicks_module
from contentflow.links import patience, replay, spool, targets
from contentflow.links.entries import Entry, to_line
from contentflow.links.memory import Target, memory
from contentflow.links.replay import replay_spool
from tests.house import run_work
from tests.links.visitors import PHONE, click_id, clicks, link_of, verdicts, visit

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "PATIENCE_MS", 150)


@contextmanager
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that takes no click, as when the disk is full."""

    def refuse(*_: Any) -> str:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr(clicks_module, "write", refuse)
        yield


@contextmanager
def locked_by_another(app: Flask) -> Iterator[None]:
    """Another connection writes and does not end."""
    with db.engine.connect() as connection:
        if is_sqlite():
            connection.execution_options(immediate=True).execute(text("SELECT 1"))
        else:
            connection.execute(text("LOCK TABLE clicks IN ACCESS EXCLUSIVE MODE"))
        yield
        connection.rollback()


def entry(link_id: str, click_id: str = "c" * 22, at: dt.datetime = NOON, **fields: Any) -> Entry:
    shape = {"is_credited": True, "verdict": "valid", "agent_class": "mobile", "visitor_hash": "h" * 64}
    return Entry(id=click_id, link_id=link_id, at=at, **{**shape, **fields})


def spooled(app: Flask) -> list[dict[str, Any]]:
    path = spool.folder() / spool.OPEN
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def test_a_locked_database_keeps_no_visitor_waiting_and_loses_no_click(app: Flask, alices_post: Any) -> None:
    path = f"/l/{link_of(alices_post).code}"

    with locked_by_another(app):
        began = time.monotonic()
        response = visit(app, path)
        waited = time.monotonic() - began

    assert response.status_code == 302
    assert waited < 8
    assert [line["id"] for line in spooled(app)] == [click_id(response)]
    run_work(app)
    assert [click.id for click in clicks()] == [click_id(response)]
    assert spooled(app) == []


def test_a_busy_moment_of_the_visitor_leaves_the_usual_patience_behind(app: Flask, alices_post: Any) -> None:
    visit(app, f"/l/{link_of(alices_post).code}")

    if is_sqlite():
        with db.engine.connect() as connection:
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == BUSY_SECONDS * 1000
    else:
        assert db.session.execute(text("SHOW lock_timeout")).scalar() == "1min"


def test_a_spooled_click_keeps_its_id_time_and_verdict(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/l/{link_of(alices_post).code}"
    with time_machine.travel(NOON, tick=False), refusing(monkeypatch):
        response = visit(app, path, "curl/8.5.0")

    run_work(app)

    (click,) = clicks()
    assert (click.id, click.at, click.verdict) == (click_id(response), NOON, "bot")
    assert click.partner_id == alices_post.partner_id


def test_a_click_credited_to_nobody_stays_so_through_the_spool(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing(monkeypatch):
        visit(app, f"/l/{alices_post.asset_id}")

    run_work(app)

    assert [click.partner_id for click in clicks()] == [None]


def test_the_same_visitor_is_found_again_in_the_spool(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = f"/l/{link_of(alices_post).code}"
    visit(app, path)
    with refusing(monkeypatch):
        visit(app, path)
        visit(app, path, ip="203.0.113.78")
        visit(app, path, ip="203.0.113.78")

    run_work(app)

    assert sorted(verdicts()) == ["duplicate", "duplicate", "valid", "valid"]


def test_without_a_key_at_hand_a_click_is_kept_without_a_hash(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with refusing(monkeypatch):
        visit(app, f"/l/{link_of(alices_post).code}")

    assert [line["visitor_hash"] for line in spooled(app)] == [None]


@pytest.mark.parametrize(
    ("minutes", "verdict"),
    [(-61, "valid"), (-59, "duplicate"), (59, "duplicate"), (61, "valid")],
)
def test_a_replayed_click_is_judged_by_its_own_time(
    app: Flask, alices_post: Any, minutes: int, verdict: str
) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id, "first"))
    replay_spool()

    spool.append(entry(link.id, "second", NOON + dt.timedelta(minutes=minutes)))
    replay_spool()

    assert {click.id: click.verdict for click in clicks()} == {"first": "valid", "second": verdict}


def test_a_replayed_click_is_judged_across_midnight(app: Flask, alices_post: Any) -> None:
    link, midnight = link_of(alices_post), dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    spool.append(entry(link.id, "before", midnight - dt.timedelta(minutes=5), visitor_hash="y" * 64))
    spool.append(entry(link.id, "after", midnight, visitor_hash="t" * 64, earlier_hash="y" * 64))

    replay_spool()

    assert {click.id: click.verdict for click in clicks()} == {"before": "valid", "after": "duplicate"}


def test_what_was_replayed_is_not_replayed_again(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    for _ in range(2):
        spool.append(entry(link.id))

        assert replay_spool() == 1
        assert replay_spool() == 0

    assert verdicts() == ["valid"]


def test_a_kill_between_renaming_and_inserting_loses_nothing(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id, "first", visitor_hash=None))
    for _ in spool.take():  # … and the process is killed here.
        break
    spool.append(entry(link.id, "second", visitor_hash=None))

    replay_spool()

    assert sorted(click.id for click in clicks()) == ["first", "second"]
    assert spool.waiting() == 0


def test_a_kill_between_inserting_and_removing_doubles_nothing(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool.append(entry(link_of(alices_post).id))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            replay_spool()

    assert spool.waiting() == 1
    replay_spool()

    assert verdicts() == ["valid"]
    assert spool.waiting() == 0


def test_a_torn_last_line_is_set_aside_and_reported(
    app: Flask, alices_post: Any, caplog: pytest.LogCaptureFixture
) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id))
    with (spool.folder() / spool.OPEN).open("ab") as file:
        file.write(to_line(entry(link.id, "torn"))[:40])

    replay_spool()

    assert [click.id for click in clicks()] == ["c" * 22]
    assert "broken line" in caplog.text
    assert spool.refused() == 1


BROKEN = {
    "rubbish": b"\x00\xff\xfe rubbish",
    "a list": b"[1,2,3]",
    "null": b"null",
    "deep": b"[" * 100_000,
    "no time": b'{"id":"x"}',
    "a time before all time": b'"at":"0001-01-01T00:00:00+23:00"',
    "an id that is a list": b'"id":["x"]',
    "an id that is a number": b'"id":17',
    "a lone surrogate": b'"id":"\\ud800"',
    "a NUL": b'"id":"a\\u0000b"',
    "no verdict": b'"verdict":null',
    "another verdict": b'"verdict":"perhaps"',
    "credit that is a word": b'"is_credited":"yes"',
    "credit that is a number": b'"is_credited":1',
    "a hash that is an object": b'"visitor_hash":{}',
    "a field of nobody's": b'"nobody":"x"',
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_line_blocks_no_click_behind_it(
    app: Flask, alices_post: Any, alice_client: FlaskClient, name: str
) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id, "before", visitor_hash=None))
    broken = BROKEN[name]
    if broken.startswith(b'"'):  # Named later, the field counts instead of the one before.
        whole = to_line(entry(link.id, "broken", visitor_hash=None)).rstrip(b"\n}")
        broken = whole + b"," + broken + b"}"
    with (spool.folder() / spool.OPEN).open("ab") as file:
        file.write(broken + b"\n")
    spool.append(entry(link.id, "behind", visitor_hash=None))

    export = alice_client.get("/partner/export.json")
    run_work(app)

    assert sorted(click.id for click in clicks()) == ["before", "behind"]
    assert export.status_code in {200, 303}
    assert spool.waiting() == 0
    assert (spool.folder() / spool.REFUSED).read_bytes() == broken + b"\n"
    assert (registry().doctor["spool"]() or "").startswith("1 lines are no clicks")


def test_a_spool_that_cannot_be_read_stops_neither_sweep_nor_export(app: Flask, alices_post: Any) -> None:
    spool.folder().mkdir()
    (spool.folder() / "taken-folder.jsonl").mkdir()

    assert replay_spool() == 0


def test_a_last_line_that_only_lacks_its_end_is_replayed(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id))
    path = spool.folder() / spool.OPEN
    os.truncate(path, path.stat().st_size - 1)

    replay_spool()

    assert verdicts() == ["valid"]


def test_a_line_after_a_torn_one_is_whole(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    spool.append(entry(link.id))
    path = spool.folder() / spool.OPEN
    os.truncate(path, path.stat().st_size - 20)

    spool.append(entry(link.id, "whole"))
    replay_spool()

    assert [click.id for click in clicks()] == ["whole"]


def test_a_click_whose_link_is_gone_is_kept_aside_and_the_others_go_on(app: Flask, alices_post: Any) -> None:
    spool.append(entry("no such link", "lost", visitor_hash=None))
    spool.append(entry(link_of(alices_post).id, "good", visitor_hash=None))

    replay_spool()

    assert [click.id for click in clicks()] == ["good"]
    assert b'"lost"' in (spool.folder() / spool.REFUSED).read_bytes()
    assert "refused.jsonl" in (registry().doctor["spool"]() or "")


def test_while_the_database_is_away_one_file_lies_aside_not_one_a_second(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = link_of(alices_post)

    def refuse(*_: Any) -> str:
        raise OperationalError("INSERT", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(replay, "write", refuse)
        for number in range(5):
            spool.append(entry(link.id, f"click{number}", visitor_hash=None))
            assert replay_spool() == 0
        assert len(list(spool.folder().glob(spool.TAKEN))) == 1
        assert "5 clicks wait" in (registry().doctor["spool"]() or "")

    assert replay_spool() == 5
    assert registry().doctor["spool"]() is None


def test_writers_and_replays_at_once_lose_and_double_nothing(app: Flask, alices_post: Any) -> None:
    link_id, done = link_of(alices_post).id, threading.Event()

    def write(writer: int) -> None:
        with app.app_context():
            for number in range(25):
                spool.append(entry(link_id, f"{writer}-{number}", visitor_hash=None))

    def replay_until_done() -> None:
        with app.app_context():
            while not done.wait(0.005):
                replay_spool()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    replays = [threading.Thread(target=replay_until_done) for _ in range(2)]
    for thread in writers + replays:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in replays:
        thread.join()
    while spool.waiting():
        replay_spool()

    assert len(clicks()) == len({click.id for click in clicks()}) == 100


def test_the_export_shows_what_waited_in_the_spool(app: Flask, alices_post: Any) -> None:
    spool.append(entry(link_of(alices_post).id))

    rows = registry().exports["clicks"](alices_post.partner_id)

    assert [row["id"] for row in rows] == ["c" * 22]


def no_space(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_click_that_nothing_takes_still_redirects_and_readiness_says_so(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, ready = f"/l/{link_of(alices_post).code}", registry().readiness["clicks"]
    assert ready() is None
    with refusing(monkeypatch), monkeypatch.context() as patched:
        patched.setattr(spool, "append", no_space)
        for _ in range(2):
            assert visit(app, path).status_code == 302

    assert "2 clicks" in (ready() or "")
    assert memory().lost == 2
    assert visit(app, "/readyz").status_code == 503
    visit(app, path)
    assert ready() is None


def test_a_locked_database_is_not_ready(app: Flask) -> None:
    with transaction():
        heartbeat.beat("worker")

    with locked_by_another(app):
        locked = visit(app, "/readyz").status_code

    assert locked == 503
    assert visit(app, "/readyz").status_code == 200


def test_a_line_that_the_disk_takes_in_part_is_taken_back(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, write = link_of(alices_post), os.write
    spool.append(entry(link.id, "first", visitor_hash=None))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, line: write(fd, line[:10]))
        with pytest.raises(OSError, match="part"):
            spool.append(entry(link.id, "second", visitor_hash=None))

    spool.append(entry(link.id, "third", visitor_hash=None))
    replay_spool()

    assert sorted(click.id for click in clicks()) == ["first", "third"]


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that does not even tell where a link leads."""

    def refuse(*_: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(targets, "_read", refuse)
        yield


def test_a_known_link_leads_on_while_the_database_is_away(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = link_of(alices_post).code
    visit(app, f"/l/{code}", "curl/8.5.0")

    with away(monkeypatch):
        person, preview = visit(app, f"/l/{code}"), visit(app, f"/l/{code}", "WhatsApp/2.23.20.0")

    assert (person.status_code, preview.status_code) == (302, 302)
    run_work(app)
    assert sorted(verdicts()) == ["bot", "preview_bot", "valid"]


def test_an_unknown_link_is_a_503_page_while_the_database_is_away(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away(monkeypatch):
        response = visit(app, f"/l/{link_of(alices_post).code}")

    assert response.status_code == 503
    assert "<h1>" in response.text
    assert "Set-Cookie" not in response.headers


def test_a_database_that_nobody_answers_for_costs_a_known_link_nothing(
    make_app: Any, alices_post: Any
) -> None:
    link = link_of(alices_post)
    app = make_app(DATABASE_URL="postgresql://postgres@127.0.0.1:1/nobody")
    known = Target(
        link.id, link.code, link.partner_id, link.submission_id, link.channel, link.destination, False
    )
    memory(app).remember(link.code, known)

    began = time.monotonic()
    response, unknown = visit(app, f"/l/{link.code}"), visit(app, "/l/0000000")

    assert (response.status_code, unknown.status_code) == (302, 503)
    assert visit(app, "/readyz").status_code == 503
    assert time.monotonic() - began < 10
    replay_spool()
    assert [click.id for click in clicks()] == [click_id(response)]


def test_the_doctor_sees_a_spool_that_cannot_be_written(app: Flask, tmp_path: Path) -> None:
    assert registry().doctor["spool"]() is None

    (tmp_path / "spool").touch()

    assert "cannot be written" in (registry().doctor["spool"]() or "")


def test_only_the_newest_links_are_remembered(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("contentflow.links.memory.MOST_TARGETS", 2)
    codes = [link_of(alices_post, channel).code for channel in ("x", "qr", "copy")]

    for code in codes:
        visit(app, f"/l/{code}")

    assert [memory().recall(code) is not None for code in codes] == [False, True, True]


def test_a_waiting_click_holds_nothing_but_its_hash(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    visit(app, f"/l/{link_of(alices_post).code}", "curl/8.5.0")
    with refusing(monkeypatch):
        visit(app, f"/l/{link_of(alices_post).code}", PHONE)

    (line,) = spooled(app)
    assert set(line) == {
        "id", "link_id", "is_credited", "at", "verdict", "agent_class", "visitor_hash", "earlier_hash",
        "ip_hash", "earlier_ip_hash", "block_hash",
    }  # fmt: skip
