"""A file on its way into the book: looked at, started, worked off some hundreds of rows at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from sqlalchemy import func, insert, select
from sqlalchemy.orm import undefer

from contentflow.config import settings
from contentflow.contacts import columns
from contentflow.contacts.columns import Columns
from contentflow.contacts.judging import AT_ONCE, add_entries
from contentflow.contacts.models import ContactImport, ImportRow
from contentflow.contacts.reading import (
    FileTooLarge,
    ImportPreview,
    NoAddressColumn,
    NoSuchColumn,
    check_rows,
    data_rows,
    entries_of,
    guess_of,
    open_table,
    preview,
)
from contentflow.core import clock
from contentflow.core.broker import enqueue
from contentflow.core.csv_lines import csv_line
from contentflow.core.csv_reading import CsvTable
from contentflow.core.db import db
from contentflow.core.errors import NotFound
from contentflow.core.ids import is_id, new_id
from contentflow.core.jobs import Claim, Jobs
from contentflow.core.writes import insert_missing
from contentflow.partners import locks

IMPORT = "contacts.import"
IMPORTS = Jobs(
    ContactImport, "queued", "importing", max_attempts=5, retry_seconds=lambda: settings().mail_retry_seconds
)
MAX_BYTES = 2 * 1024 * 1024
MAX_SECONDS = 600
# Rows that a page shows; all of them stand in verdicts.csv.
MAX_SHOWN = 200


class ImportView(NamedTuple):
    """An import's page; ``shown`` are rows to look at, ``counts`` of all rows that are done."""

    made: ContactImport
    preview: ImportPreview | None
    counts: Mapping[str, int]
    shown: list[ImportRow]

    @property
    def percent(self) -> int:
        if self.made.state == "done":
            return 100
        return self.made.done_rows * 100 // max(1, self.made.total_rows)

    @property
    def is_under_way(self) -> bool:
        return self.made.state in ("queued", "importing")

    @property
    def good(self) -> int:
        return self.counts.get("added", 0) + self.counts.get("already", 0)


# Acts


def upload(partner_id: str, content: bytes, filename: str, nonce: str) -> str:
    """Keep a file to look at, and return its import's id; the same file again is the one that was.

    Raises a kind of ``UnreadableTable`` that holds the first three lines as they were read.
    """
    if len(content) > MAX_BYTES:
        raise FileTooLarge
    table = open_table(content)
    mapping = guess_of(table)
    total = check_rows(table, mapping)
    locks.lock_active(partner_id)
    digest = hashlib.sha256(content).hexdigest()
    key: dict[str, Any] = {"partner_id": partner_id, "file_sha256": digest, "mapping": mapping.key}
    insert_missing(
        ContactImport,
        id=new_id(),
        state="preview",
        attempts=0,
        nonce=nonce,
        filename=filename[:255],
        content=content,
        total_rows=total,
        done_rows=0,
        created_at=clock.now(),
        **key,
    )
    made = db.session.scalars(select(ContactImport).filter_by(**key)).one()
    if made.state == "preview":
        made.content = content  # Of an older one the file may be erased already.
        made.created_at = clock.now()
    return made.id


def get_import(partner_id: str, import_id: str, with_content: bool = False) -> ContactImport:
    """Raises ``NotFound``, also for another partner's."""
    options = [undefer(ContactImport.content)] if with_content else []
    found = db.session.get(ContactImport, import_id, options=options) if is_id(import_id) else None
    if found is None or found.partner_id != partner_id:
        raise NotFound
    return found


def start(partner_id: str, import_id: str, given: Mapping[str, str]) -> str:
    """Begin, or go on after a stop; returns the id of the import that has these columns.

    Other columns than those it began with are another import of the same file. Started twice it is one.
    """
    locks.lock_active(partner_id)
    made = get_import(partner_id, import_id, with_content=True)
    if made.content is None:
        return made.id
    table = open_table(made.content)
    header = next((list(row.cells) for row in table.rows() if not row.is_blank), [])
    guessed = Columns.from_key(made.mapping)
    try:
        wanted = columns.chosen(given, guessed, header)
    except ValueError:
        raise NoSuchColumn(table.first_lines()) from None
    if wanted.email == columns.NO_COLUMN:
        raise NoAddressColumn(table.first_lines())
    if wanted != guessed:
        made = _with_columns(made, wanted, table)
    if made.state in ("preview", "stopped", "failed"):
        made.state, made.next_attempt_at, made.attempts = "queued", clock.now(), 0
        db.session.flush()
        enqueue(IMPORT, made.id)
    return made.id


