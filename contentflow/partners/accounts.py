"""What an operator does with accounts: look, change, suspend, let back in, invite."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import audit, clock
from contentflow.core.db import db
from contentflow.mailing import services as mailing
from contentflow.partners import addresses, locks, login_requests, services
from contentflow.partners.models import LoginRequest, Partner, PartnerSession
from contentflow.partners.refusals import AddressTaken, NoMail, UnknownPartner


def list_partners(most: int) -> list[Partner]:
    """Return the newest partners; those who were erased have no address and are not among them."""
    known = select(Partner).where(Partner.email.is_not(None))
    return list(db.session.scalars(known.order_by(Partner.created_at.desc(), Partner.id).limit(most)))


def get_partner_at(email: str) -> Partner:
    """Raises ``NotAnAddress`` and ``UnknownPartner``."""
    partner = db.session.scalar(select(Partner).where(Partner.email == addresses.normal(email)))
    if partner is None:
        raise UnknownPartner
    return partner


def change(
    email: str, actor: str, *, name: str | None = None, new_email: str | None = None,
    is_operator: bool | None = None,
) -> Partner:  # fmt: skip
    """Change what is given; what is None stays. A new address ends sessions and login links.

    Raises ``UnknownPartner``, ``NotAnAddress``, ``NameTooLong`` and ``AddressTaken``.
    """
    partner = _locked(email)
    if name is not None:
        partner.name = services.checked_name(name)
    if is_operator is not None:
        partner.is_operator = is_operator
    if new_email is not None and addresses.normal(new_email) != partner.email:
        _move(partner, addresses.normal(new_email))
    audit.note(actor, "partner.set", partner.id)
    db.session.flush()
    return partner


def _move(partner: Partner, address: str) -> None:
    if db.session.scalar(select(Partner.id).where(Partner.email == address)) is not None:
        raise AddressTaken
    partner.email = address
    _log_out(partner.id)


def suspend(email: str, actor: str) -> int:
    """End every session and login link, take back the mails that wait; return how many those were.

    The links go on. Nothing more is done in the partner's name until ``resume``: no login, no mail, no
    render. Again: nothing more happens.
    """
    partner = _locked(email)
    partner.is_active = False
    _log_out(partner.id)
    audit.note(actor, "partner.suspend", partner.id)
    return mailing.cancel_of_partner(partner.id)


def resume(email: str, actor: str) -> None:
    """Let a suspended partner back in; the mails that were taken back stay so."""
    partner = _locked(email)
    partner.is_active = True
    audit.note(actor, "partner.resume", partner.id)
    db.session.flush()


def invite(email: str, language: str, actor: str) -> None:
    """Mail a login link of 24 hours; older links end. Raises ``NoMail`` where no mail leaves."""
    if not settings().sends_mail:
        raise NoMail
    partner = locks.lock_active(_locked(email).id)
    assert partner.email is not None
    request = login_requests.begin(partner.id, None, login_requests.INVITATION)
    mailing.queue_login(partner.email, request.id, language, is_invitation=True)
    audit.note(actor, "partner.invite", partner.id)


def open_sessions(partner_id: str) -> int:
    now = clock.now()
    alive = (
        PartnerSession.partner_id == partner_id,
        PartnerSession.revoked_at.is_(None),
        PartnerSession.created_at > now - services.LIFETIME,
        PartnerSession.last_used_at > now - services.IDLE,
    )
    return len(db.session.scalars(select(PartnerSession.token_hash).where(*alive)).all())


def _locked(email: str) -> Partner:
    partner = locks.lock_partner(get_partner_at(email).id)
    if partner is None or partner.email is None:
        raise UnknownPartner
    return partner


def _log_out(partner_id: str) -> None:
    db.session.execute(delete(LoginRequest).where(LoginRequest.partner_id == partner_id))
    db.session.execute(
        update(PartnerSession)
        .where(PartnerSession.partner_id == partner_id, PartnerSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )
