"""A partner's account: asked for, confirmed by a code from the mail, in use after a wait, ended.

An IBAN is encrypted at once and read again by the bank file alone; the audit has its last four at most.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final, NamedTuple

from sqlalchemy import select, update

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.core.encryption import decrypt, encrypt
from contentflow.core.signing import short_lived_hash
from contentflow.mailing.recipients import recipient_hash
from contentflow.partners.locks import lock_active
from contentflow.partners.models import Partner
from contentflow.payouts import bank_notices, identity
from contentflow.payouts.billing_errors import BankCodeEnded, NoMailForCode, OwnIban
from contentflow.payouts.identity import Iban
from contentflow.payouts.models import BankAccount, BankRequest

LIFETIME: Final = timedelta(minutes=10)
CODE_TRIES: Final = 5
IBANS_KEPT: Final = timedelta(days=396)  # 13 months, in which a transfer may be disputed


class BankCodeTry(NamedTuple):
    """What a try came to: the account, or none and how many tries are left."""

    account: BankAccount | None
    tries_left: int


def ask(partner_id: str, iban: Iban, holder: str, language: str) -> BankRequest:
    """Keep an account until its code is given, and mail the code; what waited before ends.

    Raises ``NoMailForCode``, ``OwnIban``, ``NotFound`` and ``AccountClosed``.
    """
    if not settings().sends_mail:
        raise NoMailForCode
    if iban.number == settings().programme_iban:
        raise OwnIban
    partner = lock_active(partner_id)
    _end_requests(partner_id)
    now = clock.now()
    request = BankRequest(
        partner_id=partner_id,
        iban=encrypt(iban.number),
        last_four=iban.number[-4:],
        holder=holder,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    db.session.add(request)
    db.session.flush()
    audit.note(partner_id, "bank.ask", partner_id, after={"last_four": request.last_four})
    old = find_account(partner_id)
    bank_notices.tell_code(partner, request.id, old.last_four if old else "", language)
    return request


def find_account(partner_id: str) -> BankAccount | None:
    """Return the open account."""
    return db.session.scalar(
        select(BankAccount).where(BankAccount.partner_id == partner_id, BankAccount.ended_at.is_(None))
    )


def find_request(partner_id: str) -> BankRequest | None:
    """Return what waits for a code."""
    now = clock.now()
    return db.session.scalar(
        select(BankRequest).where(
            BankRequest.partner_id == partner_id,
            BankRequest.ended_at.is_(None),
            BankRequest.expires_at > now,
            BankRequest.created_at <= now + clock.SLACK,
            BankRequest.tries < CODE_TRIES,
        )
    )


def confirm(partner_id: str, code: str, language: str) -> BankCodeTry:
    """Try a code; with the right one the account takes the place of the one before.

    A wrong one is no exception: it is counted, so the caller commits; the fifth one ends the request.
    Raises ``BankCodeEnded`` when there is none to try, ``NotFound`` and ``AccountClosed``.
    """
    partner = lock_active(partner_id)
    request = find_request(partner_id)
    if request is None or request.iban is None:
        raise BankCodeEnded
    request.tries += 1
    if request.code_hash is None or request.code_hash != code_hash(request.id, code):
        left = CODE_TRIES - request.tries
        if not left:
            _end_requests(partner_id)
        db.session.flush()
        return BankCodeTry(None, left)
    account = _take(partner, request, decrypt(request.iban), language)
    _end_requests(partner_id)
    return BankCodeTry(account, 0)


def _take(partner: Partner, request: BankRequest, number: str, language: str) -> BankAccount:
    """Put the confirmed account in the place of the open one, and tell whom it concerns."""
    iban = identity.iban(number)
    old, now = find_account(partner.id), clock.now()
    if old is not None:
        old.ended_at = now
        db.session.flush()  # One is open at a time: the database holds to it.
    account = BankAccount(
        partner_id=partner.id,
        iban=encrypt(iban.number),
        iban_hash=iban_hash(iban.number),
        last_four=request.last_four,
        bic=iban.bic,
        holder=request.holder,
        created_at=now,
        usable_at=now + timedelta(days=settings().payout_bank_cooldown_days),
    )
    db.session.add(account)
    db.session.flush()
    before, after = {"last_four": old.last_four} if old else None, {"last_four": account.last_four}
    audit.note(partner.id, "bank.set", account.id, before=before, after=after)
    bank_notices.tell_changed(partner, account.id, old.last_four if old else "", language)
    others = sharers(account)
    if others:
        # Neither partner is told: the one would learn what account the other has.
        audit.note("payouts", "bank.shared", partner.id, after={"partners": ", ".join(others)})
        bank_notices.tell_team_of_shared(partner, others)
    return account


def sharers(account: BankAccount) -> list[str]:
    """Return the ids of the other partners who are paid on the same account."""
    found = select(BankAccount.partner_id).where(
        BankAccount.iban_hash == account.iban_hash,
        BankAccount.partner_id != account.partner_id,
        BankAccount.ended_at.is_(None),
    )
    return sorted(set(db.session.scalars(found)))


def end_open(partner_id: str) -> None:
    """End the account and what waits for a code."""
    _end_requests(partner_id)
    account = find_account(partner_id)
    if account is not None:
        account.ended_at = clock.now()
    db.session.flush()


def _end_requests(partner_id: str) -> None:
    """End what waits, and forget its IBAN."""
    db.session.execute(
        update(BankRequest)
        .where(BankRequest.partner_id == partner_id, BankRequest.ended_at.is_(None))
        .values(ended_at=clock.now(), iban=None, code_hash=None)
        .execution_options(synchronize_session="fetch")
    )


def iban_hash(number: str) -> str:
    """Return the hash that knows an IBAN again, under the key that is never rotated."""
    return recipient_hash(f"iban:{number}")


def code_hash(request_id: str, code: str) -> str:
    return short_lived_hash("bank-code", f"{request_id}:{code}")


def erase_old() -> None:
    """Forget the IBANs of accounts that ended 13 months ago, and requests that are over."""
    now = clock.now()
    db.session.execute(
        update(BankAccount)
        .where(BankAccount.ended_at < now - IBANS_KEPT, BankAccount.iban.is_not(None))
        .values(iban=None, iban_hash="", holder="")
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        update(BankRequest)
        .where(BankRequest.ended_at.is_(None), BankRequest.expires_at <= now)
        .values(ended_at=now, iban=None, code_hash=None)
        .execution_options(synchronize_session=False)
    )
