"""What an operator does with accounts: look, change, suspend, let back in, invite."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from contentflow.config import settings
from contentflow.core import audit, clock, undo
from contentflow.core.audit import AuditEntry
from contentflow.core.db import db
from contentflow.core.ids import is_id
from contentflow.mailing import services as mailing
from contentflow.partners import (
    addresses,
    locks,
    login_requests,
    notices,
    second_factor,
    services,
    team,
)
from contentflow.partners.errors import AddressTaken, NoMail, OwnRole, UnknownPartner
from contentflow.partners.models import LoginRequest, Partner, PartnerSession
from contentflow.partners.roles import TeamRole


def list_partners(limit: int) -> list[Partner]:
    """Return the newest partners; those who were erased have no address and are not among them."""
    known = select(Partner).where(Partner.email.is_not(None))
    return list(db.session.scalars(known.order_by(Partner.created_at.desc(), Partner.id).limit(limit)))


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

    Raises ``UnknownPartner``, ``NotAnAddress``, ``NameTooLong``, ``AddressTaken`` and ``LastOwner``.
    """
    partner = _locked(email)
    if name is not None:
        partner.name = services.checked_name(name)
    if is_operator is not None and is_operator is (partner.role is None):
        team.change_role(partner, team.role_of_new() if is_operator else None, actor)
    if new_email is not None and addresses.normal(new_email) != partner.email:
        address = addresses.normal(new_email)
        if db.session.scalar(select(Partner.id).where(Partner.email == address)) is not None:
            raise AddressTaken
        partner.email = address
        _log_out(partner.id)
    audit.note(actor, "partner.set", partner.id)
    db.session.flush()
    return partner


def suspend(email: str, actor: str) -> int:
    """As ``suspend_partner``, by the address; return how many mails were taken back."""
    return suspend_partner(get_partner_at(email).id, actor)[0]


def suspend_partner(partner_id: str, actor: str, reason: str = "", words: str = "") -> tuple[int, AuditEntry]:
    """End every session and login link, take back the mails that wait; return how many those were.

    The links go on. Nothing more is done in the partner's name until ``resume``: no login, no mail, no
    render. The mail that says so, with ``words``, leaves once it cannot be undone any more. Raises
    ``LastOwner``, ``OwnRole`` for oneself, and ``UnknownPartner``.
    """
    partner = _locked_by_id(partner_id)
    if actor == partner.id:
        raise OwnRole
    team.refuse_last_owner(partner)
    was_active, partner.is_active = partner.is_active, False
    _log_out(partner.id)
    told = ""
    if was_active:
        told = notices.tell(partner, lambda: notices.suspended(words), leaves_at=undo.over_at())
    before, after = {"state": _state(was_active)}, {"state": "suspended", "notice": told}
    entry = audit.note(actor, "partner.suspend", partner.id, reason=reason, before=before, after=after)
    return mailing.cancel_of_partner(partner.id), entry


def resume(email: str, actor: str) -> None:
    """Let a suspended partner back in; the mails that were taken back stay so."""
    resume_partner(get_partner_at(email).id, actor)


def resume_partner(partner_id: str, actor: str, reason: str = "") -> AuditEntry:
    """As ``resume``, by the id. Raises ``UnknownPartner``."""
    partner = _locked_by_id(partner_id)
    before, partner.is_active = {"state": _state(partner.is_active)}, True
    after = {"state": "active"}
    entry = audit.note(actor, "partner.resume", partner.id, reason=reason, before=before, after=after)
    db.session.flush()
    return entry


def undo_suspension(entry: AuditEntry, actor: str) -> None:
    """Let a partner back in as if nothing had been; the mail that would have told them does not leave."""
    resume_partner(entry.subject, actor)
    mailing.cancel_words(str((entry.after or {}).get("notice", "")))


def _state(is_active: bool) -> str:
    return "active" if is_active else "suspended"


def end_sessions(partner_id: str, actor: str, reason: str) -> None:
    """Log a partner out everywhere; login links end too. Raises ``UnknownPartner``."""
    partner = _locked_by_id(partner_id)
    _log_out(partner.id)
    audit.note(actor, "partner.end_sessions", partner.id, reason=reason)


def note(partner_id: str, actor: str, text: str) -> None:
    """Keep what only the team reads of a partner. Raises ``UnknownPartner``."""
    audit.note(actor, "partner.note", _locked_by_id(partner_id).id, reason=text)


def set_role(email: str, role: TeamRole | None, actor: str, reason: str = "") -> Partner:
    """Give a person a role, or take theirs. Raises what ``team.change_role`` does, and ``UnknownPartner``."""
    partner = _locked(email)
    team.change_role(partner, role, actor, reason)
    return partner


def join_team(email: str, role: TeamRole, actor: str, reason: str, language: str) -> None:
    """Give a role to who has this address, adding them, and mail a login link where mail leaves.

    Raises ``NotAnAddress`` and what ``team.change_role`` does.
    """
    partner = locks.lock_partner(services.add_partner(email).id)
    assert partner is not None
    team.change_role(partner, role, actor, reason)
    if settings().sends_mail and partner.is_active and partner.email:
        invite(partner.email, language, actor)


def reset_second_factor(email: str, actor: str, reason: str = "") -> None:
    """Take away a person's second factors and mail them so. Raises ``NoFactor`` and ``UnknownPartner``."""
    partner = _locked(email)
    second_factor.reset(partner, actor, reason)
    notices.tell(partner, notices.factor_reset)


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
    return len(list_sessions(partner_id))


def list_sessions(partner_id: str) -> list[PartnerSession]:
    """Return the browsers that are logged in, the one that was used last first."""
    now = clock.now()
    alive = (
        PartnerSession.partner_id == partner_id,
        PartnerSession.revoked_at.is_(None),
        PartnerSession.created_at > now - services.LIFETIME,
        PartnerSession.last_used_at > now - services.IDLE,
    )
    found = select(PartnerSession).where(*alive).order_by(PartnerSession.last_used_at.desc())
    return list(db.session.scalars(found))


def _locked(email: str) -> Partner:
    return _locked_by_id(get_partner_at(email).id)


def _locked_by_id(partner_id: str) -> Partner:
    partner = locks.lock_partner(partner_id) if is_id(partner_id) else None
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
