"""A login request from its beginning to its end: asked, tried, used, replaced or too old."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, or_, select, update

from contentflow.core import clock
from contentflow.core.db import db, transaction
from contentflow.core.ids import digest
from contentflow.core.signing import short_lived_hash
from contentflow.partners.errors import CodeEnded, LoginEnded
from contentflow.partners.models import LoginRequest, LoginToken

LIFETIME = timedelta(minutes=10)
INVITATION = timedelta(hours=24)
CODE_TRIES = 5


def begin(partner_id: str | None, browser_hash: str | None, lifetime: timedelta = LIFETIME) -> LoginRequest:
    end(LoginRequest.partner_id == (partner_id or ""))
    now = clock.now()
    request = LoginRequest(
        partner_id=partner_id, browser_hash=browser_hash, created_at=now, expires_at=now + lifetime
    )
    db.session.add(request)
    db.session.flush()
    return request


def open_request_of(token: str) -> LoginRequest:
    request = db.session.scalar(
        select(LoginRequest)
        .join(LoginToken, LoginToken.request_id == LoginRequest.id)
        .where(LoginToken.token_hash == digest(token))
    )
    if request is None or not is_open(request):
        raise LoginEnded
    return request


def is_open(request: LoginRequest) -> bool:
    now = clock.now()
    is_ours = request.created_at <= now + clock.SLACK  # Else the clock was set back: nobody knows its age.
    return request.ended_at is None and is_ours and request.expires_at > now


def end_expired() -> None:
    """Sweep: note that a request is too old, or from later than now, so that no set clock opens it again."""
    now = clock.now()
    is_over = or_(LoginRequest.expires_at <= now, LoginRequest.created_at > now + clock.SLACK)
    over = and_(LoginRequest.ended_at.is_(None), is_over)
    is_due = db.session.scalar(select(LoginRequest.id).where(over).limit(1)) is not None
    db.session.rollback()
    if is_due:
        with transaction():
            db.session.execute(update(LoginRequest).where(over).values(ended_at=now))


def end(*which: ColumnElement[bool]) -> bool:
    """End requests that are open; False when there was none: of two at once, one gets True."""
    ended = db.session.execute(
        update(LoginRequest)
        .where(LoginRequest.ended_at.is_(None), LoginRequest.expires_at > clock.now(), *which)
        .values(ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    return bool(ended.rowcount)  # type: ignore[attr-defined]


def partner_who_asked(browser_token: str) -> str:
    """Return whose code this browser may try; "" where there is nobody's."""
    asked = select(LoginRequest.partner_id).where(LoginRequest.browser_hash == digest(browser_token))
    return db.session.scalar(asked.order_by(LoginRequest.created_at.desc()).limit(1)) or ""


def take_try(browser_token: str) -> LoginRequest:
    """Count a try before it is judged: tries made at the same moment are five in all, too."""
    request_id = db.session.scalar(
        update(LoginRequest)
        .where(
            LoginRequest.browser_hash == digest(browser_token),
            LoginRequest.ended_at.is_(None),
            LoginRequest.expires_at > clock.now(),
            LoginRequest.created_at <= clock.now() + clock.SLACK,
            LoginRequest.code_tries < CODE_TRIES,
        )
        .values(code_tries=LoginRequest.code_tries + 1)
        .returning(LoginRequest.id)
        .execution_options(synchronize_session=False)
    )
    if request_id is None:
        raise CodeEnded
    return db.session.execute(
        select(LoginRequest).where(LoginRequest.id == request_id).execution_options(populate_existing=True)
    ).scalar_one()


def code_hash(request_id: str, code: str) -> str:
    # Six digits are soon guessed from a plain digest; this one needs the secret key too.
    return short_lived_hash("login-code", f"{request_id}:{code}")
