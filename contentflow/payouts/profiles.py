"""What stands on a partner's invoices: given, changed, and forgotten when the law lets go of it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import select

from contentflow.agreements import services as agreements
from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.partners.locks import lock_active
from contentflow.payouts.identity import BillingIdentity
from contentflow.payouts.models import BillingProfile
from contentflow.payouts.payees import MANDATE, number_of
from contentflow.terminal_language import says

ORIGIN: Final = "/partner/billing"


def find_profile(partner_id: str) -> BillingProfile | None:
    return db.session.scalar(select(BillingProfile).where(BillingProfile.partner_id == partner_id))


def own_profile(partner_id: str) -> BillingProfile:
    """Return the row of a partner who is locked, made with its number when there is none."""
    profile = find_profile(partner_id)
    if profile is None:
        profile = BillingProfile(partner_id=partner_id)
        db.session.add(profile)
        db.session.flush()
    return profile


def save(partner_id: str, identity: BillingIdentity, mandate_version: str = "") -> BillingProfile:
    """Take an identity, and the mandate where its version is named; the partner's number never changes.

    Raises ``TextNotInForce`` for a version that is not in force, ``NotFound`` and ``AccountClosed``.
    """
    lock_active(partner_id)
    profile = own_profile(partner_id)
    before = _audited(profile)
    for name, value in vars(identity).items():
        setattr(profile, name, value)
    profile.checked_at, profile.abroad_at = clock.now(), None
    db.session.flush()
    audit.note(partner_id, "billing.set", number_of(profile), before=before, after=_audited(profile))
    if mandate_version:
        agreements.accept(partner_id, MANDATE, mandate_version, ORIGIN, is_with_code=False)
    return profile


def save_abroad(partner_id: str) -> None:
    """Note that a partner is established outside of France; what they gave before is kept, and pays nothing.

    Raises ``NotFound`` and ``AccountClosed``.
    """
    lock_active(partner_id)
    profile = own_profile(partner_id)
    if profile.abroad_at is None:
        profile.abroad_at = clock.now()
        db.session.flush()
        audit.note(partner_id, "billing.abroad", number_of(profile))


def check_mandate() -> str | None:
    """Doctor: None where nobody is paid, or a mandate is in force."""
    if not settings().payouts_enabled or agreements.in_force(MANDATE) is not None:
        return None
    return says(
        "Aucun mandat n’est publié, donc personne ne peut être payé : faites relire "
        "contentflow/payouts/texts/mandate.fr.txt, puis « contentflow text publish mandate FILE »."
    )


def _audited(profile: BillingProfile) -> dict[str, Any]:
    return {"siret": profile.siret, "vat": profile.vat}
