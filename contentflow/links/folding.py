"""Journals are folded into the database: each click once by its id, in batches, in the order of time.

One process of a ``DATA_DIR`` folds at a time, whichever comes first; hosts without a shared disk fold their
own. What is killed in between is folded again, and a click that is there already is left as it is.
"""

from __future__ import annotations

import gc
import heapq
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from operator import itemgetter
from typing import Any, Final

from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from contentflow.core.db import CLICKS, db, is_sqlite
from contentflow.core.memory import release_freed
from contentflow.links import journal_files
from contentflow.links.batches import write_batch
from contentflow.links.clicks import intake
from contentflow.links.journal_files import JournalFile, JournalLine
from contentflow.links.journal_lines import JournaledClick
from contentflow.links.short_transaction import REFUSALS
from contentflow.terminal_language import says

log = logging.getLogger(__name__)

# Clicks of one transaction: as many as take about so long, since others who write to SQLite wait for it. The
# more there are, the more of them share the pages that are written.
BATCH_SECONDS: Final = 0.5
MIN_BATCH: Final = 2_500
MAX_BATCH: Final = 10_000
CACHE_KB: Final = 16_384  # With 64 MB a batch takes a tenth less time; a worker would hold them for ever.
PATIENCE_MS: Final = 20_000
# A pass ends and the next begins, so that new files are seen.
PASS_SECONDS: Final = 1.0
# Others who write to SQLite come in between two batches; they look every 10 to 100 ms.
PAUSE_SECONDS: Final = 0.05
# A click shows within two seconds.
EVERY_SECONDS: Final = 0.5
BACKUP_SECONDS: Final = 1.0
IDLE_SECONDS: Final = 10.0
# This thread is in each process that serves or works: what batches and requests took is released.
RELEASE_SECONDS: Final = 30.0


def fold(wait_seconds: float = 0.0) -> int:
    """Fold all that waits here; return the number of new clicks. What refuses is logged, and waits on.

    Where another process folds already, wait for it up to ``wait_seconds``.
    """
    done, until = 0, time.monotonic() + wait_seconds
    try:
        while True:
            number = fold_some(PASS_SECONDS)
            done += number or 0
            if not number and (number == 0 or time.monotonic() >= until):
                return done
            if number is None:
                time.sleep(0.05)
    except REFUSALS as error:
        log.warning("the journals wait: the database refuses them (%s)", type(error).__name__)
    except OSError as error:
        log.error("the journals wait: they cannot be read or written (%s)", error.strerror)
    return done


def fold_some(seconds: float) -> int | None:
    """Fold for about so long; return the number of lines that are done, None where another process folds.

    Raises ``REFUSALS`` and ``OSError``.
    """
    if not journal_files.folder().is_dir():
        return 0
    with journal_files.the_only_folder() as is_ours:
        if not is_ours:
            return None
        journals = journal_files.open_journals()
        is_collecting = gc.isenabled()
        gc.disable()  # Thousands of clicks that all stay are looked through again and again: a quarter of it.
        try:
            return _fold(journals, time.monotonic() + seconds)
        finally:
            if is_collecting:
                gc.enable()
            journal_files.close_journals(journals)


class _BatchSize:
    """Learnt from the batches of this process, of which one is written at a time."""

    def __init__(self) -> None:
        self._learnt = MIN_BATCH

    @property
    def clicks(self) -> int:
        return min(self._learnt, MAX_BATCH)

    def learn(self, clicks: int, seconds: float) -> None:
        if clicks >= self.clicks or seconds > BATCH_SECONDS:  # A small batch tells nothing of a large one.
            self._learnt = max(MIN_BATCH, min(2 * clicks, int(clicks * BATCH_SECONDS / seconds)))


_batch_size: Final = _BatchSize()


def _fold(journals: list[JournalFile], until: float) -> int:
    lines = heapq.merge(*(journal.lines() for journal in journals), key=itemgetter(0))
    done = 0
    while batch := list(islice(lines, _batch_size.clicks)):
        if done:
            time.sleep(PAUSE_SECONDS)
        began = time.monotonic()
        _set_aside(batch, _write([line.click for line in batch if line.click]))
        _batch_size.learn(len(batch), time.monotonic() - began)
        for line in batch:
            line.journal.folded = line.end
        journal_files.note_folded(journals)
        done += len(batch)
        if time.monotonic() >= until:
            break
    return done


