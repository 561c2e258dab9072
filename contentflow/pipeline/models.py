"""An asset: a video and its metadata on its way new → processing → ready | failed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.jobs import JobMixin, Jobs
from contentflow.pipeline.renders import RenderOptions, RenderResult, StoredAsJson


class Asset(JobMixin, Base):
    """``details`` holds source, owner_partner_id, title, description, hashtags, cta, download_url.

    ``options`` is what the partner chose for the clip, ``result`` what came of it.
    ``render_id`` names the newest finished clip; only ``approved_render_id``, with the picture
    ``approved_cover``, may be seen in public: the one before stays there until a new one is approved.
    ``original_id`` names the video in a bucket; under DATA_DIR it is named after the asset.
    ``asked_at`` and ``language`` are when and in which its owner last asked for a clip, ``looked_at`` when
    they last looked at its progress.
    """

    __tablename__ = "assets"
    __table_args__ = (
        CheckConstraint("state IN ('new', 'processing', 'ready', 'failed')", name="state"),
        Index(None, "state", "next_attempt_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    details: Mapped[dict[str, Any]] = mapped_column("metadata", JSON)
    has_video: Mapped[bool]
    reason: Mapped[str | None] = mapped_column(String(500))
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    partner_id: Mapped[str] = mapped_column(String(22), default="", server_default="", index=True)
    step: Mapped[str] = mapped_column(String(16), default="", server_default="")
    percent: Mapped[int] = mapped_column(default=0, server_default="0")
    options: Mapped[RenderOptions] = mapped_column(
        "wishes", StoredAsJson(RenderOptions), default=RenderOptions(), server_default="{}"
    )
    result: Mapped[RenderResult] = mapped_column(
        "facts", StoredAsJson(RenderResult), default=RenderResult(), server_default="{}"
    )
    render_id: Mapped[str | None] = mapped_column(String(22))
    approved_render_id: Mapped[str | None] = mapped_column(String(22))
    original_at: Mapped[datetime | None]
    original_id: Mapped[str | None] = mapped_column(String(22), index=True)
    started_at: Mapped[datetime | None]
    approved_cover: Mapped[int] = mapped_column(default=1, server_default="1")
    asked_at: Mapped[datetime | None] = mapped_column(default=clock.now)
    looked_at: Mapped[datetime | None]
    language: Mapped[str] = mapped_column(String(2), default="fr", server_default="fr")

    @property
    def cover(self) -> int:
        """Which of the clip's cover pictures its owner chose; the best until then."""
        return self.result.cover

    @property
    def is_render_of_before(self) -> bool:
        """Whether the clip that is there was made of a video that has been replaced since."""
        return self.render_id is not None and self.result.start is None

    @property
    def is_approved(self) -> bool:
        return self.render_id is not None and self.approved_render_id == self.render_id


# A video that failed five times fails the sixth; a site that is away gets a quarter of an hour to come back.
ASSETS = Jobs(Asset, "new", "processing", max_attempts=5, retry_seconds=lambda: (10, 60, 300, 900))