def _with_columns(made: ContactImport, wanted: Columns, table: CsvTable) -> ContactImport:
    same_file = {"partner_id": made.partner_id, "file_sha256": made.file_sha256}
    earlier = db.session.scalar(select(ContactImport).filter_by(**same_file, mapping=wanted.key))
    if earlier is not None:
        return earlier
    total = check_rows(table, wanted)
    other = ContactImport(
        **same_file,
        mapping=wanted.key,
        state="preview",
        nonce=made.nonce,
        filename=made.filename,
        content=made.content,
        total_rows=total,
        done_rows=0,
    )
    db.session.add(other)
    db.session.flush()
    return other


def stop(partner_id: str, import_id: str) -> None:
    """Let no further row in; those that are in stay, and it can go on later."""
    locks.lock_active(partner_id)
    made = get_import(partner_id, import_id)
    db.session.refresh(made, with_for_update=True)
    if made.state in ("queued", "importing"):
        made.state, made.lease, made.leased_until = "stopped", None, None
        db.session.flush()


def work_some(claim: Claim) -> bool:
    """Bring in the next rows, in the open transaction; False when it is over, or is not ours any more."""
    made = db.session.get(
        ContactImport, claim.row_id, options=[undefer(ContactImport.content)], populate_existing=True
    )
    if made is None or made.lease != claim.lease:
        return False
    if locks.lock_partner(made.partner_id) is None or made.content is None:
        IMPORTS.give_up(claim, "its file or its owner is gone")
        return False
    mapping = Columns.from_key(made.mapping)
    rows = data_rows(open_table(made.content), mapping.has_header)
    batch = list(islice(rows, made.done_rows, made.done_rows + AT_ONCE))
    done = made.done_rows + len(batch)
    if not IMPORTS.write(claim, done_rows=done, attempts=1):
        return False

    def earlier(hashes: Collection[str]) -> list[str]:
        held = ImportRow.import_id == made.id, ImportRow.address_hash.in_(hashes)
        return [one for one in db.session.scalars(select(ImportRow.address_hash).where(*held)) if one]

    verdicts = add_entries(made.partner_id, entries_of(batch, mapping), "import", earlier)
    if verdicts:
        rows_made: list[dict[str, object]] = [
            {
                "import_id": made.id,
                "line": one.line,
                "address": one.address,
                "address_hash": one.address_hash,
                "verdict": one.verdict,
                "reason": one.reason,
            }
            for one in verdicts
        ]
        db.session.execute(insert(ImportRow), rows_made)
    if len(batch) < AT_ONCE or done >= made.total_rows:
        IMPORTS.complete(claim, state="done", finished_at=clock.now())
        return False
    return True


# Showing


def view(partner_id: str, import_id: str) -> ImportView:
    made = get_import(partner_id, import_id, with_content=True)
    shown = preview(made.content, Columns.from_key(made.mapping)) if made.content else None
    counted = select(ImportRow.verdict, func.count()).where(ImportRow.import_id == made.id)
    counts = Counter(
        {word: number for word, number in db.session.execute(counted.group_by(ImportRow.verdict))}
    )
    rows = select(ImportRow).where(ImportRow.import_id == made.id).order_by(ImportRow.line)
    if counts.total() > MAX_SHOWN:
        rows = rows.where(ImportRow.verdict.not_in(("added", "already")))
    return ImportView(made, shown, counts, list(db.session.scalars(rows.limit(MAX_SHOWN))))


def verdicts_csv(partner_id: str, import_id: str) -> Iterator[str]:
    """Yield the lines of ``verdicts.csv``: UTF-8, commas, the fixed words."""
    made = get_import(partner_id, import_id)
    shown = (ImportRow.line, ImportRow.address, ImportRow.verdict, ImportRow.reason)
    rows = select(*shown).where(ImportRow.import_id == made.id).order_by(ImportRow.line)
    found = db.session.execute(rows).all()
    yield csv_line(("line", "address", "verdict", "reason"))
    for line, address, verdict, reason in found:
        yield csv_line((line, address or "", verdict, reason))