def _set_aside(batch: list[JournalLine], impossible: set[str]) -> None:
    broken = [line.raw for line in batch if not line.click and line.raw]
    if broken:
        log.error("%d broken lines are no clicks: kept in %s", len(broken), journal_files.REFUSED)
    if impossible:
        log.error(
            "%d clicks are of no link that is there: kept in %s", len(impossible), journal_files.REFUSED
        )
    lines = broken + [line.raw for line in batch if line.click and line.click.id in impossible]
    if lines:
        journal_files.set_aside(lines)


def _write(clicks: Sequence[JournaledClick], *, may_be_there: bool = False) -> set[str]:
    """Write clicks, and return the ids of those that no database can ever take.

    Only what was folded when a process was killed is there already: it is looked for once it is met.
    """
    if not clicks:
        return set()
    try:
        with db.engines[CLICKS].connect() as connection:
            connection.execution_options(immediate=True, timeout_ms=PATIENCE_MS)
            with _room_for_a_batch(connection), connection.begin():
                return write_batch(connection, clicks, may_be_there=may_be_there)
    except (IntegrityError, DataError):
        if not may_be_there:
            return _write(clicks, may_be_there=True)
        if len(clicks) == 1:
            return {clicks[0].id}
        half = len(clicks) // 2
        return _write(clicks[:half], may_be_there=True) | _write(clicks[half:], may_be_there=True)


@contextmanager
def _room_for_a_batch(connection: Connection) -> Iterator[None]:
    """SQLite: a page that leaves its memory before the commit is written again and again."""
    if not is_sqlite():
        yield
        return
    raw: Any = connection.connection.driver_connection
    (kept,) = raw.execute("PRAGMA cache_size").fetchone()
    raw.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    try:
        yield
    finally:
        raw.execute(f"PRAGMA cache_size={kept}")


def check_journals() -> str | None:
    """Doctor: None when no click waits long, none was refused and the folder can be written."""
    complaint = intake().journal.complaint()
    if complaint:
        sentence = says(
            "On ne peut pas écrire dans %(where)s (%(why)s) : donnez-le à l’utilisateur du produit."
        )
        return sentence % {"where": journal_files.folder(), "why": complaint}
    waiting = journal_files.waiting()
    if waiting and not journal_files.was_folded_within(IDLE_SECONDS):
        sentence = says(
            "%(count)s clics attendent dans %(where)s : lancez « contentflow worker » (ou « serve »)."
        )
        return sentence % {"count": waiting, "where": journal_files.folder()}
    refused = journal_files.refused()
    if not refused:
        return None
    sentence = says(
        "%(count)s lignes ne sont pas des clics, ou visent des liens disparus : regardez %(where)s, puis "
        "supprimez-le."
    )
    return sentence % {"count": refused, "where": journal_files.folder() / journal_files.REFUSED}


class Folding:
    """The thread of a process that folds. ``is_backup``: only where no other process did lately.

    A web process leaves it to the worker, where one works: visitors share no interpreter with it.
    """

    def __init__(self, app: Flask, *, is_backup: bool = False) -> None:
        self._app = app
        self._is_backup = is_backup
        self._complaints: dict[str, str] = {}
        self._stop = threading.Event()

    def start(self) -> None:
        self._begin()
        os.register_at_fork(after_in_child=self._begin)  # Threads do not survive a fork.

    def stop(self) -> None:
        self._stop.set()

    def _begin(self) -> None:
        if not self._stop.is_set():
            threading.Thread(target=self._run, name="folding", daemon=True).start()

    def _run(self) -> None:
        released_at = time.monotonic()
        while not self._stop.wait(EVERY_SECONDS):
            with self._app.app_context():
                if self._is_backup:
                    self._survive("no link is read ahead", intake().links.read_ahead)
                if not (self._is_backup and journal_files.was_folded_within(BACKUP_SECONDS)):
                    self._survive("the journals wait", self._fold)
            if time.monotonic() - released_at > RELEASE_SECONDS:
                release_freed()
                released_at = time.monotonic()

    def _fold(self) -> None:
        # After each pass a backup leaves the rest to whoever looks next: its visitors come first.
        while fold_some(PASS_SECONDS) and not self._is_backup and not self._stop.is_set():
            time.sleep(PAUSE_SECONDS)

    def _survive(self, what: str, act: Callable[[], object]) -> None:
        """Say each thing that goes wrong once: this thread outlives whatever nobody foresaw."""
        try:
            act()
            self._complaints.pop(what, None)
        except Exception as error:
            complaint = type(error).__name__
            if complaint != self._complaints.get(what):
                log.exception(what)
            self._complaints[what] = complaint
