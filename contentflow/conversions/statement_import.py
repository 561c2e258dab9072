"""A network's statement is looked at, then applied: once, in short transactions, resumable at any row.

How far a file was applied stands in ``network_statements`` and moves in the very transaction that applies:
after a kill the same command goes on, and a file that was applied whole changes nothing ever again, whatever
the network said since.
"""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from contentflow.conversions import batches, services
from contentflow.conversions.mapping import Report
from contentflow.conversions.models import Network, NetworkStatement
from contentflow.conversions.statement_columns import StatementRefused
from contentflow.conversions.statement_table import REFUSED, Line, StatementTable, told_apart
from contentflow.conversions.statement_verdicts import StatementVerdict, judge, refused
from contentflow.core import clock
from contentflow.core.csv_reading import CsvTable
from contentflow.core.db import db, transaction, widen_cache
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.core.writes import insert_missing

log = logging.getLogger(__name__)

MAX_BYTES = 50 * 1024 * 1024
ROWS_AT_ONCE = 500  # About a third of a second: no writer waits longer for a statement.
HARD_AT_ONCE = 10  # Rows of these that go through ``services.record``, one by one.
REST_SECONDS = 0.005  # SQLite has one writer and no queue: others get their turn between two transactions.

OnProgress = Callable[[int], object]


class Opened(NamedTuple):
    """A file that can be read, by one network's mapping: its rows in their order, each with what it reports.

    ``settles``: it has no column of states, and the network's postbacks have none either: what stands in it
    is approved. ``digest`` is of the file and of the mapping, since another mapping reads another statement.
    """

    network_id: str
    digest: str
    zone: str
    lines: Sequence[Line]
    settles: bool


def open_statement(network: Network, path: Path) -> Opened:
    """Read a file whole; raises ``StatementRefused`` and ``UnreadableTable`` for one that is no statement."""
    if path.stat().st_size > MAX_BYTES:
        raise StatementRefused(_("Ce fichier a plus de 50 Mo : découpez-le."))
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        digest.update(json.dumps([network.preset, network.mapping], sort_keys=True).encode())
        statement = StatementTable(CsvTable(file), network.mapping, network.preset, clock.now())
        lines = list(statement.lines())
    settles = not statement.has_status and network.mapping.get("approval") == "report"
    if settles:
        lines = [
            replace(line, report=replace(line.report, state="approved")) if line.report else line
            for line in lines
        ]
    zone = network.mapping.get("zone", "UTC")
    return Opened(network.id, digest.hexdigest(), zone, told_apart(lines), settles)


def preview(opened: Opened, on_progress: OnProgress) -> list[StatementVerdict]:
    """Return what ``apply`` would do; nothing is written."""
    marker = _marker(opened)
    done = set(range(marker.rows_done)) - set(marker.refused) if marker else set()
    db.session.rollback()
    judged: list[StatementVerdict] = []
    for places in _cut(range(len(opened.lines))):
        judged += _looked_at(opened, places, done)
        on_progress(len(places))
    return judged


def apply(opened: Opened, on_progress: OnProgress) -> list[StatementVerdict]:
    """Apply what was not applied yet, and return each row's verdict.

    Wherever it is killed, the next call goes on; two at once share the work.
    """
    widen_cache()
    with transaction():
        insert_missing(
            NetworkStatement,
            id=new_id(),
            network_id=opened.network_id,
            digest=opened.digest,
            rows_done=0,
            refused=[],
            started_at=clock.now(),
        )
    judged: dict[int, StatementVerdict] = {}
    is_careful = False
    while True:
        try:
            with transaction():
                taken = _step(opened, judged.keys(), is_careful)
        except DBAPIError:
            if is_careful:
                raise
            log.warning("a part of a statement is applied row by row", exc_info=True)
            is_careful = True
            continue
        if not taken:
            break
        is_careful = False
        judged |= taken
        on_progress(len(taken))
        time.sleep(REST_SECONDS)
    left = [place for place in range(len(opened.lines)) if place not in judged]
    for places in _cut(left):
        judged |= zip(places, _looked_at(opened, places, set(left)), strict=True)
        on_progress(len(places))
    return [judged[place] for place in sorted(judged)]


def _step(opened: Opened, judged: Collection[int], is_careful: bool) -> dict[int, StatementVerdict]:
    """Apply the next rows in the caller's transaction, and return their verdicts; nothing at the end.

    What a former call had to refuse is tried first, then what none reached.
    """
    network = db.session.get_one(Network, opened.network_id)
    marker = _marker(opened, for_update=True)
    assert marker is not None
    again = [place for place in marker.refused if place not in judged][:HARD_AT_ONCE]
    rest = range(marker.rows_done, min(marker.rows_done + ROWS_AT_ONCE, len(opened.lines)))
    taken = _apply(network, opened, again or rest, is_careful)
    if not again:
        marker.rows_done += len(taken)
    tried = {place: one for place, one in taken.items() if not opened.lines[place].verdict}
    still = {place for place, one in tried.items() if one.verdict == REFUSED}
    marker.refused = sorted(set(marker.refused) - taken.keys() | still)
    if not taken:
        marker.done_at = marker.done_at or clock.now()
    return taken


def _apply(
    network: Network, opened: Opened, places: Sequence[int], is_careful: bool
) -> dict[int, StatementVerdict]:
    """Apply the first of these rows, as many as one transaction may hold, and return their verdicts."""
    reports = {
        place: report
        for place in places
        if (report := opened.lines[place].report) and not opened.lines[place].verdict
    }
    batches.queue_up(network.id, reports.values())
    facts = batches.facts_of(network.id, list(reports.values()))
    taken: dict[int, StatementVerdict] = {}
    plain, hard = dict[int, Report](), dict[int, Report]()
    for place in places:
        if len(hard) >= HARD_AT_ONCE:
            break
        taken[place] = judge(opened.lines[place], facts, is_done=False)
        if place in reports and taken[place].verdict != REFUSED:
            kind = plain if facts.is_plain(reports[place]) and not is_careful else hard
            kind[place] = reports[place]
    left = batches.record_plain(network, list(plain.values()), facts)
    hard |= {place: report for place, report in plain.items() if report in left}
    for place, report in sorted(hard.items()):
        try:
            with db.session.begin_nested():
                services.record(network, report)
        except Refused as refusal:
            taken[place] = refused(taken[place], str(refusal.message))
    return taken


def _looked_at(opened: Opened, places: Sequence[int], done: Collection[int]) -> list[StatementVerdict]:
    reports = [report for place in places if (report := opened.lines[place].report)]
    facts = batches.facts_of(opened.network_id, reports)
    judged = [judge(opened.lines[place], facts, place in done) for place in places]
    db.session.rollback()
    return judged


def _marker(opened: Opened, *, for_update: bool = False) -> NetworkStatement | None:
    found = select(NetworkStatement).where(
        NetworkStatement.network_id == opened.network_id, NetworkStatement.digest == opened.digest
    )
    return db.session.scalar(found.with_for_update() if for_update else found)


def _cut(places: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(places), ROWS_AT_ONCE):
        yield places[start : start + ROWS_AT_ONCE]
