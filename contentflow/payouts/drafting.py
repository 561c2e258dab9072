"""What a run pays to whom, and whom it leaves out and why: judged anew each time somebody looks.

A draft is judged from the ledger. Once it is proposed its rows are frozen: no partner comes in, one may
fall out, and less is paid to who was refunded meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import func, select

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.ledger import payable as ledger
from contentflow.ledger.payable import Payable
from contentflow.partners.models import Partner
from contentflow.payouts import payees
from contentflow.payouts.errors import MonthNotOver, WrongRunMonth
from contentflow.payouts.invoice_facts import vat_of
from contentflow.payouts.invoice_lines import InvoicedLine, as_json, batches, lines_of, lines_of_cancelled
from contentflow.payouts.payees import Missing, Payee
from contentflow.payouts.run_models import (
    PENDING_TRANSFERS,
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)


@dataclass(frozen=True)
class RunRow:
    """What one partner gets. ``attempt`` over 1: an earlier run tried to pay the same ``payout_id``.

    ``since`` is the first day that something was earned on.
    """

    partner_id: str
    payee: Payee
    lines: tuple[InvoicedLine, ...]
    net_cents: int
    vat_cents: int
    covers_from: int
    covers_to: int
    payout_id: str = ""
    attempt: int = 1
    since: date | None = None

    @property
    def total_cents(self) -> int:
        return self.net_cents + self.vat_cents

    @property
    def bank_account_id(self) -> str:
        assert self.payee.bank is not None
        return self.payee.bank.id


class LeftOut(NamedTuple):
    """Who gets nothing this time, why, and what waits."""

    partner_id: str
    reason: str
    cents: int


class RunPreview(NamedTuple):
    rows: Sequence[RunRow]
    left_out: Sequence[LeftOut]

    @property
    def net_cents(self) -> int:
        return sum(row.net_cents for row in self.rows)

    @property
    def vat_cents(self) -> int:
        return sum(row.vat_cents for row in self.rows)

    @property
    def total_cents(self) -> int:
        return sum(row.total_cents for row in self.rows)

    @property
    def digest(self) -> str:
        """What somebody saw: another digest when any of it moved."""
        rows = [
            [
                row.partner_id, row.payout_id if row.attempt > 1 else "", row.attempt,
                row.net_cents, row.vat_cents, row.covers_from, row.covers_to,
                _seen(row.payee), as_json(row.lines),
            ]
            for row in self.rows
        ]  # fmt: skip
        seen = [rows, [[one.partner_id, one.reason, one.cents] for one in self.left_out]]
        return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()


def end_of(month: str) -> datetime:
    """Return when a month was over in France. Raises ``WrongRunMonth`` and ``MonthNotOver``."""
    known = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", month)
    if known is None:
        raise WrongRunMonth
    year, number = int(known[1]), int(known[2])
    end = clock.start_of_month(year + number // 12, number % 12 + 1)
    if end > clock.now():
        raise MonthNotOver
    return end


def preview(run: PayoutRun) -> RunPreview:
    """Judge a run that is not approved yet."""
    frozen = run.state == RunState.PROPOSED
    return _frozen(run) if frozen else _draft(run)


def _draft(run: PayoutRun) -> RunPreview:
    found = ledger.payable(end_of(run.month))
    # What came to nothing, and is in no other run meanwhile.
    pending = select(Transfer.payout_id).where(Transfer.state.in_(PENDING_TRANSFERS))
    failed = Payout.state.in_((PayoutState.REJECTED, PayoutState.RETURNED)), Payout.id.not_in(pending)
    fresh = select(Payout).where(*failed).execution_options(populate_existing=True)
    again = list(db.session.scalars(fresh))
    last = select(Payout.partner_id, func.max(Payout.covers_to)).group_by(Payout.partner_id)
    marks = {row[0]: row[1] for row in db.session.execute(last)}
    # Whose last entry lies behind the last mark has nothing that is not paid.
    new = {
        partner_id: one
        for partner_id, one in found.items()
        if one.cents and one.covers_to > marks.get(partner_id, 0)
    }
    known = payees.payees_of({*new, *(payout.partner_id for payout in again)})
    away = _away(known)
    tries = select(Transfer.payout_id, func.max(Transfer.attempt)).group_by(Transfer.payout_id)
    again_ids = [payout.id for payout in again]
    attempts = {row[0]: row[1] for row in db.session.execute(tries.where(Transfer.payout_id.in_(again_ids)))}
    left_out: list[LeftOut] = []
    chosen: dict[str, Payable] = {}
    waiting = ledger.held_for_contract([one for one, it in new.items() if it.cents < _minimum()])
    for partner_id, one in new.items():
        reason = _why_not(known[partner_id], away) or _too_little(one, partner_id in waiting)
        if reason:
            left_out.append(LeftOut(partner_id, reason, one.cents))
        else:
            chosen[partner_id] = one
    rows = _rows(chosen, marks, known)
    for payout in again:
        payee = known[payout.partner_id]
        if reason := _why_not(payee, away):
            left_out.append(LeftOut(payout.partner_id, reason, payout.net_cents))
        else:
            rows.append(_row_of(payout, payee, attempts[payout.id] + 1))
    return _sorted(rows, left_out)


def _frozen(run: PayoutRun) -> RunPreview:
    """Judge the rows that were proposed: each stays, gets less or falls out."""
    planned = list(
        db.session.execute(
            select(Payout, Transfer)
            .join(Transfer, Transfer.payout_id == Payout.id)
            .where(Transfer.run_id == run.id, Transfer.state == TransferState.PLANNED)
            .execution_options(populate_existing=True)
        )
    )
    of_run = [payout.partner_id for payout, _ in planned if payout.run_id == run.id]
    found = ledger.payable(end_of(run.month), of_run)
    known = payees.payees_of({payout.partner_id for payout, _ in planned})
    away = _away(known)
    left_out = [LeftOut(*each) for each in run.left_out]
    rows: list[RunRow] = []
    chosen: dict[str, Payable] = {}
    marks: dict[str, int] = {}
    for payout, transfer in planned:
        payee = known[payout.partner_id]
        reason = _why_not(payee, away)
        # A run pays to the account that it was proposed with, or not at all.
        if not reason and payee.bank is not None and payee.bank.id != transfer.bank_account_id:
            reason = str(Missing.NEW_BANK)
        if not reason and payout.run_id == run.id:
            one = found.get(payout.partner_id, Payable(0, payout.covers_to))
            reason = _too_little(one, False)
            chosen[payout.partner_id], marks[payout.partner_id] = one, payout.covers_from
        elif not reason:
            rows.append(_row_of(payout, payee, transfer.attempt))
        if reason:
            chosen.pop(payout.partner_id, None)
            left_out.append(LeftOut(payout.partner_id, reason, payout.net_cents))
    own = {payout.partner_id: payout.id for payout, _ in planned if payout.run_id == run.id}
    rows += [replace(row, payout_id=own[row.partner_id]) for row in _rows(chosen, marks, known)]
    return _sorted(rows, left_out)


def _away(partner_ids: Iterable[str]) -> set[str]:
    """Return who of these is suspended or gone: nothing is paid behind a closed account."""
    ids, away = sorted(partner_ids), set[str]()
    for some in batches(ids):
        closed = select(Partner.id).where(Partner.id.in_(some))
        away |= set(db.session.scalars(closed.where(~Partner.is_active | Partner.email.is_(None))))
    return away


def _why_not(payee: Payee, away: Collection[str]) -> str:
    """Return the first thing that keeps a partner from being paid; "" where nothing does."""
    if payee.partner_id in away:
        return str(Missing.FROZEN)
    return str(payee.missing[0]) if payee.missing else ""


def _seen(payee: Payee) -> list[object]:
    """What of a payee an approval stands on."""
    identity = [payee.legal_name, payee.siret, payee.street, payee.postcode, payee.city]
    bank = payee.bank and [payee.bank.id, payee.bank.holder]
    return [*identity, payee.vat, payee.vat_number, payee.mandate_version, bank]


def _too_little(one: Payable, waits_for_contract: bool) -> str:
    if one.cents >= _minimum():
        return ""
    if waits_for_contract:
        return "contract"
    return "negative" if one.cents <= 0 else "below_minimum"


def _minimum() -> int:
    return max(1, settings().payout_minimum_cents)


def _rows(
    chosen: Mapping[str, Payable], marks: Mapping[str, int], known: Mapping[str, Payee]
) -> list[RunRow]:
    covered = {one: (marks.get(one, 0), it.covers_to) for one, it in chosen.items()}
    pieces = ledger.pieces(covered)
    cancelled = lines_of_cancelled(
        piece.cause for found in pieces.values() for piece in found if not piece.advertiser
    )
    rows = []
    for partner_id, one in chosen.items():
        lines = lines_of(pieces.get(partner_id, []), one.cents, cancelled)
        payee = known[partner_id]
        vat = vat_of(one.cents, payee.vat)
        since = min((piece.day for piece in pieces.get(partner_id, []) if piece.day), default=None)
        marks_of = covered[partner_id]
        rows.append(RunRow(partner_id, payee, lines, one.cents, vat, *marks_of, since=since))
    return rows


def _row_of(payout: Payout, payee: Payee, attempt: int) -> RunRow:
    return RunRow(
        payout.partner_id,
        payee,
        tuple(InvoicedLine(**line) for line in payout.lines),
        payout.net_cents,
        payout.vat_cents,
        payout.covers_from,
        payout.covers_to,
        payout.id,
        attempt,
    )


def _sorted(rows: list[RunRow], left_out: list[LeftOut]) -> RunPreview:
    return RunPreview(
        sorted(rows, key=lambda row: (row.payee.legal_name.casefold(), row.partner_id, row.payout_id)),
        sorted(left_out, key=lambda one: (one.reason, one.partner_id, one.cents)),
    )


def partners_of(run: PayoutRun) -> list[str]:
    """Return whose rows a proposed run pays."""
    planned = select(Payout.partner_id).join(Transfer, Transfer.payout_id == Payout.id)
    return list(db.session.scalars(planned.where(Transfer.run_id == run.id).distinct()))
