"""Who did what, for acts that an operator must be able to look up; never an address or a token."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base, db
from contentflow.core.ids import new_id


class AuditEntry(Base):
    """``actor`` is a partner's id or ``cli``; ``subject`` is the id of what was acted on."""

    __tablename__ = "audit_entries"

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    at: Mapped[datetime] = mapped_column(default=clock.now, index=True)
    actor: Mapped[str] = mapped_column(String(22))
    act: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))


def note(actor: str, act: str, subject: str) -> None:
    db.session.add(AuditEntry(actor=actor, act=act, subject=subject))
