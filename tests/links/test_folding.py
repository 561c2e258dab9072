"""Journals become rows: each click once, in the order of time, whatever was killed or spoilt when."""

from __future__ import annotations

import datetime as dt
import os
import random
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, func, select
from sqlalchemy.exc import OperationalError

from contentflow.core import clock
from contentflow.core.clock import day_of
from contentflow.core.db import db, is_sqlite, transaction
from contentflow.core.registry import registry
from contentflow.links import folding, gauges, journal_files, services
from contentflow.links.clicks import intake
from contentflow.links.folding import Folding, fold
from contentflow.links.journal import Journal
from contentflow.links.journal_lines import JournaledClick, to_line
from contentflow.links.models import Click, Link, LinkDay, LinkTotal, PartnerDay
from contentflow.links.sums import microseconds
from tests.links.visitors import clicks, link_of, visit

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)


def waiting(link: Link, name: str = "c", at: dt.datetime = NOON, **fields: Any) -> JournaledClick:
    click_id = link.code + name.ljust(15, "0")
    shape = {"verdict": "valid", "agent_class": "mobile", "is_attributed": True}
    return JournaledClick(**{"id": click_id, "at_us": microseconds(at), **shape, **fields})


def wait(*waits: JournaledClick) -> None:
    for click in waits:
        intake().journal.append(to_line(click))


def left_behind(folder: Path, *parts: bytes) -> Path:
    """A journal of a process that is gone."""
    (folder / "journal").mkdir(exist_ok=True)
    path = folder / "journal" / f"{random.randrange(10**9)}.journal"
    path.write_bytes(b"".join(parts))
    return path


def names() -> list[str]:
    return [click.id[7:].rstrip("0") for click in clicks()]


def folded() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count(Click.id))) or 0


def by_name() -> dict[str, str]:
    return {click.id[7:].rstrip("0"): click.verdict for click in clicks()}


def sums() -> tuple[Counter[Any], ...]:
    db.session.rollback()
    link_days = select(LinkDay.link_id, LinkDay.day, LinkDay.verdict, LinkDay.clicks)
    totals = select(LinkTotal.link_id, LinkTotal.verdict, LinkTotal.clicks)
    key = (PartnerDay.partner_id, PartnerDay.channel, PartnerDay.day, PartnerDay.verdict)
    found = [db.session.execute(rows) for rows in (link_days, totals, select(*key, PartnerDay.clicks))]
    return tuple(Counter({row[:-1]: row[-1] for row in map(tuple, rows)}) for rows in found)


def recounted() -> tuple[Counter[Any], ...]:
    rows = db.session.execute(
        select(Click.link_id, Click.clicked_at, Click.verdict, Link.channel, Click.partner_id)
        .join(Link, Link.id == Click.link_id)
        .where(Click.partner_id.is_not(None))
    ).all()
    return (
        Counter((row.link_id, day_of(row.clicked_at), row.verdict) for row in rows),
        Counter((row.link_id, row.verdict) for row in rows),
        Counter((row.partner_id, row.channel, day_of(row.clicked_at), row.verdict) for row in rows),
    )


