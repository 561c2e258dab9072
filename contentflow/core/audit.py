"""Who did what, why, and what it was before and after; never an address, a secret, a token or an IBAN.

Entries are only added: triggers refuse every change, and a deletion before ten years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import JSON, Index, String, delete, text
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base, db, transaction
from contentflow.core.ids import new_id

REASON_LENGTH: Final = 500
KEPT: Final = timedelta(days=3_653)
_PRIVATE: Final = re.compile(
    r"[^\s@<>\"',;:()]+@[^\s@<>\"',;:()]+"  # an address
    # An IBAN: in capitals, in blocks, or longer than an id of ours.
    r"|\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}\b"
    r"|\b[A-Za-z]{2}[0-9]{2}(?: [A-Za-z0-9]{1,4}){3,8}\b|\b[A-Za-z]{2}[0-9]{2}[A-Za-z0-9]{20,30}\b"
    r"|[0-9A-Za-z_-]{32,}"  # a token, a secret, a keyed hash
)


_IS_KNOWN = text("request_id <> ''")


class AuditEntry(Base):
    """``actor`` is a partner's id or ``cli``; ``subject`` is the id of what was acted on.

    ``before`` and ``after`` map names to values as they were and became. ``seen_as`` is the partner whose
    pages the actor was looking at.
    """

    __tablename__ = "audit_entries"
    __table_args__ = (
        Index(None, "actor", "at"),
        Index(None, "act", "at"),
        Index(None, "subject", "at"),
        Index(
            "ix_audit_entries_request_id", "request_id", sqlite_where=_IS_KNOWN, postgresql_where=_IS_KNOWN
        ),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    recorded_at: Mapped[datetime] = mapped_column("at", default=clock.now, index=True)
    actor: Mapped[str] = mapped_column(String(22))
    act: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(String(64))
    role: Mapped[str] = mapped_column(String(16), default="", server_default="")
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH), default="", server_default="")
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    seen_as: Mapped[str | None] = mapped_column(String(22))
    request_id: Mapped[str] = mapped_column(String(22), default="", server_default="")


class Asked(NamedTuple):
    """By what request, in what role, and looking as which partner something is done."""

    role: str = ""
    seen_as: str | None = None
    request_id: str = ""


_asked: ContextVar[Asked] = ContextVar("audit_asked", default=Asked())  # noqa: B039 (never changed)


@contextmanager
def asked_by(asked: Asked) -> Iterator[None]:
    """Let what is noted inside say how it was asked for."""
    token = _asked.set(asked)
    try:
        yield
    finally:
        _asked.reset(token)


def begin(asked: Asked) -> None:
    """From now on in this thread what is noted was asked for so."""
    _asked.set(asked)


def note(
    actor: str, act: str, subject: str, *, reason: str = "",
    before: Mapping[str, Any] | None = None, after: Mapping[str, Any] | None = None,
) -> AuditEntry:  # fmt: skip
    """Add an entry to the open transaction; what looks like an address, a secret or an IBAN is left out."""
    asked = _asked.get()
    entry = AuditEntry(
        id=new_id(),
        recorded_at=clock.now(),
        actor=actor,
        act=act,
        subject=subject,
        role="cli" if actor == "cli" else asked.role,
        reason=redacted(reason)[:REASON_LENGTH],
        before=None if before is None else _without_private(before),
        after=None if after is None else _without_private(after),
        seen_as=asked.seen_as,
        request_id=asked.request_id,
    )
    db.session.add(entry)
    return entry


def redacted(words: str) -> str:
    """Return ``words`` with ``[…]`` in place of addresses, IBANs, tokens and secrets."""
    return _PRIVATE.sub("[…]", words)


def _without_private(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: redacted(value) if isinstance(value, str) else value for name, value in values.items()}


def erase_old() -> None:
    """Maintenance: delete what is older than ten years; the trigger lets nothing younger go."""
    old = delete(AuditEntry).where(AuditEntry.recorded_at < clock.now() - KEPT)
    with transaction():
        db.session.execute(old.execution_options(synchronize_session=False))
