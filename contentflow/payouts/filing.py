"""The bank's file of a run: made at the approval, kept encrypted, and the same bytes each time it is fetched.

Until it is fetched nothing has left the house: an invoice that is contested then leaves the file.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import select, update

from contentflow.config import settings
from contentflow.core import audit, clock, quarantine
from contentflow.core.db import db
from contentflow.core.encryption import decrypt, encrypt
from contentflow.payouts import bank_file, payees, runs
from contentflow.payouts.bank_file import CreditTransfer, Payer
from contentflow.payouts.errors import NoFile, PayoutsInQuarantine, WrongDay, WrongState
from contentflow.payouts.models import BankAccount
from contentflow.payouts.run_models import (
    Invoice,
    Payout,
    PayoutRun,
    PayoutState,
    RunState,
    Transfer,
    TransferState,
)


def make_file(run: PayoutRun) -> None:
    """Write the file of a run's open transfers onto the run; none is left where none is open."""
    db.session.flush()
    found = list(
        db.session.execute(
            select(Transfer, BankAccount, Invoice.label)
            .join(BankAccount, BankAccount.id == Transfer.bank_account_id)
            .join(Invoice, Invoice.payout_id == Transfer.payout_id)
            .where(Transfer.run_id == run.id, Transfer.state == TransferState.OPEN)
            .order_by(Invoice.label, Transfer.id)
        )
    )
    if not found:
        run.bank_file = None
        return
    assert run.approved_at is not None
    run.executes_on = run.executes_on or bank_file.next_working_day(clock.day_of(run.approved_at))
    chosen = settings()
    payer = Payer(chosen.programme, chosen.programme_iban, chosen.programme_bic)
    # Made anew it keeps what stood in it: whoever was erased meanwhile is paid still.
    kept = bank_file.accounts_in(decrypt(run.bank_file).encode()) if run.bank_file else {}
    lines = [
        CreditTransfer(
            transfer.end_to_end_id,
            *(
                kept.get(transfer.end_to_end_id)
                or (account.holder, payees.open_iban(account.id), account.bic)
            ),
            transfer.total_cents,
            label,
        )
        for transfer, account, label in found
    ]
    content = bank_file.make(payer, run.id, run.approved_at, run.executes_on, lines)
    run.bank_file = encrypt(content.decode())


def fetch_file(run_id: str, actor: str) -> bytes:
    """Return the file for the bank; from the first time on its payouts are under way.

    Raises ``UnknownRun``, ``PayoutsInQuarantine`` and ``NoFile``.
    """
    run = runs.get_run(run_id, locked=True)
    if quarantine.is_held(quarantine.PAYOUTS):
        raise PayoutsInQuarantine
    if run.bank_file is None:
        raise NoFile
    if run.fetched_at is None:
        run.fetched_at = clock.now()
        _leave(run)
    audit.note(actor, "payout.file", run.id)
    return decrypt(run.bank_file).encode()


def note_sent(run_id: str, on: str, actor: str) -> PayoutRun:
    """Note the day on which the bank got the file. Raises ``UnknownRun``, ``WrongState`` and ``WrongDay``."""
    run = runs.get_run(run_id, locked=True)
    if run.state not in (RunState.APPROVED, RunState.FILED):
        raise WrongState
    assert run.approved_at is not None
    day = day_in(on) if on else clock.today()
    if not clock.day_of(run.approved_at) <= day <= clock.today():
        raise WrongDay
    _leave(run)
    before, run.sent_on = run.sent_on, day
    was = {"on": before.isoformat()} if before else None
    audit.note(actor, "payout.sent", run.id, before=was, after={"on": day.isoformat()})
    return run


def day_in(text: str) -> date:
    """Return a day that was typed; raises ``WrongDay``."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise WrongDay from None


def _leave(run: PayoutRun) -> None:
    """The file has left the house, or may have: no partner alone takes their payout back anymore."""
    if run.state != RunState.APPROVED:
        return
    run.state = str(RunState.FILED)
    open_ones = select(Transfer.payout_id).where(
        Transfer.run_id == run.id, Transfer.state == TransferState.OPEN
    )
    db.session.execute(
        update(Payout)
        .where(Payout.id.in_(open_ones), Payout.state == PayoutState.DUE)
        .values(state=str(PayoutState.SENDING))
        .execution_options(synchronize_session="fetch")
    )
