"""Another person approves: documents are made first, then all of the run is posted in one transaction.

Until that transaction nothing is numbered, posted or sent, whenever the process ends; and it happens once,
since it finds the run proposed and leaves it approved. A large run is made by the worker.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from contentflow.config import settings
from contentflow.core import audit, clock, quarantine
from contentflow.core.broker import enqueue, enqueue_now
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.core.writes import insert_all
from contentflow.ledger.models import TransactionKind
from contentflow.ledger.payable import payout_legs
from contentflow.ledger.sheets import Sheet, lock_payees
from contentflow.partners.models import Partner
from contentflow.partners.roles import PERMISSIONS, Permission
from contentflow.payouts import drafting, filing, invoice_facts, invoicing, runs
from contentflow.payouts.drafting import RunPreview, RunRow
from contentflow.payouts.errors import (
    ApprovalUnderWay,
    InvoiceFailed,
    Moved,
    NothingToPay,
    PayoutsInQuarantine,
    SamePerson,
    TooSoonAlone,
    WrongState,
)
from contentflow.payouts.invoice_lines import as_json
from contentflow.payouts.invoicing import Document
from contentflow.payouts.run_models import (
    Invoice,
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)

log = logging.getLogger(__name__)

TASK: Final = "payouts.approve"
AT_ONCE_IN_REQUEST: Final = 10  # documents that a request makes itself
BEAT: Final = 10  # documents between two notes of progress
DONE: Final = (RunState.APPROVED, RunState.FILED, RunState.CLOSED)


def begin(run_id: str, digest: str, actor: str) -> PayoutRun:
    """Take an approval: the right person, who saw what is there. A second press changes nothing.

    Raises ``UnknownRun``, ``PayoutsInQuarantine``, ``WrongState``, ``ApprovalUnderWay``, ``SamePerson``,
    ``TooSoonAlone``, ``Moved`` and ``NothingToPay``.
    """
    run = runs.get_run(run_id, locked=True)
    if quarantine.is_held(quarantine.PAYOUTS):
        raise PayoutsInQuarantine
    if run.approved_digest == digest and (run.state in DONE or run.approving_at is not None):
        return run
    if run.state != RunState.PROPOSED:
        raise WrongState
    if run.approving_at is not None:
        raise ApprovalUnderWay
    run.is_solo = _is_alone(run, actor)
    seen = drafting.preview(run)
    if seen.digest != digest:
        raise Moved
    if not seen.rows:
        raise NothingToPay
    run.approving_by, run.approving_at, run.approved_digest = actor, clock.now(), digest
    run.done, run.total, run.failure, run.leased_until = 0, len(seen.rows), None, None
    db.session.flush()
    alone = {"alone": True} if run.is_solo else {}
    audit.note(actor, "payout.approve", run.id, after={**runs.sums_of(seen), **alone})
    if not is_small(run):
        enqueue(TASK, run.id)
    return run


def is_small(run: PayoutRun) -> bool:
    """Whether the request that approves makes the invoices itself."""
    return run.total <= AT_ONCE_IN_REQUEST


def _is_alone(run: PayoutRun, actor: str) -> bool:
    """Return False for another person than who proposed; True for the only one, long enough afterwards."""
    if run.proposed_by != actor:
        return False
    hours = settings().payout_solo_hours
    if hours is None or (db.session.scalar(_who_pays()) or 0) > 1:
        raise SamePerson
    assert run.proposed_at is not None
    if clock.now() < run.proposed_at + timedelta(hours=hours):
        raise TooSoonAlone
    return True


def _who_pays() -> Select[int]:
    """Ask how many people may propose and approve."""
    roles = [str(role) for role, granted in PERMISSIONS.items() if Permission.PAY in granted]
    able = Partner.role.in_(roles), Partner.is_active, Partner.email.is_not(None)
    return select(func.count()).select_from(Partner).where(*able)


def find_refusal(run: PayoutRun, actor: str) -> Refused | None:
    """Return why this person may not approve a run that is proposed; None: they may."""
    try:
        _is_alone(run, actor)
    except (SamePerson, TooSoonAlone) as refusal:
        return refusal
    return None


def count_waiting(name: str, actor: str) -> Select[str, int, Any]:
    """Ask, under a name, how many runs wait, and since when: drafts, files that nobody fetched, proposals.

    Their own waits for another person, unless ``actor`` is the only one and the hours set for that passed.
    """
    is_theirs = PayoutRun.proposed_by != actor
    if (hours := settings().payout_solo_hours) is not None:
        is_late = PayoutRun.proposed_at <= clock.now() - timedelta(hours=hours)
        is_theirs |= and_(is_late, _who_pays().scalar_subquery() <= 1)
    states = PayoutRun.state.in_((RunState.DRAFT, RunState.APPROVED))
    counted = select(literal(name), func.count(), func.min(PayoutRun.drafted_at))
    return counted.where(or_(states, and_(PayoutRun.state == RunState.PROPOSED, is_theirs)))


def finish(run_id: str) -> None:
    """Make what is missing and approve, in transactions of its own; nothing where somebody else is at it.

    Raises ``InvoiceFailed``, ``Moved`` and whatever nobody foresaw, once it is noted that the approval came
    to nothing.
    """
    documents: dict[str, Document] = {}
    with transaction():
        if quarantine.is_held(quarantine.PAYOUTS):
            return
        claim = update(PayoutRun).where(PayoutRun.id == run_id, _is_due()).values(leased_until=_lease_end())
        taken = db.session.execute(claim.execution_options(synchronize_session=False))
    if not taken.rowcount:  # type: ignore[attr-defined]
        return
    try:
        while not post_if_ready(run_id, documents):
            make_documents(run_id, documents)
    except SQLAlchemyError:
        raise  # The database is away for a moment: the sweep goes on where this ended.
    except Exception as error:
        db.session.rollback()
        with transaction():
            run = runs.get_run(run_id, locked=True)
            if run.state == RunState.PROPOSED:
                actor = run.approving_by or ""
                _begin_anew(run)
                what = "" if isinstance(error, Moved) else type(error).__name__
                run.failure = {"who": getattr(error, "who", ""), "what": getattr(error, "what", what)}
                audit.note(actor, "payout.approval_failed", run.id, after=run.failure)
        raise


def enqueue_due() -> None:
    """Sweep: take up approvals whose process ended."""
    if not settings().payouts_enabled or quarantine.is_held(quarantine.PAYOUTS):
        return
    found = list(db.session.scalars(select(PayoutRun.id).where(_is_due())))
    db.session.rollback()
    for run_id in found:
        enqueue_now(TASK, run_id)


def _is_due() -> ColumnElement[bool]:
    is_free = PayoutRun.leased_until.is_(None) | (PayoutRun.leased_until < clock.now())
    return and_(PayoutRun.state == RunState.PROPOSED, PayoutRun.approving_at.is_not(None), is_free)


def _lease_end() -> datetime:
    return clock.now() + timedelta(seconds=settings().lease_seconds)


def make_documents(run_id: str, documents: dict[str, Document]) -> None:
    """Make the document of each new payout that has none, or has one of another day or number."""
    run = runs.get_run(run_id)
    month, rows = run.month, _new(drafting.preview(run))
    issued_on = clock.today()
    numbers = invoicing.next_numbers({row.partner_id for row in rows}, issued_on.year)
    db.session.rollback()
    for place, row in enumerate(rows):
        facts = invoicing.facts_of(row, month, numbers[row.partner_id], issued_on)
        known = documents.get(row.payout_id)
        if known is None or known.facts != facts:
            try:
                documents[row.payout_id] = invoicing.make(facts, numbers[row.partner_id])
            except invoice_facts.InvoiceRefused as refusal:
                log.error("an invoice was refused by its check: %s", facts.number)
                raise InvoiceFailed(facts.seller.legal_name, "; ".join(refusal.reasons)) from refusal
        if place % BEAT == BEAT - 1:
            with transaction():
                run = runs.get_run(run_id, locked=True)
                run.done, run.leased_until = place + 1, _lease_end()


def _new(seen: RunPreview) -> list[RunRow]:
    return [row for row in seen.rows if row.attempt == 1]


def post_if_ready(run_id: str, documents: dict[str, Document]) -> bool:
    """Approve, where every document is there and is right; False where one must be made first."""
    with transaction():
        run = runs.get_run(run_id, locked=True)
        if run.state != RunState.PROPOSED or run.approving_at is None:
            return True
        lock_payees(drafting.partners_of(run))
        seen = drafting.preview(run)
        if seen.digest != run.approved_digest:
            raise Moved
        issued_on = clock.today()
        rows = _new(seen)
        numbers = invoicing.next_numbers({row.partner_id for row in rows}, issued_on.year)
        for row in rows:
            known = documents.get(row.payout_id)
            if known is None or known.facts != invoicing.facts_of(
                row, run.month, numbers[row.partner_id], issued_on
            ):
                return False
        _post(run, seen, documents)
        return True


def _post(run: PayoutRun, seen: RunPreview, documents: dict[str, Document]) -> None:
    """Write all of it: invoices, postings, transfers, the bank's file."""
    ids = {row.payout_id for row in seen.rows}
    runs.take_out(run, ids)
    sheet, invoices = Sheet(), []
    for row in _new(seen):
        invoices.append(invoicing.row_of(documents[row.payout_id], row.partner_id, row.payout_id, None))
        key, kind = f"payout:{row.payout_id}", TransactionKind.PAYOUT
        sheet.post(key, kind, payout_legs(row.net_cents), row.partner_id, None)
        _write_amounts(row)
    insert_all(Invoice, invoices)
    sheet.write()
    _change(Transfer, Transfer.run_id == run.id, TransferState.PLANNED, TransferState.OPEN)
    of_run = Payout.id.in_(select(Transfer.payout_id).where(Transfer.run_id == run.id))
    for was in (PayoutState.REJECTED, PayoutState.RETURNED):
        _change(Payout, of_run, was, PayoutState.DUE)
    run.state, run.approved_by, run.approved_at = str(RunState.APPROVED), run.approving_by, clock.now()
    run.left_out = [[one.partner_id, one.reason, one.cents] for one in seen.left_out]
    run.approving_at, run.leased_until, run.done, run.total = None, None, len(seen.rows), len(seen.rows)
    filing.make_file(run)
    db.session.flush()
    assert run.approved_by is not None
    audit.note(run.approved_by, "payout.approved", run.id, after=runs.sums_of(seen))


