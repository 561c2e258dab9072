"""What a restored programme may not do yet: the original may have done it after the backup was made.

``restore`` writes one row a queue in the very transaction that brings the tables; ``restore --go-live``
deletes it. Whoever claims rows of such a queue asks here, inside the transaction of the claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import String, delete, insert, select
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.sql.base import Executable

from contentflow.core import clock
from contentflow.core.db import Base, db
from contentflow.terminal_language import says

MAIL, POSTS, PAYOUTS = "mail", "posts", "payouts"
QUEUES = (MAIL, POSTS, PAYOUTS)


class Quarantine(Base):
    """A queue that stands still: ``restored_at`` from when on, ``backup_at`` the age of what it holds."""

    __tablename__ = "quarantines"

    queue: Mapped[str] = mapped_column(String(16), primary_key=True)
    restored_at: Mapped[datetime]
    backup_at: Mapped[datetime]


def is_held(queue: str) -> bool:
    """Whether nothing of this queue may leave."""
    return db.session.scalar(select(Quarantine.queue).where(Quarantine.queue == queue)) is not None


def held() -> Sequence[Quarantine]:
    return db.session.scalars(select(Quarantine).order_by(Quarantine.queue)).all()


def begin(restored_at: datetime, backup_at: datetime) -> list[Executable]:
    """Return the statements that put every queue into quarantine, for a database that nobody reads yet."""
    rows: list[dict[str, Any]] = [
        {"queue": queue, "restored_at": restored_at, "backup_at": backup_at} for queue in QUEUES
    ]
    return [delete(Quarantine), *(insert(Quarantine).values(row) for row in rows)]


def end(queue: str) -> None:
    db.session.execute(delete(Quarantine).where(Quarantine.queue == queue))


def check_quarantine() -> str | None:
    """Doctor: None unless this programme was restored and waits to be taken live."""
    found = held()
    if not found:
        return None
    sentence = says(
        "Ce programme a été restauré et n’envoie que les connexions (en attente : %(queues)s ; sauvegarde du "
        "%(at)s) : quand l’original est bien arrêté, lancez « contentflow restore --go-live all »."
    )
    queues = ", ".join(one.queue for one in found)
    return sentence % {"queues": queues, "at": clock.iso(found[0].backup_at)}
