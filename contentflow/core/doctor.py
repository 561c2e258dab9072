"""What is found of each part: by ``doctor`` now, and on the console's page.

A page asks nobody outside and adds up no whole ledger: of the parts in ``Registry.checked_hourly`` it shows
what the worker found when it last looked, in either language.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import String, Text, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Mapped, mapped_column

from contentflow.core import clock, terminal
from contentflow.core.db import Base, db, transaction
from contentflow.core.registry import Remark, registry
from contentflow.core.writes import insert
from contentflow.terminal_language import in_language


class KeptFinding(Base):
    """The worker's last look at a part; both sentences are NULL where all was well."""

    __tablename__ = "doctor_findings"

    part: Mapped[str] = mapped_column(String(32), primary_key=True)
    french: Mapped[str | None] = mapped_column(Text)
    english: Mapped[str | None] = mapped_column(Text)
    is_remark: Mapped[bool]
    looked_at: Mapped[datetime]

    def sentence(self, language: str) -> str | None:
        """Return what was found, in ``language`` (fr, en)."""
        found = self.french if language == "fr" else self.english
        return Remark(found) if found and self.is_remark else found


def find(part: str) -> str | None:
    """Return what its check says now, or that the database refuses."""
    try:
        return registry().doctor[part]()
    except SQLAlchemyError as error:
        db.session.rollback()
        return terminal.without_database(error)


def check_hourly() -> None:
    """Maintenance: look at the parts that no page may look at, and keep what is found."""
    for part in sorted(registry().checked_hourly):
        found = {}
        for name in ("fr", "en"):
            with in_language(name):
                found[name] = find(part)
        db.session.rollback()
        values = {
            "french": found["fr"],
            "english": found["en"],
            "is_remark": isinstance(found["fr"], Remark),
            "looked_at": clock.now(),
        }
        with transaction():
            new = insert(KeptFinding, part=part, **values)
            db.session.execute(new.on_conflict_do_update(index_elements=["part"], set_=values))


def kept_findings() -> Mapping[str, KeptFinding]:
    """Return the worker's last look at each part that it has looked at."""
    return {row.part: row for row in db.session.scalars(select(KeptFinding))}
