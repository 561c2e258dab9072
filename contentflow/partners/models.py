"""Partners, their login requests and their sessions."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, text, true
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id


class Partner(Base):
    """A person who shares. Erasure makes the row nameless: money and consent evidence hang on it."""

    __tablename__ = "partners"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(100), default="")
    is_operator: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    wants_clip_mails: Mapped[bool] = mapped_column(default=True, server_default=true())


class Erasure(Base):
    """An account that has ended, and of which words, addresses or videos may still stand somewhere."""

    __tablename__ = "erasures"

    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    address_hash: Mapped[str] = mapped_column(String(64))
    begun_at: Mapped[datetime] = mapped_column(default=clock.now)


_OPEN = text("ended_at IS NULL")


class LoginRequest(Base):
    """One press of “send me a link”, also for an address that nobody has: both must look alike."""

    __tablename__ = "login_requests"
    __table_args__ = (
        # Those that are open are few, and a sweep looks for them every second.
        Index("ix_login_requests_open", "expires_at", sqlite_where=_OPEN, postgresql_where=_OPEN),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"), index=True)
    browser_hash: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    code_tries: Mapped[int] = mapped_column(default=0)


class LoginToken(Base):
    """The hashes of a link and its code, made each time the mail is (re)sent; any of a request's works."""

    __tablename__ = "login_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    code_hash: Mapped[str | None] = mapped_column(String(64))
    request_id: Mapped[str] = mapped_column(ForeignKey("login_requests.id", ondelete="CASCADE"), index=True)


class PartnerSession(Base):
    """A logged-in browser. The cookie holds the token; here stands only its hash."""

    __tablename__ = "partner_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    last_used_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    revoked_at: Mapped[datetime | None]
