"""Who is a partner, how they log in, and how long they stay so."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import NamedTuple

from sqlalchemy import Select, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import aliased

from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.encryption import encrypt
from contentflow.core.errors import NotFound
from contentflow.core.ids import digest, new_token
from contentflow.mailing import retention
from contentflow.mailing import services as mailing
from contentflow.mailing.messages import one_line
from contentflow.partners import addresses, kept_filters, locks, login_requests, second_factor, team
from contentflow.partners.errors import (
    AccountClosed,
    LoginEnded,
    NameTooLong,
    NotAnAddress,
    UnknownPartner,
)
from contentflow.partners.models import LoginRequest, LoginToken, Partner, PartnerSession

IDLE = timedelta(days=14)
LIFETIME = timedelta(days=90)
TOUCH_EVERY = timedelta(minutes=10)
AHEAD = timedelta(days=1)
STALE = timedelta(hours=1)  # What is dated anew is no fresh login.
NAME_LENGTH = 100
REQUEST_RETENTION = timedelta(days=1)


class CodeTry(NamedTuple):
    """What a try came to: the new session's token, or none and how many tries are left."""

    session_token: str | None
    tries_left: int


class LiveSession(NamedTuple):
    """``seen`` is the partner whose pages ``partner`` looks at here, if so."""

    partner: Partner
    session: PartnerSession
    seen: Partner | None = None


# Partners


def add_partner(email: str, name: str = "", is_operator: bool = False) -> Partner:
    """Return the partner with this address, as they are if they are known; else add them.

    The first who may run the programme owns it, later ones are operators. Raises ``NotAnAddress`` and
    ``NameTooLong``.
    """
    address, name = addresses.normal(email), checked_name(name)
    known = _partner_at(address)
    if known is not None:
        return known
    role = team.role_of_new() if is_operator else None
    partner = Partner(email=address, name=name, role=role)
    try:
        with db.session.begin_nested():
            db.session.add(partner)
    except IntegrityError:  # Another process added the same address in between.
        return db.session.execute(select(Partner).where(Partner.email == address)).scalar_one()
    return partner


def checked_name(text: str) -> str:
    """Return a name on one line; raises ``NameTooLong``."""
    name = one_line(text)
    if len(name) > NAME_LENGTH:
        raise NameTooLong
    return name


def get_partner(partner_id: str) -> Partner:
    partner = db.session.get(Partner, partner_id)
    if partner is None:
        raise NotFound
    return partner


def names_of(partner_ids: Iterable[str]) -> dict[str, str]:
    """Return what people call these partners: their name, else their address."""
    ids = set(partner_ids)
    found = db.session.execute(select(Partner.id, Partner.name, Partner.email).where(Partner.id.in_(ids)))
    return {row.id: row.name or row.email or "" for row in found}


def find_partner_by_email(email: str) -> Partner | None:
    try:
        return _partner_at(addresses.normal(email))
    except NotAnAddress:
        return None


def _partner_at(address: str) -> Partner | None:
    return db.session.scalar(_at(address))


def _at(address: str) -> Select[Partner]:
    return select(Partner).where(Partner.email == address)


def _active(partner: Partner | None) -> Partner:
    if partner is None:
        raise LoginEnded
    if not partner.is_active:
        raise AccountClosed
    return partner


# Sessions


def open_session(partner_id: str) -> str:
    """Begin a session and return its token; only the token's hash is kept. Raises ``AccountClosed``."""
    partner = locks.lock_active(partner_id)
    token = new_token()
    db.session.add(PartnerSession(token_hash=digest(token), partner_id=partner.id))
    db.session.flush()
    return token


def find_session(token: str) -> LiveSession | None:
    """Return the session while it is alive and its partner active."""
    now = clock.now()
    seen = aliased(Partner)
    is_seeing = (seen.id == PartnerSession.seeing_id) & (PartnerSession.seeing_until > now)
    row = db.session.execute(
        select(PartnerSession, Partner, seen)
        .join(Partner, Partner.id == PartnerSession.partner_id)
        .outerjoin(seen, is_seeing & Partner.role.is_not(None) & seen.email.is_not(None))
        .where(
            PartnerSession.token_hash == digest(token),
            PartnerSession.revoked_at.is_(None),
            PartnerSession.created_at > now - LIFETIME,
            PartnerSession.last_used_at > now - IDLE,
            Partner.is_active,
        )
    ).one_or_none()
    return None if row is None else LiveSession(row[1], row[0], row[2])


def keep_form(token_hash: str, form: str) -> None:
    """Keep what was typed in a session, encrypted; "" forgets it."""
    db.session.execute(
        update(PartnerSession)
        .where(PartnerSession.token_hash == token_hash)
        .values(kept_form=encrypt(form) if form else None)
    )


