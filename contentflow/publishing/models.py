"""Social accounts that a partner connected, and one publication of one post on one of them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.jobs import JobMixin, Jobs

ACCOUNT_STATES = ("connected", "reauth", "disconnected")
REQUEST_STATES = ("asked", "going", "returned", "connected", "refused", "expired")
STATES = (
    "draft", "scheduled", "publishing", "published", "failed", "needs_hand", "unknown", "declared",
    "cancelled", "deleted",
)  # fmt: skip
# What stands in nobody's way: the same post may go out there again.
OVER = ("failed", "cancelled", "deleted")
_IN_USE = text("state != 'disconnected'")
_TO_REVOKE = text("revoke_json IS NOT NULL")
_ON_ACCOUNT = text(f"state NOT IN {OVER}")
_BY_HAND = text(f"account_id IS NULL AND state NOT IN {OVER}")


class SocialAccount(Base):
    """One social account of one partner.

    ``oauth_json`` holds the tokens, encrypted whole; it is NULL once disconnected, and
    ``revoke_json`` holds them until the platform was told. ``serial`` counts its
    refreshes, ``lease`` is whose refresh is under way. ``limits`` is what the server allows.
    """

    __tablename__ = "partner_accounts"
    __table_args__ = (
        Index(
            "uq_partner_accounts_remote_id",
            "platform",
            "host",
            "remote_id",
            unique=True,
            sqlite_where=_IN_USE,
            postgresql_where=_IN_USE,
        ),
        Index("ix_partner_accounts_revoke", "id", sqlite_where=_TO_REVOKE, postgresql_where=_TO_REVOKE),
        CheckConstraint(f"state IN {ACCOUNT_STATES}", name="state"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    platform: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    remote_id: Mapped[str] = mapped_column(String(255))
    handle: Mapped[str] = mapped_column(String(255))
    scope: Mapped[str] = mapped_column(String(500), default="")
    state: Mapped[str] = mapped_column(String(16), default="connected")
    reason: Mapped[str | None] = mapped_column(String(255))
    oauth_json: Mapped[bytes | None] = mapped_column(LargeBinary)
    expires_at: Mapped[datetime | None]
    refreshed_at: Mapped[datetime | None]
    serial: Mapped[int] = mapped_column(default=0)
    lease: Mapped[str | None] = mapped_column(String(22))
    leased_until: Mapped[datetime | None]
    limits: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    used_at: Mapped[datetime | None]
    revoke_json: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ConnectRequest(Base):
    """One press of “connect”, worked off by the worker: discovery first, then the exchange of the code.

    Of ``state``, which comes back through the browser, only the hash is kept; ``sealed`` holds what the next
    step needs (verifier, keys, the address to go to, the code that came), encrypted whole.
    """

    __tablename__ = "connect_requests"
    __table_args__ = (
        CheckConstraint(f"state IN {REQUEST_STATES}", name="state"),
        Index(None, "state", "expires_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    state_hash: Mapped[str] = mapped_column(String(64), unique=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    session_hash: Mapped[str] = mapped_column(String(64))
    platform: Mapped[str] = mapped_column(String(16))
    host: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(16), default="asked")
    reason: Mapped[str | None] = mapped_column(String(255))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    account_id: Mapped[str | None] = mapped_column(String(22))
    lease: Mapped[str | None] = mapped_column(String(22))
    leased_until: Mapped[datetime | None]
    expires_at: Mapped[datetime] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PlatformClient(Base):
    """What we are to a platform's server: a registration there, or a signing key of our own."""

    __tablename__ = "platform_clients"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    host: Mapped[str] = mapped_column(String(255), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(500))
    sealed: Mapped[bytes | None] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class PlatformPause(Base):
    """A platform that rests for all: an operator said so, or it refused five times in a row.

    ``refusals`` counts those in a row; ``half_open_at`` is when one probe may go.
    """

    __tablename__ = "platform_pauses"

    platform: Mapped[str] = mapped_column(String(16), primary_key=True)
    refusals: Mapped[int] = mapped_column(default=0)
    is_by_operator: Mapped[bool] = mapped_column(default=False)
    half_open_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(String(255), default="")


class Assignment(JobMixin, Base):
    """One post on one account, or one hand-over (``account_id`` NULL).

    ``text``, ``what``, ``render_id`` and ``labels`` are what the partner saw and confirmed. ``remote_key``
    makes a second try the same try, ``remote`` (encrypted) is what an upload needs to go on, and
    ``first_tried_at`` is set before the first call that may publish: from then on it may be there.
    """

    __tablename__ = "assignments"
    __table_args__ = (
        Index(
            "uq_assignments_account_id",
            "submission_id",
            "account_id",
            unique=True,
            sqlite_where=_ON_ACCOUNT,
            postgresql_where=_ON_ACCOUNT,
        ),
        Index(
            "uq_assignments_platform",
            "submission_id",
            "platform",
            unique=True,
            sqlite_where=_BY_HAND,
            postgresql_where=_BY_HAND,
        ),
        CheckConstraint(f"state IN {STATES}", name="state"),
        CheckConstraint("what IN ('clip', 'words')", name="what"),
        CheckConstraint("percent BETWEEN 0 AND 100", name="percent"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "state", "leased_until"),
        Index(None, "partner_id", "state"),
        Index(None, "submission_id"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"))
    account_id: Mapped[str | None] = mapped_column(ForeignKey("partner_accounts.id"), index=True)
    platform: Mapped[str] = mapped_column(String(16))
    step: Mapped[str] = mapped_column(String(16), default="")
    percent: Mapped[int] = mapped_column(default=0)
    publish_at: Mapped[datetime]
    zone: Mapped[str] = mapped_column(String(64), default="Europe/Paris")
    language: Mapped[str] = mapped_column(String(2), default="fr")
    text: Mapped[str] = mapped_column(Text, default="")
    what: Mapped[str] = mapped_column(String(8))
    render_id: Mapped[str | None] = mapped_column(String(22))
    labels: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    nonce: Mapped[str] = mapped_column(String(64), default="")
    remote_key: Mapped[str] = mapped_column(String(64))
    remote: Mapped[bytes | None] = mapped_column(LargeBinary)
    first_tried_at: Mapped[datetime | None]
    last_tried_at: Mapped[datetime | None]
    remote_id: Mapped[str | None] = mapped_column(String(500))
    remote_url: Mapped[str | None] = mapped_column(String(2048))
    reason: Mapped[str | None] = mapped_column(String(255))
    counts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    published_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def is_by_hand(self) -> bool:
        return self.account_id is None


# Waits are the settings', and what gives up is time: see ``outgoing``.
ASSIGNMENTS = Jobs(Assignment, "scheduled", "publishing", max_attempts=1_000, retry_seconds=lambda: (10,))
