"""What the worker does with a file that was started."""

from __future__ import annotations

from contentflow.contacts.imports import IMPORT, IMPORTS, MAX_SECONDS, work_some
from contentflow.contacts.models import ContactImport
from contentflow.core.broker import enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.jobs import claims_in_hand


def import_file(import_id: str) -> None:
    """Bring a file's rows in, some hundreds a transaction; a killed worker's successor goes on from there."""
    with transaction():
        claim = IMPORTS.claim(import_id)
    if claim is None:
        return
    if claim.attempts > IMPORTS.max_attempts:
        with transaction():
            IMPORTS.give_up(claim, "tried too often")
        return
    is_more = True
    with IMPORTS.keep_lease(claim, MAX_SECONDS):
        while is_more and not claims_in_hand().is_stopping:
            with transaction():
                is_more = work_some(claim)
    if is_more:
        with transaction():
            IMPORTS.release(claim)


def backlog() -> tuple[int, float]:
    return IMPORTS.backlog(ContactImport.created_at)


def enqueue_due() -> None:
    due = IMPORTS.due_ids(limit=4)
    db.session.rollback()
    for import_id in due:
        enqueue_now(IMPORT, import_id)