def revoke_session(token: str) -> None:
    db.session.execute(
        update(PartnerSession)
        .where(PartnerSession.token_hash == digest(token), PartnerSession.revoked_at.is_(None))
        .values(revoked_at=clock.now())
    )


# Login


def request_login(email: str, browser_token: str, language: str) -> None:
    """Queue a mail with a link and a code; older links of the address end.

    The same rows are written for an address that nobody has, so that neither the answer nor its
    time tells who is a partner; the mail is dropped by the worker. Raises ``NotAnAddress``.
    """
    address = addresses.normal(email)
    partner = db.session.scalar(_at(address).with_for_update(key_share=True))
    request = login_requests.begin(partner.id if partner else None, digest(browser_token))
    mailing.queue_login(address, request.id, language)


def make_login_link(email: str) -> str:
    """Return the token of a link for any browser; older links end, sessions go on.

    Raises ``UnknownPartner`` and ``AccountClosed``.
    """
    partner = find_partner_by_email(email)
    if partner is None:
        raise UnknownPartner
    request = login_requests.begin(locks.lock_active(partner.id).id, None)
    token = new_token()
    db.session.add(LoginToken(token_hash=digest(token), request_id=request.id))
    db.session.flush()
    return token


def partner_of_link(token: str) -> Partner:
    """Return whom a link would log in; it is not used by that. Raises ``LoginEnded``, ``AccountClosed``."""
    return _active(db.session.get(Partner, login_requests.open_request_of(token).partner_id))


def login_with_token(token: str) -> str:
    """Use a link once and return the new session's token. Raises ``LoginEnded``, ``AccountClosed``."""
    return _log_in(login_requests.open_request_of(token))


def login_with_code(code: str, browser_token: str) -> CodeTry:
    """Try a code in the browser that asked for it. Raises ``CodeEnded`` when there is none to try.

    A wrong code is no exception: it must be counted, so the caller commits. The fifth one ends
    code and link.
    """
    locks.lock_partner(login_requests.partner_who_asked(browser_token))
    request = login_requests.take_try(browser_token)
    is_right = db.session.scalar(
        select(LoginToken.token_hash)
        .where(
            LoginToken.request_id == request.id,
            LoginToken.code_hash == login_requests.code_hash(request.id, code),
        )
        .limit(1)
    )
    if is_right:
        return CodeTry(_log_in(request), 0)
    if request.code_tries >= login_requests.CODE_TRIES:
        login_requests.end(LoginRequest.id == request.id)
    return CodeTry(None, login_requests.CODE_TRIES - request.code_tries)


def want_clip_mails(partner_id: str, is_wanted: bool) -> None:
    """Let the mails that a clip is done come to a partner, or not."""
    db.session.execute(update(Partner).where(Partner.id == partner_id).values(wants_clip_mails=is_wanted))


def erase_expired() -> None:
    """Delete login requests of the day before, and sessions that began 90 days ago: none lives longer."""
    now = clock.now()
    db.session.execute(delete(LoginRequest).where(LoginRequest.created_at < now - REQUEST_RETENTION))
    db.session.execute(delete(PartnerSession).where(PartnerSession.created_at < now - LIFETIME))
    # Noted, so that a clock that steps back does not bring it to life again.
    idle = update(PartnerSession).where(
        PartnerSession.last_used_at < now - IDLE, PartnerSession.revoked_at.is_(None)
    )
    db.session.execute(idle.values(revoked_at=now).execution_options(synchronize_session=False))
    # From before a clock was set back: such a session would live as much longer as that clock was ahead.
    for column in (PartnerSession.created_at, PartnerSession.last_used_at):
        ahead = update(PartnerSession).where(column > now + AHEAD).values({column: now - STALE})
        db.session.execute(ahead.execution_options(synchronize_session=False))


def _log_in(request: LoginRequest) -> str:
    partner = _active(locks.lock_partner(request.partner_id or ""))
    if not login_requests.end(LoginRequest.id == request.id):
        raise LoginEnded  # Somebody else was quicker with the same link.
    return open_session(partner.id)


def erase_partner(partner_id: str) -> None:
    """Make a partner nameless for ever: no address, no name, no session, no login that is under way."""
    partner = db.session.get_one(Partner, partner_id, with_for_update=True, populate_existing=True)
    if partner.email is not None:
        retention.erase_address(partner.email)
    db.session.execute(delete(LoginRequest).where(LoginRequest.partner_id == partner_id))
    db.session.execute(delete(PartnerSession).where(PartnerSession.partner_id == partner_id))
    second_factor.erase(partner_id)
    kept_filters.erase(partner_id)
    partner.email, partner.name, partner.is_active, partner.role = None, "", False, None
    db.session.flush()