def test_a_folded_click_keeps_its_id_time_verdict_and_partner(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    wait(waiting(link, verdict="bot", agent_class="bot"))

    assert fold() == 1

    (click,) = clicks()
    assert (click.clicked_at, click.verdict, click.agent_class) == (NOON, "bot", "bot")
    assert (click.link_id, click.partner_id) == (link.id, alices_post.partner_id)
    assert (click.visitor_hash, click.ip_hash, click.block_hash) == (None, None, None)


def test_a_click_that_is_nobodys_stays_so(app: Flask, alices_post: Any) -> None:
    wait(waiting(link_of(alices_post), is_attributed=False))

    fold()

    assert [click.partner_id for click in clicks()] == [None]
    assert services.verdict_counts([alices_post.id]) == {alices_post.id: {}}


def test_what_was_folded_is_not_folded_again(app: Flask, alices_post: Any) -> None:
    wait(waiting(link_of(alices_post), "first"))
    assert (fold(), fold()) == (1, 0)

    wait(waiting(link_of(alices_post), "second"))

    assert (fold(), fold()) == (1, 0)
    assert names() == ["first", "second"]


def test_a_fold_that_forgot_how_far_it_came_doubles_nothing(
    app: Flask, alices_post: Any, tmp_path: Path
) -> None:
    wait(*(waiting(link_of(alices_post), f"n{number}", visitor_hash=f"v{number}") for number in range(5)))
    fold()
    before = sums()

    (tmp_path / "journal" / "folded.json").write_text("{")
    fold()

    assert len(clicks()) == 5
    assert sums() == before == recounted()


def test_the_journal_of_a_dead_process_is_folded_and_removed(
    app: Flask, alices_post: Any, tmp_path: Path
) -> None:
    dead = left_behind(tmp_path, to_line(waiting(link_of(alices_post), "dead")))
    wait(waiting(link_of(alices_post), "living"))

    fold()

    assert sorted(names()) == ["dead", "living"]
    assert not dead.exists()
    assert len(list((tmp_path / "journal").glob("*.journal"))) == 1
    intake().journal.rotate()
    fold()
    assert list((tmp_path / "journal").glob("*.journal")) == []


def test_clicks_of_several_journals_are_judged_in_the_order_of_time(
    app: Flask, alices_post: Any, tmp_path: Path
) -> None:
    link = link_of(alices_post)
    odd, even = (
        [waiting(link, f"m{n}", NOON + n * MINUTE, visitor_hash="v") for n in range(start, 130, 10)]
        for start in (0, 5)
    )
    for part in (even, odd):
        left_behind(tmp_path, *map(to_line, part))

    fold()

    assert [name for name, verdict in by_name().items() if verdict == "valid"] == ["m", "m6", "m12"]


LINE_BYTES = len(to_line(JournaledClick("c" * 22, microseconds(NOON), "valid", "mobile", True)))


@pytest.mark.parametrize("cut", range(1, LINE_BYTES))
def test_a_journal_cut_at_any_byte_of_its_last_line_loses_that_line_alone(
    app: Flask, alices_post: Any, tmp_path: Path, cut: int
) -> None:
    link = link_of(alices_post)
    whole, last = to_line(waiting(link, "whole")), to_line(waiting(link, "last"))
    dead = left_behind(tmp_path, whole, last[: len(last) - cut])

    fold()

    assert names() == (["last", "whole"] if cut == 1 else ["whole"])
    assert (dead.exists(), journal_files.refused()) == (False, 0)


def test_a_line_that_its_process_still_writes_is_left_until_it_is_whole(app: Flask, alices_post: Any) -> None:
    line, journal = to_line(waiting(link_of(alices_post))), intake().journal
    wait(waiting(link_of(alices_post), "first"))
    os.write(journal._fd, line[:30])

    assert (fold(), fold()) == (1, 0)
    os.write(journal._fd, line[30:])

    assert fold() == 1
    assert names() == ["c", "first"]


BROKEN = {
    "rubbish": b"\x00\xff\xfe rubbish",
    "another checksum": b"0004 00000000 1\t2\t",
    "JSON": b'{"id":"x"}',
    "only blanks": b"                    ",
    "long": b"x" * 5_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_broken_line_blocks_no_click_behind_it(
    app: Flask, alices_post: Any, alice_client: FlaskClient, tmp_path: Path, name: str
) -> None:
    link = link_of(alices_post)
    before, behind = (to_line(waiting(link, where)) for where in ("before", "behind"))
    left_behind(tmp_path, before, BROKEN[name] + b"\n", behind)

    export = alice_client.get("/partner/export.json")

    assert sorted(names()) == ["before", "behind"]
    assert export.status_code in {200, 303}
    kept = (tmp_path / "journal" / "refused.lines").read_bytes()
    assert kept == BROKEN[name][:1024] + b"\n"
    assert (registry().doctor["journal"]() or "").startswith("1 lines are no clicks")


def test_rubbish_without_end_is_set_aside(
    app: Flask, alices_post: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_files, "_AT_ONCE", 4_096)
    rubbish = left_behind(tmp_path, bytes(50_000))

    fold()

    assert not rubbish.exists()
    assert fold() == 0


def test_what_is_no_file_stops_nobody(app: Flask, alices_post: Any, tmp_path: Path) -> None:
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "folder.journal").mkdir()
    wait(waiting(link_of(alices_post)))

    fold()

    assert names() == ["c"]


def test_each_visitor_is_looked_up_in_the_index_before_anything_was_counted(
    app: Flask, alices_post: Any
) -> None:
    link = link_of(alices_post)
    asked: list[tuple[str, Any]] = []

    def keep(*given: Any) -> None:
        asked.append(given[2:4])

    def crowd(letter: str) -> None:
        for one in (f"{letter}{number}" for number in range(3_000)):
            wait(waiting(link, f"{one}x", visitor_hash=one, ip_hash=one))

    crowd("a")
    fold()
    crowd("b")
    event.listen(Engine, "before_cursor_execute", keep)
    fold()
    event.remove(Engine, "before_cursor_execute", keep)

    explained = "EXPLAIN QUERY PLAN" if is_sqlite() else "EXPLAIN"
    for condition, index in (("visitor_lookup =", "visitor_lookup"), ("ip_lookup BETWEEN", "ip_lookup")):
        statement, values = next(pair for pair in asked if f"clicks.{condition}" in pair[0])
        plan = db.session.connection().exec_driver_sql(f"{explained} {statement}", values)
        on_clicks = [
            line
            for line in map(str, plan)
            if "clicks" in line and "rowid=?" not in line and ("SEARCH" in line or "Scan" in line)
        ]
        # A heap is read by what an index found; that index is a line of its own.
        used = {f"ix_clicks_{index}" in line for line in on_clicks if "Bitmap Heap" not in line}
        assert used == {True}


def test_a_click_whose_link_is_gone_is_set_aside_and_the_others_go_on(
    app: Flask, alices_post: Any, tmp_path: Path
) -> None:
    link = link_of(alices_post)
    wait(waiting(link, "lost")._replace(id="0000000" + "x" * 15), waiting(link, "good"))

    fold()

    assert names() == ["good"]
    assert b"0000000xxx" in (tmp_path / "journal" / "refused.lines").read_bytes()
    assert fold() == 0


def test_a_click_that_the_database_never_takes_is_set_aside_alone(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    wait(*(waiting(link, f"n{number}", NOON + number * MINUTE) for number in range(1, 8)))
    wait(waiting(link, "evil", agent_class="a\x00b"))

    fold()

    assert [name for name in names() if name != "evil"] == [f"n{number}" for number in range(1, 8)]
    assert journal_files.refused() == (0 if is_sqlite() else 1)  # SQLite takes what PostgreSQL refuses.


def test_while_the_database_is_away_journals_wait_and_then_all_are_folded(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> set[str]:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    wait(*(waiting(link_of(alices_post), f"n{number}") for number in range(1, 6)))
    with monkeypatch.context() as patched:
        patched.setattr(folding, "write_batch", refuse)
        assert fold() == 0
        patched.setattr(folding, "IDLE_SECONDS", 0.0)
        assert "5 clicks wait" in (registry().doctor["journal"]() or "")

    assert fold() == 5
    assert registry().doctor["journal"]() is None


def test_one_process_folds_at_a_time(app: Flask, alices_post: Any) -> None:
    wait(waiting(link_of(alices_post)))
    with journal_files.the_only_folder() as is_ours:
        assert is_ours
        assert fold() == 0

    assert fold() == 1


def test_writers_and_folders_at_once_lose_and_double_nothing(app: Flask, alices_post: Any) -> None:
    link, done = link_of(alices_post), threading.Event()
    journals = [Journal(intake().journal.folder) for _ in range(4)]

    def write(writer: int) -> None:
        for number in range(1, 26):
            journals[writer].append(to_line(waiting(link, f"w{writer}x{number}y")))
            if number % 7 == 0:
                journals[writer].rotate()

    def fold_until_done() -> None:
        with app.app_context():
            while not done.wait(0.005):
                fold()

    writers = [threading.Thread(target=write, args=(writer,)) for writer in range(4)]
    folders = [threading.Thread(target=fold_until_done) for _ in range(2)]
    for thread in writers + folders:
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in folders:
        thread.join()
    fold()
    for journal in journals:
        journal.close()

    assert len(set(names())) == len(clicks()) == 100
    assert sums() == recounted()


def test_the_export_shows_what_waits(app: Flask, alices_post: Any) -> None:
    wait(waiting(link_of(alices_post)))

    rows = registry().exports["clicks"](alices_post.partner_id)

    assert len(rows) == 1


@pytest.mark.parametrize(
    ("minutes", "verdict"), [(-61, "valid"), (-59, "duplicate"), (59, "duplicate"), (61, "valid")]
)
def test_a_click_that_comes_late_is_judged_by_its_own_time(
    app: Flask, alices_post: Any, minutes: int, verdict: str
) -> None:
    link = link_of(alices_post)
    wait(waiting(link, "first", visitor_hash="v"))
    fold()

    wait(waiting(link, "second", NOON + minutes * MINUTE, visitor_hash="v"))
    fold()

    assert by_name() == {"first": "valid", "second": verdict}


def test_a_click_is_judged_across_midnight(app: Flask, alices_post: Any) -> None:
    link, midnight = link_of(alices_post), dt.datetime(2026, 3, 2, tzinfo=dt.UTC)
    wait(waiting(link, "before", midnight - 5 * MINUTE, visitor_hash="yesterday"))
    wait(waiting(link, "after", midnight, visitor_hash="today", earlier_hash="yesterday"))

    fold()

    assert by_name() == {"before": "valid", "after": "duplicate"}


def test_hosts_whose_clocks_differ_count_a_visitor_once(app: Flask, alices_post: Any, tmp_path: Path) -> None:
    link = link_of(alices_post)
    ahead = [waiting(link, f"a{n}", NOON + 20 * MINUTE, visitor_hash=f"v{n}") for n in range(1, 9)]
    behind = [waiting(link, f"b{n}", NOON - 20 * MINUTE, visitor_hash=f"v{n}") for n in range(1, 9)]
    left_behind(tmp_path, *map(to_line, ahead))
    fold()
    left_behind(tmp_path, *map(to_line, behind))
    fold()

    assert Counter(by_name().values()) == {"valid": 8, "duplicate": 8}
    assert sums() == recounted()


def test_bursts_are_found_within_and_across_batches(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding, "MAX_BATCH", 7)
    link, second = link_of(alices_post), dt.timedelta(milliseconds=100)
    wait(
        *(
            waiting(link, f"n{n}x", NOON + n * second, visitor_hash=f"v{n}", ip_hash="farm")
            for n in range(100)
        )
    )

    fold()

    assert Counter(by_name().values()) == {"valid": 60, "fraud": 40}


def test_the_newest_of_an_address_count_in_whatever_order_they_came(app: Flask, alices_post: Any) -> None:
    link = link_of(alices_post)
    for name, seconds, number in (("b", 30.9, 36), ("a", 30.1, 36), ("c", 70, 24), ("last", 90.5, 1)):
        at = NOON + dt.timedelta(seconds=seconds)
        for one in (f"{name}{n}x" for n in range(number)):
            wait(waiting(link, one, at, visitor_hash=one, ip_hash="farm"))
        fold()

    # Of the minute before it: those of 30.9 and of 70 seconds, sixty in all.
    assert by_name()["last0x"] == "fraud"


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_the_size_of_batches_changes_no_verdict_and_no_sum(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(folding, "MAX_BATCH", batch)
    chance, links = random.Random(7), services.links_of(alices_post.id)
    october = dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)  # The clocks go back in an hour and a half.
    wanted = []
    for number in range(120):
        wanted.append(
            waiting(
                links[chance.choice(["x", "copy", "qr"])],
                f"n{number}x",
                october + number * MINUTE,
                verdict=chance.choice(["valid", "valid", "valid", "bot"]),
                is_attributed=chance.random() < 0.8,
                visitor_hash=f"v{chance.randrange(6)}",
            )
        )
    db.session.rollback()
    wait(*wanted)

    fold()

    assert sums() == recounted()
    assert Counter(by_name().values()) == Counter(expected(wanted))


def expected(wanted: list[JournaledClick]) -> list[str]:
    """Judge one click after the other, as plainly as can be."""
    valid: dict[tuple[str, str, bool], int] = {}
    verdicts = []
    for click in wanted:
        key = (click.id[:7], click.visitor_hash, click.is_attributed)
        is_near = key in valid and click.at_us - valid[key] < 3_600_000_000
        if click.verdict == "valid" and is_near:
            verdicts.append("duplicate")
            continue
        if click.verdict == "valid":
            valid[key] = click.at_us
        verdicts.append(click.verdict)
    return verdicts


def test_an_erasure_reaches_what_was_set_aside_and_the_open_journal(
    app: Flask, alice: Any, alices_post: Any, tmp_path: Path
) -> None:
    code = link_of(alices_post).code
    left_behind(tmp_path, f"broken {code}\n".encode(), b"broken too\n")
    wait(waiting(link_of(alices_post)))
    fold()

    with transaction():
        list(services.erase_journaled(alice.id, ""))
    fold()

    kept = b"".join(path.read_bytes() for path in (tmp_path / "journal").iterdir())
    assert code.encode() not in kept
    assert b"broken too" in kept


def test_the_lag_is_the_age_of_the_oldest_click_that_waits(app: Flask, alices_post: Any):
    link = link_of(alices_post)
    assert gauges.fold_lag() == {"journal": 0.0}

    now = clock.now()
    wait(waiting(link, "a", now - 3 * MINUTE), waiting(link, "b", now))

    assert gauges.fold_lag()["journal"] == pytest.approx(180, abs=5)
    fold()
    assert gauges.fold_lag() == {"journal": 0.0}
    wait(waiting(link, "c", now - MINUTE))
    assert gauges.fold_lag()["journal"] == pytest.approx(60, abs=5)


@pytest.mark.parametrize(("is_backup", "passes"), [(True, 1), (False, 3)])
def test_a_backup_leaves_the_rest_to_the_worker(
    app: Flask, monkeypatch: pytest.MonkeyPatch, is_backup: bool, passes: int
) -> None:
    left = [1_000, 1_000, 0]
    monkeypatch.setattr(folding, "fold_some", lambda seconds: left.pop(0))

    Folding(app, is_backup=is_backup)._fold()

    assert 3 - len(left) == passes


def test_a_long_pass_says_after_each_batch_that_somebody_folds(
    app: Flask, unfolded: None, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, link = [], link_of(alices_post)
    monkeypatch.setattr(folding, "MAX_BATCH", 1)
    monkeypatch.setattr(journal_files, "_say_folding", lambda: said.append(folded()))
    for _ in range(3):
        visit(app, f"/l/{link.code}")

    fold()

    assert {1, 2, 3} <= set(said)


def test_a_web_process_folds_on_where_links_cannot_be_read_ahead(
    app: Flask, unfolded: None, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def fail() -> None:
        tried.append(1)
        raise ZeroDivisionError

    monkeypatch.setattr(folding, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(intake(app).links, "read_ahead", fail)
    visit(app, f"/l/{link_of(alices_post).code}")
    web = Folding(app, is_backup=True)
    web.start()
    until = time.monotonic() + 20
    while not folded() and time.monotonic() < until:
        time.sleep(0.02)
    web.stop()

    assert (bool(tried), folded()) == (True, 1)
