"""Who can be paid, and what is missing for it: the question that runs ask of the partner's side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from sqlalchemy import select

from contentflow.agreements import services as agreements
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.encryption import decrypt
from contentflow.core.errors import NotFound
from contentflow.payouts.models import BankAccount, BillingProfile

MANDATE = "mandate"


class Missing(StrEnum):
    """Why a partner is left out of a run, as far as it lies with the partner."""

    IDENTITY = "no_identity"
    ABROAD = "abroad"
    MANDATE = "no_mandate"
    BANK = "no_bank"
    NEW_BANK = "bank_new"
    FROZEN = "frozen"


class BankOfPayee(NamedTuple):
    """The open account; nothing is paid to it before ``usable_at``. ``bic`` may be ""."""

    id: str
    last_four: str
    holder: str
    bic: str
    usable_at: datetime


class Payee(NamedTuple):
    """A partner as invoices name one; ``missing`` is empty for who can be paid now.

    ``number`` is the partner's own, such as ``P00017``; "" before they gave anything. What was not given
    is "" too. ``vat`` is ``franchise`` or ``vat``; ``mandate_version`` is the version in force, if it was
    accepted. An account that was closed by erasure is frozen: its account is none, its identity stays.
    """

    partner_id: str
    number: str = ""
    kind: str = ""
    legal_name: str = ""
    siret: str = ""
    street: str = ""
    postcode: str = ""
    city: str = ""
    vat: str = ""
    vat_number: str = ""
    mandate_version: str | None = None
    mandate_accepted_at: datetime | None = None
    bank: BankOfPayee | None = None
    frozen: bool = False
    missing: tuple[Missing, ...] = ()

    @property
    def siren(self) -> str:
        return self.siret[:9]


def payee_of(partner_id: str) -> Payee:
    """Return a partner as a payee, also one of whom nothing is known yet."""
    return payees_of([partner_id])[partner_id]


def payees_of(partner_ids: Iterable[str]) -> Mapping[str, Payee]:
    """Return each of the partners as a payee, in four statements however many they are."""
    ids = list(dict.fromkeys(partner_ids))
    mandate, now = agreements.in_force(MANDATE), clock.now()
    accepted = agreements.acceptances_of(ids, mandate) if mandate else {}
    profiles = {
        profile.partner_id: profile
        for profile in db.session.scalars(select(BillingProfile).where(BillingProfile.partner_id.in_(ids)))
    }
    accounts = {
        account.partner_id: account
        for account in db.session.scalars(
            select(BankAccount).where(BankAccount.partner_id.in_(ids), BankAccount.ended_at.is_(None))
        )
    }
    found = {}
    for partner_id in ids:
        profile, account = profiles.get(partner_id), accounts.get(partner_id)
        acceptance, bank = accepted.get(partner_id), None
        if account is not None:
            bank = BankOfPayee(account.id, account.last_four, account.holder, account.bic, account.usable_at)
        found[partner_id] = Payee(
            partner_id=partner_id,
            **_identity(profile),
            mandate_version=mandate.version if mandate and acceptance else None,
            mandate_accepted_at=acceptance.accepted_at if acceptance else None,
            bank=bank,
            frozen=bool(profile and profile.frozen_at),
            missing=tuple(_missing(profile, account, acceptance is not None, now)),
        )
    return found


def open_iban(bank_account_id: str) -> str:
    """Return an account's IBAN, for the bank file and for nothing else.

    Raises ``NotFound``, and cryptography's ``InvalidToken`` once the key that encrypted it is lost.
    """
    account = db.session.get(BankAccount, bank_account_id)
    if account is None or account.iban is None:
        raise NotFound
    return decrypt(account.iban)


def number_of(profile: BillingProfile) -> str:
    return f"P{profile.number:05d}"


def _identity(profile: BillingProfile | None) -> dict[str, str]:
    if profile is None:
        return {}
    fields = ("kind", "legal_name", "siret", "street", "postcode", "city", "vat", "vat_number")
    return {"number": number_of(profile), **{name: getattr(profile, name) or "" for name in fields}}


def _missing(
    profile: BillingProfile | None, account: BankAccount | None, has_mandate: bool, now: datetime
) -> Iterable[Missing]:
    if profile is not None and profile.frozen_at is not None:
        yield Missing.FROZEN
    if profile is not None and (
        profile.abroad_at or (profile.checked_at and is_abroad(profile.postcode or ""))
    ):
        yield Missing.ABROAD
        return  # Nothing else would help.
    if profile is None or profile.checked_at is None:
        yield Missing.IDENTITY
    if not has_mandate:
        yield Missing.MANDATE
    if account is None:
        yield Missing.BANK
    elif account.usable_at > now:
        yield Missing.NEW_BANK


def is_abroad(postcode: str) -> bool:
    """Whether a postcode lies outside of what is France for VAT: the Pacific, Saint-Pierre, Saint-Martin.

    Council Directive 2006/112/EC, articles 5 to 7; Monaco (980) counts as France, Saint-Barthélemy
    (97133) and Saint-Martin (97150) do not.
    """
    return postcode.startswith(("975", "977", "978", "984", "986", "987", "988")) or postcode in (
        "97133",
        "97150",
    )


def export_profile(partner_id: str) -> list[dict[str, Any]]:
    found = db.session.scalars(select(BillingProfile).where(BillingProfile.partner_id == partner_id))
    return [
        {
            **_identity(profile),
            "checked_at": clock.iso(profile.checked_at),
            "frozen_at": clock.iso(profile.frozen_at),
            "abroad_at": clock.iso(profile.abroad_at),
        }
        for profile in found
    ]


def export_accounts(partner_id: str) -> list[dict[str, Any]]:
    """Return the partner's accounts, those before the open one too; no IBAN leaves us, this way neither."""
    found = db.session.scalars(
        select(BankAccount).where(BankAccount.partner_id == partner_id).order_by(BankAccount.created_at)
    )
    return [
        {
            "id": account.id,
            "last_four": account.last_four,
            "holder": account.holder,
            "bic": account.bic,
            "created_at": clock.iso(account.created_at),
            "usable_at": clock.iso(account.usable_at),
            "ended_at": clock.iso(account.ended_at),
        }
        for account in found
    ]
