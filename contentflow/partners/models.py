"""Partners, their login requests and their sessions."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, TypedDict

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Index, LargeBinary, String, text, true
from sqlalchemy.orm import Mapped, mapped_column, validates

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.partners.roles import TeamRole


class PartnerRecord(TypedDict):
    """A partner as programs read one."""

    id: str
    email: str | None
    name: str
    created_at: str | None


class PartnerAccount(PartnerRecord):
    """The same with what only operators see."""

    state: Literal["active", "suspended"]
    operator: bool


_ROLED = text("role IS NOT NULL")


class Partner(Base):
    """A person who shares. Erasure makes the row nameless: money and consent evidence hang on it.

    ``role`` is of those who run the programme. ``is_operator`` follows it, for the release before.
    """

    __tablename__ = "partners"
    __table_args__ = (
        CheckConstraint(f"role IN {tuple(role.value for role in TeamRole)}", name="role"),
        Index("ix_partners_role", "role", sqlite_where=_ROLED, postgresql_where=_ROLED),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    email: Mapped[str | None] = mapped_column(String(254), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(100), default="")
    role: Mapped[str | None] = mapped_column(String(16))
    is_operator: Mapped[bool] = mapped_column(default=False)
    is_active: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    wants_clip_mails: Mapped[bool] = mapped_column(default=True, server_default=true())

    @validates("role")
    def _keep_in_step(self, key: str, role: str | None) -> str | None:
        self.is_operator = role is not None
        return role

    def to_dict(self) -> PartnerRecord:
        created_at = clock.iso(self.created_at)
        return {"id": self.id, "email": self.email, "name": self.name, "created_at": created_at}

    def to_account(self) -> PartnerAccount:
        return {
            "id": self.id,
            "email": self.email,
            "name": self.name,
            "state": "active" if self.is_active else "suspended",
            "operator": self.role is not None,
            "created_at": clock.iso(self.created_at),
        }


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
    """A logged-in browser. The cookie holds the token; here stands only its hash.

    ``second_factor_at``: when the last code was given here. ``seeing_id``: whose pages are looked at, until
    ``seeing_until``. ``kept_form``: what was typed when a code was asked for, encrypted.
    """

    __tablename__ = "partner_sessions"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    last_used_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    revoked_at: Mapped[datetime | None]
    second_factor_at: Mapped[datetime | None]
    seeing_id: Mapped[str | None] = mapped_column(ForeignKey("partners.id"))
    seeing_until: Mapped[datetime | None]
    challenge: Mapped[bytes | None] = mapped_column(LargeBinary)  # what a passkey is to sign, once
    challenged_at: Mapped[datetime | None]
    kept_form: Mapped[bytes | None] = mapped_column(LargeBinary)


class SecondFactor(Base):
    """A person's TOTP key, encrypted. ``last_step`` is the newest time step whose code was taken.

    ``confirmed_at`` is None until the first code: until then it guards nothing.
    """

    __tablename__ = "second_factors"

    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    secret: Mapped[bytes] = mapped_column(LargeBinary)
    last_step: Mapped[int] = mapped_column(default=0)
    confirmed_at: Mapped[datetime | None]
    wrong_tries: Mapped[int] = mapped_column(default=0)
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class RecoveryCode(Base):
    """A code that stands in for the second factor once; only its hash is kept."""

    __tablename__ = "recovery_codes"

    code_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    used_at: Mapped[datetime | None]


class Passkey(Base):
    """A key of a person's device. ``counter`` is the newest that was seen; not all devices count."""

    __tablename__ = "passkeys"

    credential_id: Mapped[str] = mapped_column(String(1400), primary_key=True)  # base64url
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    counter: Mapped[int] = mapped_column(BigInteger, default=0)
    name: Mapped[str] = mapped_column(String(60))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_used_at: Mapped[datetime | None]


class SavedView(Base):
    """A filter of a list of the console, by a name."""

    __tablename__ = "saved_views"

    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), primary_key=True)
    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    path: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
