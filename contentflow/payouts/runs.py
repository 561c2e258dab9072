"""A run from its draft to the proposal: what is paid is looked at, then frozen, or withdrawn."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Final

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.orm import InstrumentedAttribute

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import is_id, new_id
from contentflow.core.writes import insert_all, lock
from contentflow.ledger.sheets import lock_payees
from contentflow.payouts import drafting
from contentflow.payouts.drafting import RunPreview
from contentflow.payouts.errors import (
    AnotherProposed,
    ApprovalUnderWay,
    MonthHasRun,
    Moved,
    NothingToPay,
    UnknownRun,
    WrongState,
)
from contentflow.payouts.invoice_lines import AT_ONCE, as_json
from contentflow.payouts.run_models import (
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)

ITSELF: Final = "schedule"  # who drafts on PAYOUT_DAY
MAX_RUNS: Final = 100
ONE_AT_A_TIME: Final = "payout-runs"  # what is drafted or proposed


def get_run(run_id: str, *, locked: bool = False) -> PayoutRun:
    """Raises ``UnknownRun``."""
    found = select(PayoutRun).where(PayoutRun.id == run_id)
    if locked:
        found = found.with_for_update()
    run = db.session.scalar(found.execution_options(populate_existing=True)) if is_id(run_id) else None
    if run is None:
        raise UnknownRun
    return run


def lock_runs(run_ids: Collection[str] | None = None) -> None:
    """Lock these runs, or all, in one order for everybody: whoever posts something of a run holds its row."""
    found = select(PayoutRun.id).order_by(PayoutRun.id).with_for_update()
    db.session.execute(found if run_ids is None else found.where(PayoutRun.id.in_(run_ids)))


def list_runs() -> Sequence[PayoutRun]:
    """Return the runs, the newest month first."""
    found = select(PayoutRun).order_by(PayoutRun.month.desc(), PayoutRun.drafted_at.desc())
    return list(db.session.scalars(found.limit(MAX_RUNS)))


def draft(month: str, actor: str) -> PayoutRun:
    """Begin a month's run. Raises ``WrongRunMonth``, ``MonthNotOver`` and ``MonthHasRun``."""
    drafting.end_of(month)
    lock(ONE_AT_A_TIME)  # Two people who draft at the same moment: the second one finds the first one's run.
    known = select(PayoutRun.id).where(PayoutRun.month == month, PayoutRun.state != RunState.WITHDRAWN)
    if (run_id := db.session.scalar(known)) is not None:
        raise MonthHasRun(run_id)
    run = PayoutRun(id=new_id(), month=month, drafted_by=actor, state=str(RunState.DRAFT))
    db.session.add(run)
    db.session.flush()
    audit.note(actor, "payout.draft", run.id, after={"month": month})
    return run


def draft_due() -> None:
    """Maintenance: from PAYOUT_DAY on, draft the month that is over, once; withdrawn, it stays so."""
    if not settings().payouts_enabled:
        return
    today = clock.today()
    last = f"{today.year}-{today.month - 1:02d}" if today.month > 1 else f"{today.year - 1}-12"
    has_run = db.session.scalar(select(PayoutRun.id).where(PayoutRun.month == last).limit(1)) is not None
    db.session.rollback()
    if today.day >= settings().payout_day and not has_run:
        with suppress(MonthHasRun), transaction():
            draft(last, ITSELF)


