"""What became of the transfers: by the bank's report, or by a person's word where there is none.

A transfer is settled once; the same report again finds it settled. A reject posts nothing: invoice and debt
stand, and the next run sends the same payout as a new attempt.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from typing import Final, NamedTuple

from sqlalchemy import select

from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import is_id, new_id
from contentflow.core.writes import insert_missing
from contentflow.ledger import payable as ledger
from contentflow.ledger.sheets import lock_payees
from contentflow.payouts import bank_report, payout_mail, runs
from contentflow.payouts.bank_report import TransferNews
from contentflow.payouts.errors import CannotSettle, UnknownPayout, WrongDay, WrongOutcome
from contentflow.payouts.filing import day_in
from contentflow.payouts.invoice_lines import AT_ONCE
from contentflow.payouts.run_models import (
    BankReport,
    Invoice,
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)

MAX_BYTES: Final = bank_report.MAX_BYTES
OUTCOMES: Final = ("paid", "rejected", "returned")
PROMISE: Final = (RunState.APPROVED, RunState.FILED)


class TransferVerdict(StrEnum):
    """What a report's line did; ``refused``: the transfer cannot come to that, an operator looks."""

    SETTLED = "settled"
    ALREADY = "already"
    UNKNOWN = "unknown"
    DIFFERS = "differs"
    REFUSED = "refused"


class LineVerdict(NamedTuple):
    """``expected_cents`` is what the transfer was of; ``label`` its invoice's number."""

    line: TransferNews
    verdict: TransferVerdict
    end_to_end_id: str
    label: str = ""
    expected_cents: int = 0


def read_report(content: bytes, actor: str) -> tuple[str, list[LineVerdict]]:
    """Settle what a report tells and return its kind and a verdict a line. Raises ``bank_report.NoReport``.

    An unknown id stops nothing, and the same report again changes nothing.
    """
    report = bank_report.read(content)
    verdicts = _settle_all(_whole_files(report.lines))
    counts: dict[str, int] = {}
    for one in verdicts:
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    sha256 = hashlib.sha256(content).hexdigest()
    insert_missing(
        BankReport,
        id=new_id(),
        sha256=sha256,
        kind=report.kind,
        read_by=actor,
        read_at=clock.now(),
        verdicts=counts,
    )
    audit.note(actor, "payout.report", sha256[:16], after={"kind": report.kind, **counts})
    return report.kind, verdicts


def settle(payout_id: str, outcome: str, reason: str, on: str, actor: str) -> str:
    """Settle a payout's last transfer by hand and return its run.

    Raises ``UnknownPayout``, ``WrongOutcome``, ``WrongDay`` and ``CannotSettle``.
    """
    if outcome not in OUTCOMES:
        raise WrongOutcome
    day = day_in(on) if on else clock.today()
    if day > clock.today():
        raise WrongDay
    transfer_id, run_id, partner_id = _last(payout_id)
    runs.get_run(run_id, locked=True)
    lock_payees([partner_id])
    transfer, payout = _locked([transfer_id])[0]
    if not _settle(transfer, payout, outcome, reason, day):
        raise CannotSettle
    _close([transfer.run_id])
    after = {"outcome": outcome, "on": day.isoformat(), "cents": transfer.total_cents}
    audit.note(actor, "payout.settle", payout.id, reason=reason, after=after)
    return transfer.run_id


def run_of(payout_id: str) -> str:
    """Return the run that a payout was last sent by; raises ``UnknownPayout``."""
    return _last(payout_id)[1]


def _last(payout_id: str) -> tuple[str, str, str]:
    """Return (transfer, run, partner) of a payout's last try that was approved."""
    last = (
        select(Transfer.id, Transfer.run_id, Payout.partner_id)
        .join(Payout, Payout.id == Transfer.payout_id)
        .where(Transfer.payout_id == payout_id, Transfer.state != TransferState.PLANNED)
        .order_by(Transfer.attempt.desc())
    )
    found = db.session.execute(last.limit(1)).first() if is_id(payout_id) else None
    if found is None:
        raise UnknownPayout
    return found[0], found[1], found[2]


def _whole_files(lines: Iterable[TransferNews]) -> list[TransferNews]:
    """Put in place of a file's reject a line for each transfer of that file."""
    found: list[TransferNews] = []
    for line in lines:
        if not line.message_id or line.end_to_end_id:
            found.append(line)
            continue
        of_file = select(Transfer.end_to_end_id).where(
            Transfer.run_id == line.message_id, Transfer.state != TransferState.PLANNED
        )
        ids = list(db.session.scalars(of_file)) if is_id(line.message_id) else []
        found += [TransferNews(one, line.outcome, None, line.code, line.on) for one in ids] or [line]
    return found


