"""What the worker does for payouts: approve large runs, draft the month, tidy up."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.errors import Refused
from contentflow.payouts import approval
from contentflow.payouts.run_models import Invoice, PayoutRun

FILES_KEPT = timedelta(days=396)


def approve(run_id: str) -> None:
    """Finish an approval; what it was refused for stands on the run's page."""
    try:
        approval.finish(run_id)
    except Refused:
        db.session.rollback()


def erase_files() -> None:
    """Maintenance: a file for the bank holds IBANs; it goes 13 months after its run was closed."""
    with transaction():
        db.session.execute(
            update(PayoutRun)
            .where(PayoutRun.closed_at < clock.now() - FILES_KEPT, PayoutRun.bank_file.is_not(None))
            .values(bank_file=None)
            .execution_options(synchronize_session=False)
        )


def accept_silence() -> None:
    """Maintenance: an invoice that nobody contested within the mandate's period is accepted."""
    last = clock.today() - timedelta(days=settings().payout_contest_days)
    with transaction():
        db.session.execute(
            update(Invoice)
            .where(Invoice.accepted_at.is_(None), Invoice.contested_at.is_(None), Invoice.issued_on < last)
            .values(accepted_at=clock.now())
            .execution_options(synchronize_session=False)
        )