def propose(run_id: str, digest: str, actor: str) -> PayoutRun:
    """Freeze what was seen: its payouts and transfers are written, and wait for another person.

    Raises ``UnknownRun``, ``WrongState``, ``AnotherProposed``, ``Moved`` and ``NothingToPay``.
    """
    run = get_run(run_id, locked=True)
    if run.state == RunState.PROPOSED and run.digest == digest and run.proposed_by == actor:
        return run  # pressed twice
    if run.state != RunState.DRAFT:
        raise WrongState
    lock(ONE_AT_A_TIME)
    other = select(PayoutRun.id).where(PayoutRun.state == RunState.PROPOSED)
    if db.session.scalar(other) is not None:
        raise AnotherProposed
    lock_payees(row.partner_id for row in drafting.preview(run).rows)
    seen = drafting.preview(run)
    if seen.digest != digest:
        raise Moved
    if not seen.rows:
        raise NothingToPay
    _freeze(run, seen)
    run.state, run.proposed_by, run.proposed_at = str(RunState.PROPOSED), actor, clock.now()
    run.digest, run.failure = digest, None
    db.session.flush()
    audit.note(actor, "payout.propose", run.id, after=sums_of(seen))
    return run


def sums_of(seen: RunPreview) -> dict[str, int]:
    """Return what the audit says of a preview."""
    return {
        "payouts": len(seen.rows),
        "left_out": len(seen.left_out),
        "net_cents": seen.net_cents,
        "total_cents": seen.total_cents,
    }


def _freeze(run: PayoutRun, seen: RunPreview) -> None:
    ids = {row: row.payout_id or new_id() for row in seen.rows}
    payouts = [
        Payout(
            id=ids[row],
            run_id=run.id,
            partner_id=row.partner_id,
            state=str(PayoutState.DUE),
            net_cents=row.net_cents,
            vat_cents=row.vat_cents,
            total_cents=row.total_cents,
            covers_from=row.covers_from,
            covers_to=row.covers_to,
            bank_account_id=row.bank_account_id,
            lines=as_json(row.lines),
            reason="",
            created_at=clock.now(),
        )
        for row in seen.rows
        if not row.payout_id
    ]
    transfers = [
        Transfer(
            id=new_id(),
            payout_id=ids[row],
            run_id=run.id,
            attempt=row.attempt,
            # Capitals and figures alone: no bank changes them (EPC217-08).
            end_to_end_id=f"CF{secrets.token_hex(12).upper()}",
            bank_account_id=row.bank_account_id,
            total_cents=row.total_cents,
            state=str(TransferState.PLANNED),
            reason="",
        )
        for row in seen.rows
    ]
    insert_all(Payout, payouts)
    insert_all(Transfer, transfers)
    run.left_out = [[one.partner_id, one.reason, one.cents] for one in seen.left_out]


def withdraw(run_id: str, reason: str, actor: str) -> PayoutRun:
    """Take back a run that is not approved: nothing of it is left but its name.

    Raises ``UnknownRun``, ``WrongState``, and ``ApprovalUnderWay`` while its invoices are made.
    """
    run = get_run(run_id, locked=True)
    if run.state not in (RunState.DRAFT, RunState.PROPOSED):
        raise WrongState
    if run.approving_at is not None:
        raise ApprovalUnderWay
    was = run.state
    take_out(run, None)
    run.state, run.reason, run.closed_at = str(RunState.WITHDRAWN), audit.redacted(reason), clock.now()
    db.session.flush()
    audit.note(actor, "payout.withdraw", run.id, reason=reason, before={"state": was})
    return run


def take_out(run: PayoutRun, kept: set[str] | None) -> None:
    """Delete what a run planned, but for the payouts in ``kept``: nothing of it was posted yet."""
    planned = select(Transfer.id, Transfer.payout_id).where(
        Transfer.run_id == run.id, Transfer.state == TransferState.PLANNED
    )
    gone = [
        (one, payout_id) for one, payout_id in db.session.execute(planned) if payout_id not in (kept or ())
    ]
    for start in range(0, len(gone), AT_ONCE):
        some = gone[start : start + AT_ONCE]
        _delete(Transfer.id, [one for one, _ in some])
        _delete(Payout.id, [payout_id for _, payout_id in some], Payout.run_id == run.id)


def _delete(key: InstrumentedAttribute[str], ids: Sequence[str], *also: ColumnElement[bool]) -> None:
    statement = delete(key.class_).where(key.in_(ids), *also)
    db.session.execute(statement.execution_options(synchronize_session=False))
