"""The verbs of the earnings, for views, commands and the capabilities above."""

from __future__ import annotations

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.earnings import ledger


def mature_due() -> None:
    """Sweep: make available what was held long enough; one transaction a partner."""
    due = ledger.due_credits(clock.now())
    db.session.rollback()
    for partner_id in {partner_id for partner_id, _ in due}:
        with transaction():
            ledger.mature(partner_id, [credit_id for owner, credit_id in due if owner == partner_id])
