"""A click is a line in its process's journal before the visitor is answered, whatever the disk does."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, text
from sqlalchemy.exc import OperationalError

from contentflow.core import heartbeat
from contentflow.core.db import BUSY_SECONDS, db, is_sqlite, transaction
from contentflow.core.registry import registry
from contentflow.links import journal as journal_module
from contentflow.links import journal_files, link_cache, services, short_transaction, targets
from contentflow.links.clicks import intake
from contentflow.links.folding import fold
from contentflow.links.journal import Journal
from contentflow.links.journal_lines import MAX_LINE, JournaledClick, NotAClick, from_line, to_line
from contentflow.links.link_cache import LinkCache
from contentflow.links.models import LinkChange
from contentflow.links.targets import SharedReader, Target, target_of
from tests.links.visitors import click_id, clicks, link_of, verdicts, visit

NOON_US = 1_772_366_400_000_000
CLICK = JournaledClick("c" * 22, NOON_US, "valid", "mobile", True, "v" * 64, "", "i" * 64, "", "b" * 64)


def journals(folder: Path) -> list[Path]:
    return sorted((folder / "journal").glob("*.journal"))


def lines(folder: Path) -> list[JournaledClick]:
    return [from_line(line) for path in journals(folder) for line in path.read_bytes().splitlines()]


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


@contextmanager
def away(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A database that does not even tell where a link leads."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OperationalError("SELECT", {}, Exception("away"))

    with monkeypatch.context() as patched:
        for asking in (link_cache, targets):
            patched.setattr(asking, "short_transaction", refuse)
        yield


@given(
    st.builds(
        lambda *fields: JournaledClick(*fields),
        st.from_regex(r"[0-9A-Za-z]{22}", fullmatch=True),
        st.integers(0, 2**53),
        st.sampled_from(["valid", "bot", "self"]),
        st.sampled_from(["mobile", "bot"]),
        st.booleans(),
        st.sampled_from(["", "a" * 64]),
    )
)
def test_a_line_is_read_as_it_was_written(click: JournaledClick) -> None:
    line = to_line(click)

    assert from_line(line.removesuffix(b"\n")) == click
    assert line.count(b"\n") == 1
    assert len(line) < MAX_LINE


@given(st.integers(0, len(to_line(CLICK)) - 2), st.integers(1, 255))
def test_a_line_with_one_other_byte_is_no_click(place: int, change: int) -> None:
    line = bytearray(to_line(CLICK)[:-1])
    line[place] ^= change

    with pytest.raises(NotAClick):
        from_line(bytes(line))


@pytest.mark.parametrize(
    "spoilt",
    [
        CLICK._replace(verdict="perhaps"),
        CLICK._replace(id="short"),
        CLICK._replace(id="é" * 22),
        CLICK._replace(visitor_hash="a\tb"),
    ],
)
def test_a_whole_line_that_says_no_click_is_none(spoilt: JournaledClick) -> None:
    with pytest.raises(NotAClick):
        from_line(to_line(spoilt).removesuffix(b"\n"))


def test_the_line_holds_hashes_and_no_more_of_the_visitor(
    unfolded: None, app: Flask, alices_post: Any, tmp_path: Path
) -> None:
    answer = visit(app, f"/l/{link_of(alices_post).code}")
    visit(app, f"/l/{link_of(alices_post).code}", "curl/8.5.0")

    person, robot = lines(tmp_path)
    assert person.id == click_id(answer)
    assert (person.verdict, person.agent_class, person.is_attributed) == ("valid", "mobile", True)
    assert [len(known) for known in (person.visitor_hash, person.ip_hash, person.block_hash)] == [37] * 3
    assert (robot.verdict, robot.visitor_hash, robot.ip_hash, robot.block_hash) == ("bot", "", "", "")
    assert journals(tmp_path)[0].stat().st_mode & 0o777 == 0o600


def test_a_forked_process_begins_a_journal_of_its_own(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal")
    journal.append(to_line(CLICK))
    pid = os.fork()
    if not pid:
        journal.append(to_line(CLICK._replace(id="f" * 22)))
        os._exit(0)
    os.waitpid(pid, 0)

    journal.append(to_line(CLICK._replace(id="p" * 22)))
    own = [journal_files.JournalFile(path, 0) for path in journals(tmp_path)]

    assert sorted(
        (file.is_dead, [line.click.id[0] for line in file.lines() if line.click]) for file in own
    ) == [
        (False, ["c", "p"]),
        (True, ["f"]),
    ]
    for file in own:
        file.close()
    journal.close()


def test_a_draft_that_is_taken_for_one_left_behind_costs_no_click(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, swept = Path.rename, []

    def sweep_first(draft: Path, target: Path) -> Path:
        if not swept:
            swept.append(draft)
            draft.unlink()
        return rename(draft, target)

    monkeypatch.setattr(Path, "rename", sweep_first)
    journal = Journal(tmp_path / "journal")

    journal.append(to_line(CLICK))

    assert swept
    assert (lines(tmp_path), journal.lost) == ([CLICK], 0)
    journal.close()


def test_what_is_written_reaches_the_disk_within_moments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = threading.Event()
    fdatasync = os.fdatasync
    monkeypatch.setattr(os, "fdatasync", lambda fd: (fdatasync(fd), synced.set()))
    journal = Journal(tmp_path / "journal")

    journal.append(to_line(CLICK))

    assert synced.wait(5)
    journal.close()


def test_a_file_ends_after_some_seconds_and_the_next_click_begins_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_module, "ROTATE_SECONDS", 0.0)
    journal = Journal(tmp_path / "journal")
    journal.append(to_line(CLICK))
    until = time.monotonic() + 10
    while journal._fd >= 0 and time.monotonic() < until:
        time.sleep(0.01)

    journal.append(to_line(CLICK))

    assert len(journals(tmp_path)) == 2
    journal.close()


def test_a_line_that_the_disk_takes_in_part_is_taken_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, write = Journal(tmp_path / "journal"), os.write
    journal.append(to_line(CLICK))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda fd, line: write(fd, line[:10]))
        with pytest.raises(OSError, match="part"):
            journal.append(to_line(CLICK._replace(id="d" * 22)))
    assert (journal.lost, journal.is_losing) == (1, True)

    journal.append(to_line(CLICK._replace(id="e" * 22)))

    assert [click.id[0] for click in lines(tmp_path)] == ["c", "e"]
    assert not journal.is_losing
    journal.close()


def no_space(*_: Any) -> None:
    raise OSError(28, "No space left on device")


def test_a_click_that_the_disk_refuses_still_redirects_and_readiness_says_so(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path, ready = f"/l/{link_of(alices_post).code}", registry().readiness["clicks"]
    assert ready() is None
    with monkeypatch.context() as patched:
        patched.setattr(Journal, "_write", no_space)
        for _ in range(2):
            assert visit(app, path).status_code == 302

    assert "2 clicks" in (ready() or "")
    assert len([line for line in caplog.messages if "written nowhere" in line]) == 1
    assert visit(app, "/readyz").status_code == 503
    visit(app, path)
    assert ready() is None


def test_a_disk_that_fails_is_seen_before_the_next_click(app: Flask, tmp_path: Path) -> None:
    ready, doctor = registry().readiness["clicks"], registry().doctor["journal"]
    assert (ready(), doctor()) == (None, None)

    shutil.rmtree(tmp_path / "journal")
    (tmp_path / "journal").touch()

    assert "cannot be written" in (ready() or "")
    assert "cannot be written" in (doctor() or "")


def test_a_disk_that_does_not_keep_what_it_took_is_not_ready(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        intake().journal.append(to_line(CLICK))
        intake().journal.sync()
        assert "Input/output" in (registry().readiness["clicks"]() or "")

    intake().journal.append(to_line(CLICK))
    intake().journal.sync()
    assert registry().readiness["clicks"]() is None


def test_a_locked_database_keeps_no_visitor_waiting_and_loses_no_click(
    unfolded: None, app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(short_transaction, "PATIENCE_SECONDS", 0.15)
    path = f"/l/{link_of(alices_post).code}"

    with locked_by_another(app):
        began = time.monotonic()
        response = visit(app, path)
        waited = time.monotonic() - began

    assert response.status_code == 302
    assert waited < 8
    assert [click.id for click in clicks()] == [click_id(response)]


def test_a_busy_moment_of_the_visitor_leaves_the_usual_timeouts_behind(app: Flask, alices_post: Any) -> None:
    visit(app, f"/l/{link_of(alices_post).code}")

    if is_sqlite():
        with db.engine.connect() as connection:
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == BUSY_SECONDS * 1000
    else:
        assert db.session.execute(text("SHOW lock_timeout")).scalar() == "1min"


def test_a_locked_database_is_not_ready(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(short_transaction, "PATIENCE_SECONDS", 0.15)
    with transaction():
        heartbeat.beat("worker")

    with locked_by_another(app):
        locked = visit(app, "/readyz").status_code

    assert locked == 503
    assert visit(app, "/readyz").status_code == 200


def test_a_known_link_leads_on_while_the_database_is_away(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = link_of(alices_post).code
    visit(app, f"/l/{code}", "curl/8.5.0")
    intake().links.clear()

    with away(monkeypatch):
        person, preview = visit(app, f"/l/{code}"), visit(app, f"/l/{code}", "WhatsApp/2.23.20.0")

    assert (person.status_code, preview.status_code) == (302, 302)
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
    unfolded: None, make_app: Any, alices_post: Any
) -> None:
    link = link_of(alices_post)
    app = make_app(DATABASE_URL="postgresql://postgres@127.0.0.1:1/nobody")
    columns = link.code, link.partner_id, link.submission_id, link.channel, link.destination, None, None
    known = target_of(columns, -1)
    assert known is not None
    intake(app).links._known[link.code] = known

    began = time.monotonic()
    response, unknown = visit(app, f"/l/{link.code}"), visit(app, "/l/0000000")

    assert (response.status_code, unknown.status_code) == (302, 503)
    assert visit(app, "/readyz").status_code == 503
    assert time.monotonic() - began < 10
    fold()
    assert [click.id for click in clicks()] == [click_id(response)]


def test_a_withdrawn_link_stops_elsewhere_once_it_is_asked_for_again(
    make_app: Any, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there, path = make_app(), make_app(), f"/l/{link_of(alices_post).code}"
    assert visit(there, path).status_code == 302
    with here.app_context(), transaction():
        db.session.execute(text("UPDATE links SET disabled_at = created_at"))

    assert visit(there, path).status_code == 302
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + link_cache.FRESH_SECONDS + 0.1)

    assert visit(there, path).status_code == 410


def test_links_that_nobody_changed_are_not_asked_for_again(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, asked = f"/l/{link_of(alices_post).code}", []
    visit(app, path)
    reader = intake(app).links._reader
    read = reader.read
    monkeypatch.setattr(reader, "read", lambda *given: asked.append(given) or read(*given))

    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + link_cache.FRESH_SECONDS + 0.1)
    assert visit(app, path).status_code == 302
    assert asked == []

    with transaction():
        db.session.execute(text("UPDATE links SET destination = 'https://elsewhere.example.com/'"))
    monkeypatch.setattr(time, "monotonic", lambda: now + 2 * link_cache.FRESH_SECONDS + 0.2)
    assert visit(app, path).headers["Location"] == "https://elsewhere.example.com/"


def test_a_link_that_is_withdrawn_while_it_is_read_is_asked_for_again(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, cache = link_of(alices_post), intake().links
    read = cache._reader.read

    def slowly(name: str, generation: int) -> Target | None:
        target = read(name, generation)
        with transaction():
            services.disable_links(alices_post.id)
        return target

    with monkeypatch.context() as patched:
        patched.setattr(cache._reader, "read", slowly)
        assert visit(app, f"/l/{link.code}").status_code == 302

    assert cache.fresh(link.code) is None
    assert visit(app, f"/l/{link.code}").status_code == 410


def test_a_crowd_for_many_links_asks_few_questions_and_each_gets_its_own_answer(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [link.code for link in services.links_of(alices_post.id).values()]
    db.session.rollback()
    codes, asked, reader = [*known, "0000000"] * 20, [], SharedReader()

    @contextmanager
    def counted(*, writes: bool) -> Iterator[Any]:
        asked.append(writes)
        time.sleep(0.02)
        with short_transaction.short_transaction(writes=writes) as connection:
            yield connection

    def read(code: str) -> str | None:
        with app.app_context():
            target = reader.read(code, 1)
        return target and target.code

    monkeypatch.setattr(targets, "short_transaction", counted)
    with ThreadPoolExecutor(32) as threads:
        found = list(threads.map(read, codes))

    assert found == [code if code in known else None for code in codes]
    assert len(asked) <= len(codes) / 8


def test_a_crowd_that_the_database_refuses_is_told_so_and_the_next_is_answered(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, reader = link_of(alices_post).code, SharedReader()

    def read(_: int) -> Any:
        with app.app_context():
            return reader.read(code, 1)

    with away(monkeypatch), ThreadPoolExecutor(8) as threads:
        for answer in [threads.submit(read, number) for number in range(40)]:
            with pytest.raises(OperationalError):
                answer.result()

    assert reader.read(code, 1).code == code


def test_old_changes_go_and_one_that_commits_late_is_seen(app: Flask, alices_post: Any) -> None:
    changed = text("UPDATE links SET destination = destination WHERE channel = 'x'")
    with transaction():
        for _ in range(link_cache.MAX_CHANGES + 5):
            db.session.execute(changed)

    assert link_cache.forget_changes() == 5
    assert link_cache.forget_changes() == 0

    before = db.session.execute(link_cache._CHANGES).one()
    with transaction():
        db.session.execute(delete(LinkChange).where(LinkChange.id == before[1] + 10))
    assert db.session.execute(link_cache._CHANGES).one() != before


def test_the_links_asked_for_last_are_known(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link_cache, "MAX_LINKS", 2)
    x, qr, copy = (link_of(alices_post, channel).code for channel in ("x", "qr", "copy"))

    for code in (x, qr, x, copy):
        visit(app, f"/l/{code}")

    assert [intake().links.fresh(code) is not None for code in (x, qr, copy)] == [True, False, True]


def test_what_links_have_in_common_is_kept_once(app: Flask, alices_post: Any) -> None:
    x, qr = (intake().links.find(link_of(alices_post, channel).code) for channel in ("x", "qr"))

    assert x is not None and qr is not None
    assert x.destination is qr.destination
    assert x.partner_id is qr.partner_id


def test_to_forget_a_link_costs_the_same_however_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    # The first key of a plain dict stands behind the places of all that were removed: 50 times as long.
    def cost_of(known: int) -> float:
        monkeypatch.setattr(link_cache, "MAX_LINKS", known)
        cache, target = LinkCache(), Target("0000000", "", "x", "", False, "", 0)
        for number in range(known):
            cache._keep(str(number), target)
        began = time.process_time()
        for number in range(known, 2 * known):
            cache._keep(str(number), target)
        return (time.process_time() - began) / known

    few, many = (min(cost_of(known) for _ in range(3)) for known in (2_000, 60_000))
    assert many < 5 * few


def test_a_process_that_begins_reads_all_links_where_there_is_room(
    app: Flask, make_app: Any, alices_post: Any
) -> None:
    fresh, codes = make_app(), [link_of(alices_post, channel).code for channel in ("x", "qr", "copy")]
    with fresh.app_context():
        links = intake().links
        links.find(codes[0])  # Its first visitor came before.
        links.read_ahead()

        assert list(links._known)[-1] == codes[0]  # Those that nobody asked for are forgotten first.
        assert None not in [links.fresh(code) for code in codes]


def test_what_a_change_or_a_refusal_left_of_the_first_links_is_read_a_minute_later(
    app: Flask, make_app: Any, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    fresh, now = make_app(), time.monotonic()
    codes = [link_of(alices_post, channel).code for channel in ("x", "qr", "copy")]
    monkeypatch.setattr(link_cache, "AHEAD_AT_ONCE", 1)
    monkeypatch.setattr(link_cache, "AHEAD_SECONDS", 0.001)  # Less than the pause after each.
    refused = OperationalError("SELECT", {}, Exception("away"))
    with fresh.app_context():
        links = intake().links
        with monkeypatch.context() as patched, pytest.raises(OperationalError):
            patched.setattr(link_cache, "_likely", Mock(side_effect=refused))
            links.read_ahead()
        monkeypatch.setattr(time, "monotonic", lambda: now + 61)
        links.read_ahead()
        links.clear()
        links.read_ahead()
        assert [links.fresh(code) for code in codes] == [None] * 3

        monkeypatch.setattr(time, "monotonic", lambda: now + 122)
        links._look_for_changes()
        monkeypatch.setattr(link_cache, "AHEAD_SECONDS", 1)
        links.read_ahead()
        assert None not in [links.fresh(code) for code in codes]


def test_a_process_that_begins_reads_the_links_that_were_clicked(
    app: Flask, make_app: Any, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, qr, copy = (link_of(alices_post, channel).code for channel in ("x", "qr", "copy"))
    for code in (x, qr, qr):
        visit(app, f"/l/{code}")
    monkeypatch.setattr(link_cache, "AHEAD_AT_ONCE", 1)
    monkeypatch.setattr(link_cache, "MAX_LINKS", 2)
    fresh = make_app()

    with fresh.app_context():
        links = intake().links
        links.read_ahead()

        assert [links.fresh(code) is not None for code in (x, qr, copy)] == [True, True, False]
        assert list(links._known) == [x, qr]  # The most clicked is forgotten last.


def test_links_are_read_anew_after_a_change_and_not_all_the_time(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x, qr = (link_of(alices_post, channel).code for channel in ("x", "qr"))
    links, now = intake().links, time.monotonic()
    for code in (x, qr):
        visit(app, f"/l/{code}")
    links.read_ahead()

    for minutes, is_known in ((1, True), (1.5, False), (2.5, True)):
        with transaction():
            db.session.execute(text("UPDATE links SET destination = destination WHERE channel = 'copy'"))
        monkeypatch.setattr(time, "monotonic", lambda minutes=minutes: now + minutes * 60 + 10)
        links._look_for_changes()
        assert links.fresh(x) is None
        links.read_ahead()
        assert (links.fresh(x) is not None, links.fresh(qr) is not None) == (is_known, is_known)


def test_a_link_withdrawn_meanwhile_is_not_read_ahead_as_it_was(app: Flask, alices_post: Any) -> None:
    link, links = link_of(alices_post), intake().links
    visit(app, f"/l/{link.code}")
    with transaction():
        services.disable_links(alices_post.id)
        db.session.execute(text("UPDATE links SET waits_since = created_at WHERE channel = 'qr'"))

    links._look_for_changes()
    links.read_ahead()

    assert visit(app, f"/l/{link.code}").status_code == 410
    assert visit(app, f"/l/{link_of(alices_post, 'qr').code}").status_code == 404


def test_links_are_not_read_ahead_where_the_database_refuses(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with away(monkeypatch), pytest.raises(OperationalError):
        intake().links.read_ahead()

    assert visit(app, f"/l/{link_of(alices_post).code}").status_code == 302


def test_links_are_read_ahead_a_little_at_a_time_and_no_more_of_them_once_one_changes(
    app: Flask, alices_post: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes, links = [link_of(alices_post, channel).code for channel in ("x", "qr", "copy")], intake().links
    for code in codes:
        visit(app, f"/l/{code}")
    links.clear()
    monkeypatch.setattr(link_cache, "AHEAD_AT_ONCE", 1)
    monkeypatch.setattr(link_cache, "AHEAD_SECONDS", 0.001)  # Less than the pause after each.

    known = []
    for _ in range(2):
        links.read_ahead()
        known.append(sum(links.fresh(code) is not None for code in codes))
    links.clear()
    links.read_ahead()

    assert known == [1, 2]
    assert [links.fresh(code) for code in codes] == [None] * 3
