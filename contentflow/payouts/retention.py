"""What is forgotten of a payee: at once what nothing needs, after ten years what invoices need.

An invoice holds the identity that it names, and so do the sums of a year (DAS2): Code de commerce, article
L. 123-22, asks for ten years. Who was never paid leaves nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from sqlalchemy import delete, exists, select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.ledger.models import LedgerEntry, LedgerTransaction
from contentflow.partners.models import Partner
from contentflow.payouts import bank_accounts, freezing
from contentflow.payouts.models import BankAccount, BankRequest, BillingProfile, FreezeToken

KEPT: Final = timedelta(days=3_653)
ERASED: Final[dict[str, Any]] = dict.fromkeys(
    (
        "kind",
        "legal_name",
        "siret",
        "street",
        "postcode",
        "city",
        "vat",
        "vat_number",
        "checked_at",
        "abroad_at",
    )
)
# Who was paid, or is about to be.
_PAID = (
    exists()
    .where(LedgerEntry.partner_id == BillingProfile.partner_id, LedgerEntry.account.in_(("paying", "paid")))
    .where(LedgerTransaction.id == LedgerEntry.transaction_id)
)


def erase_partner(partner_id: str) -> None:
    """Forget accounts, codes and links, and the identity unless somebody was paid under it."""
    bank_accounts.end_open(partner_id)
    for model in (BankRequest, FreezeToken):
        db.session.execute(delete(model).where(model.partner_id == partner_id))
    db.session.execute(
        update(BankAccount)
        .where(BankAccount.partner_id == partner_id)
        .values(iban=None, iban_hash="", holder="")
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(BillingProfile)
        .where(BillingProfile.partner_id == partner_id, ~_PAID)
        .values(ERASED)
        .execution_options(synchronize_session=False)
    )


def erase_old() -> None:
    """Maintenance: IBANs and links that are over, and identities ten years after who was erased was paid."""
    with transaction():
        bank_accounts.erase_old()
        freezing.erase_old_tokens()
        is_erased = select(Partner.id).where(Partner.email.is_(None))
        recent = _PAID.where(LedgerTransaction.posted_at > clock.now() - KEPT)
        db.session.execute(
            update(BillingProfile)
            .where(BillingProfile.checked_at.is_not(None), BillingProfile.partner_id.in_(is_erased), ~recent)
            .values(ERASED)
            .execution_options(synchronize_session=False)
        )
