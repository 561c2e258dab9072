"""One BYOP post."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

# SQLite does not hold a column to its length: a check does, on every database.
LENGTHS = {"source_url": 2048, "title": 120, "description": 2000, "hashtags": 300, "cta": 200}


class SubmissionRecord(TypedDict):
    """A post as programs read one; ``at`` is when it was submitted."""

    id: str
    asset_id: str
    title: str
    description: str
    hashtags: str
    cta: str
    source_url: str
    offer_id: str
    status: str
    reason: str | None
    revshare_bp: int
    at: str | None


class Submission(Base):
    """A post, with the terms it was accepted with. ``draft_hash`` is of all that was submitted."""

    __tablename__ = "byop_submissions"
    __table_args__ = (
        UniqueConstraint("partner_id", "nonce", "draft_hash"),
        CheckConstraint("status IN ('submitted', 'processing', 'ready', 'failed')", name="status"),
        CheckConstraint("revshare_bp BETWEEN 0 AND 10000", name="revshare_bp"),
        *(
            CheckConstraint(f"length({name}) <= {max_length}", name=f"{name}_length")
            for name, max_length in LENGTHS.items()
        ),
        Index(None, "partner_id", "created_at"),
        Index(None, "status", "created_at"),
        Index(None, "offer_id", "created_at"),
        Index(None, "created_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    asset_id: Mapped[str] = mapped_column(ForeignKey("assets.id"), unique=True)
    offer_id: Mapped[str] = mapped_column(ForeignKey("offers.id"))
    source_url: Mapped[str] = mapped_column(String(2048), default="")
    title: Mapped[str] = mapped_column(String(120), default="")
    description: Mapped[str] = mapped_column(Text, default="")
    hashtags: Mapped[str] = mapped_column(String(300), default="")
    cta: Mapped[str] = mapped_column(String(200), default="")
    status: Mapped[str] = mapped_column(String(16))
    reason: Mapped[str | None] = mapped_column(String(500))
    revshare_bp: Mapped[int]
    fixed_cents: Mapped[int] = mapped_column(default=0)
    click_cents: Mapped[int] = mapped_column(default=0)
    holding_days: Mapped[int] = mapped_column(default=30)
    nonce: Mapped[str] = mapped_column(String(64))
    draft_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    archived_at: Mapped[datetime | None]
    refusal: Mapped[str | None] = mapped_column(String(16))  # why the team refused it, in a word

    @property
    def is_waiting(self) -> bool:
        """Whether it waits for moderation, or was refused there: nobody may see it yet."""
        return self.status == "submitted" or self.refusal is not None

    def prepare_again(self) -> None:
        """Be ``processing`` once more; a post that waits for moderation goes on waiting."""
        if not self.is_waiting:
            self.status, self.reason = "processing", None

    def to_dict(self) -> SubmissionRecord:
        return {
            "id": self.id,
            "asset_id": self.asset_id,
            "title": self.title,
            "description": self.description,
            "hashtags": self.hashtags,
            "cta": self.cta,
            "source_url": self.source_url,
            "offer_id": self.offer_id,
            "status": self.status,
            "reason": self.reason,
            "revshare_bp": self.revshare_bp,
            "at": clock.iso(self.created_at),
        }
