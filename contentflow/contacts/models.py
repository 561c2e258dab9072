"""A partner's address book, the files it was filled from, and who was asked."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, deferred, mapped_column

from contentflow.core import clock
from contentflow.core.db import Base
from contentflow.core.ids import new_id
from contentflow.core.jobs import JobMixin

STATES = ("imported", "invited", "confirmed", "refused", "unsubscribed", "bounced", "expired")
IMPORT_STATES = ("preview", "queued", "importing", "done", "stopped", "failed")
VERDICTS = ("added", "already", "duplicate_in_file", "unavailable", "disposable", "malformed", "empty")
NAME_LENGTH = 100
SHOWN_LENGTH = 320


class Contact(Base):
    """An address in one partner's book. Its state mirrors what ``consent`` decides by, for people to see.

    ``address`` is None once it is forgotten. ``tags`` stand between bars: ``|amis|paris|``. The proof is of
    the last answer, yes or no: the sentence shown, when, from where, the keyed hash of the IP.
    """

    __tablename__ = "contacts"
    __table_args__ = (
        UniqueConstraint("partner_id", "address_hash"),
        CheckConstraint(f"state IN {STATES}", name="state"),
        Index(None, "partner_id", "created_at", "id"),
        Index(None, "partner_id", "state"),
        Index(None, "state", "state_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    address_hash: Mapped[str] = mapped_column(String(64), index=True)
    address: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(NAME_LENGTH), default="")
    tags: Mapped[str] = mapped_column(Text, default="")
    state: Mapped[str] = mapped_column(String(16), default="imported")
    state_at: Mapped[datetime] = mapped_column(default=clock.now)
    origin: Mapped[str] = mapped_column(String(16))  # add, import, mail
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_yes_at: Mapped[datetime | None]
    last_click_at: Mapped[datetime | None]
    clicks: Mapped[int] = mapped_column(default=0)
    proof_text: Mapped[str] = mapped_column(Text, default="")
    proof_at: Mapped[datetime | None]
    proof_origin: Mapped[str] = mapped_column(String(64), default="")
    proof_ip_hash: Mapped[str] = mapped_column(String(64), default="")


_IS_HERE = text("content IS NOT NULL")


class ContactImport(JobMixin, Base):
    """A file on its way into the book; nothing of it is a contact before its owner starts it.

    ``mapping`` says which column is which; ``content`` is the file, erased after 30 days.
    """

    __tablename__ = "contact_imports"
    __table_args__ = (
        UniqueConstraint("partner_id", "file_sha256", "mapping"),
        CheckConstraint(f"state IN {IMPORT_STATES}", name="state"),
        Index(None, "state", "next_attempt_at"),
        Index(None, "created_at"),
        Index("ix_contact_imports_content", "created_at", sqlite_where=_IS_HERE, postgresql_where=_IS_HERE),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    file_sha256: Mapped[str] = mapped_column(String(64))
    mapping: Mapped[str] = mapped_column(String(64))
    nonce: Mapped[str] = mapped_column(String(64), default="")
    filename: Mapped[str] = mapped_column(String(255), default="")
    content: Mapped[bytes | None] = deferred(mapped_column(LargeBinary))
    total_rows: Mapped[int] = mapped_column(default=0)
    done_rows: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    finished_at: Mapped[datetime | None]


class ImportRow(Base):
    """What became of one row of a file: ``line`` is the physical one where it begins, from 1."""

    __tablename__ = "import_rows"
    __table_args__ = (Index(None, "import_id", "address_hash"), Index(None, "address_hash"))

    import_id: Mapped[str] = mapped_column(
        ForeignKey("contact_imports.id", ondelete="CASCADE"), primary_key=True
    )
    line: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    address: Mapped[str | None] = mapped_column(String(SHOWN_LENGTH))  # as it stood there; None once erased
    address_hash: Mapped[str | None] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(24))
    reason: Mapped[str] = mapped_column(String(32), default="")


class ListChange(JobMixin, Base):
    """An address whose place in Brevo's list may be out of step; ``id`` is its hash. Gone once it is told."""

    __tablename__ = "list_changes"
    __table_args__ = (Index(None, "state", "next_attempt_at"),)

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    address: Mapped[str] = mapped_column(String(254))
    created_at: Mapped[datetime] = mapped_column(default=clock.now, index=True)


class Invitation(Base):
    """The one question that a partner may ask an address, for ever; the attestation under which it went.

    ``token_hash`` is of the newest mail's link; ``due_at`` when it leaves; ``answer`` yes, no or "".
    """

    __tablename__ = "invitations"
    __table_args__ = (
        UniqueConstraint("partner_id", "address_hash"),
        Index(None, "address_hash", "due_at"),
        Index(None, "partner_id", "due_at"),
    )

    id: Mapped[str] = mapped_column(String(22), primary_key=True, default=new_id)
    partner_id: Mapped[str] = mapped_column(ForeignKey("partners.id"))
    contact_id: Mapped[str | None] = mapped_column(
        ForeignKey("contacts.id", ondelete="SET NULL"), unique=True
    )
    address_hash: Mapped[str] = mapped_column(String(64))
    delivery_id: Mapped[str] = mapped_column(ForeignKey("deliveries.id"), unique=True)
    token_hash: Mapped[str | None] = mapped_column(String(64), unique=True)
    nonce: Mapped[str] = mapped_column(String(64), default="")
    attestation: Mapped[str] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(2))
    due_at: Mapped[datetime]
    created_at: Mapped[datetime] = mapped_column(default=clock.now)
    answer: Mapped[str] = mapped_column(String(8), default="")
    answered_at: Mapped[datetime | None]