def _settle_all(lines: Sequence[TransferNews]) -> list[LineVerdict]:
    names = sorted({line.end_to_end_id for line in lines if 0 < len(line.end_to_end_id) <= 35})
    columns = (
        select(Transfer.id, Transfer.end_to_end_id, Transfer.run_id, Payout.partner_id, Invoice.label)
        .join(Payout, Payout.id == Transfer.payout_id)
        .join(Invoice, Invoice.payout_id == Payout.id)
        .where(Transfer.state != TransferState.PLANNED)
    )
    where: dict[str, _Found] = {}
    for start in range(0, len(names), AT_ONCE):
        some = columns.where(Transfer.end_to_end_id.in_(names[start : start + AT_ONCE]))
        where |= {row[1]: _Found(*row) for row in db.session.execute(some)}
    run_ids = {row.run_id for row in where.values()}
    runs.lock_runs(run_ids)
    lock_payees({row.partner_id for row in where.values()})
    known = {
        transfer.end_to_end_id: (transfer, payout)
        for transfer, payout in _locked([row.id for row in where.values()])
    }
    verdicts = []
    for line in lines:
        name = line.end_to_end_id or line.message_id
        if line.end_to_end_id not in known:
            verdicts.append(LineVerdict(line, TransferVerdict.UNKNOWN, name))
            continue
        transfer, payout = known[line.end_to_end_id]
        verdict, label = _verdict(line, transfer, payout), where[line.end_to_end_id].label
        verdicts.append(LineVerdict(line, verdict, name, label, transfer.total_cents))
    _close(run_ids)
    return verdicts


def _verdict(line: TransferNews, transfer: Transfer, payout: Payout) -> TransferVerdict:
    if line.cents is not None and line.cents != transfer.total_cents:
        return TransferVerdict.DIFFERS
    # What returned was paid before.
    was_paid = line.outcome == "paid" and transfer.state == TransferState.RETURNED
    if was_paid or transfer.state == line.outcome:
        return TransferVerdict.ALREADY
    day = min(line.on or clock.today(), clock.today())
    is_settled = _settle(transfer, payout, line.outcome, line.code, day)
    return TransferVerdict.SETTLED if is_settled else TransferVerdict.REFUSED


def _settle(transfer: Transfer, payout: Payout, outcome: str, reason: str, on: date) -> bool:
    """Settle a transfer whose partner's row is locked; False where it cannot come to that."""
    if transfer.state == TransferState.OPEN:
        if payout.state == PayoutState.CANCELLED:
            return False
        if outcome != "rejected":
            ledger.post_paid(payout.partner_id, transfer.id, payout.net_cents)
            transfer.paid_on = on
    elif transfer.state != TransferState.PAID or outcome != "returned":
        return False
    if outcome == "returned":
        ledger.post_returned(payout.partner_id, transfer.id, payout.net_cents, reason[:200])
    transfer.state, transfer.settled_on, transfer.settled_at = outcome, on, clock.now()
    payout.state = outcome
    transfer.reason = payout.reason = "" if outcome == "paid" else audit.redacted(reason)[:300]
    db.session.flush()
    payout_mail.tell(payout, outcome, on)
    return True


class _Found(NamedTuple):
    id: str
    end_to_end_id: str
    run_id: str
    partner_id: str
    label: str


def _locked(ids: Sequence[str]) -> list[tuple[Transfer, Payout]]:
    found: list[tuple[Transfer, Payout]] = []
    for start in range(0, len(ids), AT_ONCE):
        rows = db.session.execute(
            select(Transfer, Payout)
            .join(Payout, Payout.id == Transfer.payout_id)
            .where(Transfer.id.in_(ids[start : start + AT_ONCE]))
            .order_by(Transfer.id)
            .execution_options(populate_existing=True)
        )
        found += [(transfer, payout) for transfer, payout in rows]
    return found


def _close(run_ids: Iterable[str]) -> None:
    """Close each run of which no transfer is open anymore."""
    db.session.flush()
    for run_id in sorted(run_ids):
        is_open = select(Transfer.id).where(Transfer.run_id == run_id, Transfer.state == TransferState.OPEN)
        run = db.session.get_one(PayoutRun, run_id)
        if run.state in PROMISE and db.session.scalar(is_open.limit(1)) is None:
            run.state, run.closed_at = str(RunState.CLOSED), clock.now()
            db.session.flush()


def close_if_over(run: PayoutRun) -> None:
    """Close a run whose last open transfer was cancelled."""
    _close([run.id])
