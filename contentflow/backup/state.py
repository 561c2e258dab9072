"""How old the last backup is, and whether a restore was cut short: for ``doctor`` and ``serve``."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import delete, insert
from sqlalchemy.sql.base import Executable

from contentflow.config import settings
from contentflow.core import clock
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.core.heartbeat import BACKUP, Heartbeat
from contentflow.core.registry import Remark
from contentflow.terminal_language import says

OLD = timedelta(days=2)
RESTORING = "restoring"  # stands in DATA_DIR from before the first restored file until after the last table


class CutShort(Refused):
    @property
    def message(self) -> str:  # type: ignore[override]
        return says("Une restauration a été coupée : relancez d’abord « contentflow restore FOLDER ».")


def check_backup() -> str | None:
    """Doctor: how old the last backup is, and a fault once it is older than two days."""
    made = db.session.get(Heartbeat, BACKUP)
    if made is None:
        is_real = settings().env == "production"
        never = says("Aucune sauvegarde n’a été faite : lancez « contentflow backup FOLDER » chaque jour.")
        return Remark(never) if is_real else None
    age = clock.now() - made.seen_at
    days, hours = age.days, age.seconds // 3600
    if age <= OLD:
        return Remark(
            says("La dernière sauvegarde a %(days)s j %(hours)s h.") % {"days": days, "hours": hours}
        )
    late = says("La dernière sauvegarde a %s jours : lancez « contentflow backup FOLDER » chaque jour.")
    return late % days


def remember(made_at: datetime) -> list[Executable]:
    """Return the statements that note when the last backup was made."""
    return [
        delete(Heartbeat).where(Heartbeat.name == BACKUP),
        insert(Heartbeat).values(name=BACKUP, seen_at=made_at),
    ]


def check_restore() -> str | None:
    """Doctor: None unless a restore was cut short."""
    return str(CutShort().message) if (settings().data_dir / RESTORING).exists() else None


def refuse_when_cut_short() -> None:
    if (settings().data_dir / RESTORING).exists():
        raise CutShort
