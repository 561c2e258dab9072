"""A partner refuses an invoice: their own act cancels it while nothing was sent, else somebody answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from sqlalchemy import select, update

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.ledger import payable as ledger
from contentflow.ledger.sheets import lock_payees
from contentflow.partners.locks import lock_active
from contentflow.payouts import filing, invoicing, payout_mail, runs, settling
from contentflow.payouts.errors import (
    AnswerMissing,
    ContestOver,
    NothingToAnswer,
    UnknownPayout,
    WhyMissing,
    WrongAnswer,
)
from contentflow.payouts.run_models import (
    PENDING_TRANSFERS,
    AnswerOutcome,
    Invoice,
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)

BACK: Final = (PayoutState.REJECTED, PayoutState.RETURNED)


def may_contest(invoice: Invoice, payout: Payout) -> bool:
    """Whether the period runs still and nothing was said yet, or who was told to be right has the sum back.

    Only the partner's own act makes a credit note: what the bank gave back would else be sent again.
    """
    if invoice.contested_at is not None:
        return invoice.answer_outcome == AnswerOutcome.AGREED and payout.state in BACK
    return clock.today() <= invoice.issued_on + timedelta(days=settings().payout_contest_days)


def contest(partner_id: str, payout_id: str, why: str) -> Payout:
    """Refuse a payout's invoice. Not sent yet: a credit note of the same series, and the money is available.

    Sent, or planned in another run: it is noted, the team is told, and somebody answers.
    Raises ``WhyMissing``, ``UnknownPayout``, ``ContestOver``, and what an inactive partner meets.
    """
    why = " ".join(why.split())
    if not 0 < len(why) <= audit.REASON_LENGTH:
        raise WhyMissing
    invoice, payout, run = _find(payout_id, partner_id)
    partner = lock_active(partner_id)
    db.session.refresh(invoice)
    db.session.refresh(payout)
    # The money is with us still: the bank gave it back, or the file was not fetched yet.
    is_back = payout.state in BACK and run.approving_at is None
    is_cancelled = is_back or (payout.state == PayoutState.DUE and run.state == RunState.APPROVED)
    if not may_contest(invoice, payout) or (invoice.answered_at is not None and not is_cancelled):
        raise ContestOver
    invoice.contested_at, invoice.contest = clock.now(), audit.redacted(why)
    if is_cancelled:
        _cancel(invoice, payout, run)
    else:
        payout_mail.tell_team_of_contest(partner, invoice, run.id)
    after = {"invoice": invoice.label, "cancelled": is_cancelled}
    audit.note(partner_id, "payout.contest", payout.id, reason=why, after=after)
    db.session.flush()
    return payout


def answer(payout_id: str, outcome: str, words: str, reason: str, actor: str) -> str:
    """Answer a contest of what was sent, in words that the partner reads, and return its run; no money moves.

    The ledger is mended by its own acts, and a line of the next invoice says so. Raises ``WrongAnswer``,
    ``AnswerMissing``, ``UnknownPayout`` and ``NothingToAnswer``.
    """
    if outcome not in list(AnswerOutcome):
        raise WrongAnswer
    if not words:
        raise AnswerMissing
    invoice, payout, run = _find(payout_id)
    lock_payees([payout.partner_id])
    db.session.refresh(invoice)
    db.session.refresh(payout)
    is_waiting = invoice.contested_at is not None and invoice.answered_at is None
    if not is_waiting or payout.state == PayoutState.CANCELLED:
        raise NothingToAnswer
    invoice.answered_at, invoice.answer, invoice.answer_outcome = clock.now(), words, outcome
    after = {"invoice": invoice.label, "outcome": outcome}
    audit.note(actor, "payout.answer", payout.id, reason=reason, after=after)
    payout_mail.tell_answer(payout.partner_id, invoice)
    db.session.flush()
    return run.id


def _find(payout_id: str, partner_id: str = "") -> tuple[Invoice, Payout, PayoutRun]:
    """Return a payout with its invoice and last run, which is locked; of one partner, if one is named."""
    found = select(Invoice, Payout).join(Payout, Payout.id == Invoice.payout_id)
    wanted = found.where(Payout.id == payout_id)
    if partner_id:
        wanted = wanted.where(Payout.partner_id == partner_id)
    row = db.session.execute(wanted).first() if is_id(payout_id) else None
    if row is None:
        raise UnknownPayout
    invoice, payout = row
    # The run that holds its transfer: its file may have to be made anew.
    last = select(Transfer.run_id).where(Transfer.payout_id == payout.id).order_by(Transfer.attempt.desc())
    run_id = db.session.scalar(last.limit(1)) or payout.run_id
    return invoice, payout, runs.get_run(run_id, locked=True)


def _cancel(invoice: Invoice, payout: Payout, run: PayoutRun) -> None:
    today = clock.today()
    number = invoicing.next_numbers([payout.partner_id], today.year)[payout.partner_id]
    note = invoicing.make(invoicing.credit_note(invoice, number, today), number)
    row = invoicing.row_of(note, payout.partner_id, None, invoice.id)
    row.accepted_at = clock.now()
    db.session.add(row)
    ledger.post_cancelled(payout.partner_id, payout.id, payout.net_cents)
    payout.state = str(PayoutState.CANCELLED)
    db.session.execute(
        update(Transfer)
        .where(Transfer.payout_id == payout.id, Transfer.state.in_(PENDING_TRANSFERS))
        .values(state=str(TransferState.CANCELLED))
    )
    if run.state == RunState.APPROVED:
        filing.make_file(run)
        settling.close_if_over(run)
