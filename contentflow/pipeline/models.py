"""An asset: a video and its metadata on its way new → processing → ready | failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.work import Workable


class Asset(Workable, Base):
    """``details`` holds source, owner_partner_id, title, description, hashtags, cta, download_url.

    ``wishes`` is what the partner chose for the clip, ``facts`` what came of it (see ``clip``).
    ``render_id`` names the one finished clip; only ``approved_render_id`` may be seen in public.
    """

    __tablename__ = "assets"
    __table_args__ = (CheckConstraint("state IN ('new', 'processing', 'ready', 'failed')", name="state"),)

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSON)
    has_video: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    partner_id: Mapped[str] = mapped_column(String(22), default="", server_default="", index=True)
    step: Mapped[str] = mapped_column(String(16), default="", server_default="")
    percent: Mapped[int] = mapped_column(default=0, server_default="0")
    wishes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict, server_default="{}")
    render_id: Mapped[str | None] = mapped_column(String(22))
    approved_render_id: Mapped[str | None] = mapped_column(String(22))
    original_at: Mapped[datetime | None]
    started_at: Mapped[datetime | None]

    @property
    def cover(self) -> int:
        """Which of the clip's cover pictures its owner chose; the best until then."""
        return int(self.facts.get("cover", 1))

    @property
    def is_approved(self) -> bool:
        return self.render_id is not None and self.approved_render_id == self.render_id
