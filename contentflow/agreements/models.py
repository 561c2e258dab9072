"""Texts by kind and version, and their acceptances; triggers refuse every change and deletion of both."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

KINDS = ("mandate",)


class AcceptanceRecord(TypedDict):
    """An acceptance as programs read one."""

    id: str
    kind: str
    version: str
    sha256: str
    at: str | None
    origin: str
    with_code: bool


class LegalText(Base):
    """A version of a text, as it was published. The newest of its kind is in force.

    ``version`` is the day and a number: ``2026-11-28-1``. ``sha256`` is of ``body`` in UTF-8.
    """

    __tablename__ = "legal_texts"
    __table_args__ = (
        UniqueConstraint("kind", "version"),
        CheckConstraint("kind IN ('mandate')", name="kind"),
        Index(None, "kind", "published_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(String(16))
    version: Mapped[str] = mapped_column(String(16))
    body: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
    published_at: Mapped[datetime] = mapped_column(default=clock.now)


class Acceptance(Base):
    """That a partner accepted a text: its SHA-256 then, when, on which page, and whether a code was given."""

    __tablename__ = "acceptances"
    __table_args__ = (UniqueConstraint("partner_id", "text_id"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    text_id: Mapped[str] = mapped_column(ForeignKey("legal_texts.id"), index=True)
    sha256: Mapped[str] = mapped_column(String(64))
    accepted_at: Mapped[datetime] = mapped_column(default=clock.now)
    origin: Mapped[str] = mapped_column(String(40))
    is_with_code: Mapped[bool]
