"""Who a partner is on invoices, and the account that is theirs."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

KINDS = ("company", "sole_trader", "association")
VAT_STATUSES = ("franchise", "vat")
_OPEN = text("ended_at IS NULL")
_KEPT = text("iban IS NOT NULL")


class BillingProfile(Base):
    """What stands on a partner's invoices: all of it, or nothing yet.

    ``number`` is the partner's own (``P00017``), given with the row and never again. ``checked_at`` is when
    the identity was last given and found right, ``frozen_at`` when “Ce n'est pas moi” was said, ``abroad_at``
    when the partner said that they are established outside of France.
    """

    __tablename__ = "billing_profiles"
    __table_args__ = (
        CheckConstraint(f"kind IN {KINDS}", name="kind"),
        CheckConstraint(f"vat IN {VAT_STATUSES}", name="vat"),
        CheckConstraint("(vat = 'vat') = (vat_number IS NOT NULL)", name="vat_number"),
        CheckConstraint(
            "checked_at IS NULL OR (kind IS NOT NULL AND legal_name IS NOT NULL AND siret IS NOT NULL "
            "AND street IS NOT NULL AND postcode IS NOT NULL AND city IS NOT NULL AND vat IS NOT NULL)",
            name="whole",
        ),
    )

    number: Mapped[int] = mapped_column(Integer, primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), unique=True)
    kind: Mapped[str | None] = mapped_column(String(16))
    legal_name: Mapped[str | None] = mapped_column(String(200))
    siret: Mapped[str | None] = mapped_column(String(14), index=True)
    street: Mapped[str | None] = mapped_column(String(200))
    postcode: Mapped[str | None] = mapped_column(String(5))
    city: Mapped[str | None] = mapped_column(String(100))
    vat: Mapped[str | None] = mapped_column(String(16))
    vat_number: Mapped[str | None] = mapped_column(String(16))
    checked_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    abroad_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)

    @property
    def country(self) -> str:
        """What the form's choice says: ``FR`` or ``other``."""
        return "other" if self.abroad_at else "FR"


class BankAccount(Base):
    """An account that was confirmed by a code; a partner has one that is open.

    ``iban`` is encrypted; ``iban_hash`` recognises it, under a key that is never rotated. Nothing is paid to
    it before ``usable_at``.
    """

    __tablename__ = "bank_accounts"
    __table_args__ = (
        Index("uq_bank_accounts_open", "partner_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index(None, "iban_hash"),
        Index("ix_bank_accounts_kept", "ended_at", sqlite_where=_KEPT, postgresql_where=_KEPT),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    iban: Mapped[bytes | None] = mapped_column(LargeBinary)
    iban_hash: Mapped[str] = mapped_column(String(64))
    last_four: Mapped[str] = mapped_column(String(4))
    bic: Mapped[str] = mapped_column(String(11))
    holder: Mapped[str] = mapped_column(String(200))
    usable_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class BankRequest(Base):
    """An account that waits for the code from the mail: ten minutes, five tries, one a partner.

    ``iban`` is encrypted, and gone once the request has ended. The code is made when its mail leaves; only
    its hash is kept.
    """

    __tablename__ = "bank_requests"
    __table_args__ = (
        Index("uq_bank_requests_open", "partner_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        CheckConstraint("tries BETWEEN 0 AND 5", name="tries"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    iban: Mapped[bytes | None] = mapped_column(LargeBinary)
    last_four: Mapped[str] = mapped_column(String(4))
    holder: Mapped[str] = mapped_column(String(200))
    code_hash: Mapped[str | None] = mapped_column(String(64))
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime] = mapped_column(index=True)
    ended_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class FreezeToken(Base):
    """The hash of a “Ce n'est pas moi” link, made each time its mail leaves."""

    __tablename__ = "freeze_tokens"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
