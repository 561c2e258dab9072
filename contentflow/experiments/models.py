"""Second variants of posts, and the programme's clicks a press."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import JSON, CheckConstraint, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id

FIRST = ""  # The name of a post's own words, in links, logs and exports.
MAX_HOOK = 120
# Kept A's: native sheets and printed codes share what they shared before, and older links stay as they are.
CHANNELS = ("copy", "whatsapp", "telegram", "x", "linkedin", "facebook", "threads", "bluesky", "email")


class Variant(Base):
    """A second hook and cover of a post, named ``b``, ``c``, … in their order.

    ``cover`` is 0 for the clip's best picture, 1 and 2 for the others. ``clicks_before`` holds by channel how
    many valid clicks the first words' links had when the test began. ``running``: both are shown by turns;
    ``chosen``: it alone; ``ended``: the first words alone.
    """

    __tablename__ = "variants"
    __table_args__ = (
        UniqueConstraint("submission_id", "name"),
        UniqueConstraint("submission_id", "nonce"),
        CheckConstraint("state IN ('proposed', 'running', 'chosen', 'ended')", name="state"),
        CheckConstraint("cover BETWEEN 0 AND 2", name="cover"),
        CheckConstraint(f"length(hook) <= {MAX_HOOK}", name="hook_length"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    submission_id: Mapped[str] = mapped_column(ForeignKey("byop_submissions.id"))
    name: Mapped[str] = mapped_column(String(16))
    hook: Mapped[str] = mapped_column(String(MAX_HOOK))
    cover: Mapped[int] = mapped_column(default=0)
    kind: Mapped[str] = mapped_column(String(16), default="own")
    state: Mapped[str] = mapped_column(String(16), default="running")
    nonce: Mapped[str] = mapped_column(String(64))
    clicks_before: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)


class ChannelRate(Base):
    """The programme's presses and valid clicks of a channel, counted anew each hour."""

    __tablename__ = "channel_rates"

    channel: Mapped[str] = mapped_column(String(16), primary_key=True)
    presses: Mapped[int]
    clicks: Mapped[int]