def _write_amounts(row: RunRow) -> None:
    """Let a payout be what was approved: less than was proposed, where something was refunded meanwhile."""
    payout = db.session.get_one(Payout, row.payout_id)
    if (payout.net_cents, payout.covers_to) == (row.net_cents, row.covers_to):
        return
    payout.net_cents, payout.vat_cents, payout.total_cents = row.net_cents, row.vat_cents, row.total_cents
    payout.covers_to, payout.lines = row.covers_to, as_json(row.lines)
    db.session.execute(
        update(Transfer)
        .where(Transfer.payout_id == row.payout_id, Transfer.state == TransferState.PLANNED)
        .values(total_cents=row.total_cents)
    )


def _change(model: type[Payout] | type[Transfer], which: ColumnElement[bool], was: str, now: str) -> None:
    db.session.execute(
        update(model)
        .where(which, model.state == was)
        .values(state=str(now))
        .execution_options(synchronize_session="fetch")
    )


def give_up_doubtful(restored_at: datetime, ended_at: datetime) -> int:
    """Let approvals that were under way in a backup be given anew; return how many.

    The original went on with them until ``ended_at``: what it paid stands at the bank, and nowhere here.
    """
    under_way = PayoutRun.state == RunState.PROPOSED, PayoutRun.approving_at <= restored_at
    found = db.session.scalars(select(PayoutRun).where(*under_way).with_for_update()).all()
    for run in found:
        _begin_anew(run)
    return len(found)


def _begin_anew(run: PayoutRun) -> None:
    run.approving_at, run.approving_by, run.approved_digest, run.leased_until = None, None, None, None
    run.done, run.total, run.is_solo = 0, 0, False
