"""The way back: into an empty place only, whole or not at all, and in quarantine until it is taken live."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask_babel import lazy_gettext as _l

from contentflow.backup import encrypted_stream, files, manifest, postgres, sqlite
from contentflow.backup.manifest import DATABASE, FILES, Manifest, NewerBackup, NoBackup
from contentflow.backup.services import open_keys, passphrase
from contentflow.backup.state import RESTORING, remember
from contentflow.backup.tables import saved
from contentflow.config import MADE_KEY, RESTORED_KEYS, settings
from contentflow.core import audit, clock, durable, quarantine
from contentflow.core.db import db, dispose, is_sqlite
from contentflow.core.errors import Refused
from contentflow.core.migrate import FOLDER
from contentflow.core.registry import registry

ALLOWED = {MADE_KEY, "lost+found"}  # Development makes its key before any command; disks make the other.


class NotEmpty(Refused):
    def __init__(self, what: str) -> None:
        super().__init__()
        self.message = _l(
            "Ce lieu n’est pas vide (%(what)s) : restaurez avec un DATA_DIR et une base vides.", what=what
        )


class OtherDatabase(Refused):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.message = _l("Cette sauvegarde est celle d’une base %(kind)s : voyez DATABASE_URL.", kind=kind)


class NotThatLate(Refused):
    message = _l("L’original s’est arrêté avant la restauration : donnez une heure d’avant, avec son fuseau.")


def restore(folder: Path) -> tuple[Path, Manifest]:
    """Bring back the newest backup of ``folder``, or ``folder`` itself if it is one.

    All that can be refused is refused before anything is written. A restore that was killed is begun anew by
    the next call; until then ``serve`` refuses to start.
    """
    words = passphrase()
    backup = next(iter(manifest.backups(folder)), None)
    if backup is None:
        raise NoBackup
    told = manifest.read(backup, words)
    if (told.database == "sqlite") != is_sqlite():
        raise OtherDatabase(told.database)
    try:
        ScriptDirectory(str(FOLDER)).get_revision(told.revision)
    except CommandError as error:
        raise NewerBackup from error
    _refuse_full()
    manifest.verify(backup, told)
    keys = open_keys(backup, words)
    try:
        _bring_back(backup, told, keys, words)
    except BaseException:
        if not _tables():
            _clear()
        raise
    return backup, told


def _refuse_full() -> None:
    tables, mark = _tables(), settings().data_dir / RESTORING
    if tables:
        mark.unlink(missing_ok=True)  # Killed after its last table: it was whole.
        raise NotEmpty(sorted(tables)[0])
    if mark.exists():
        _clear()
    allowed = set(ALLOWED)
    if is_sqlite():  # A file without a table, as whoever opens it leaves it.
        allowed |= {sqlite.path().name + suffix for suffix in ("", "-wal", "-shm", sqlite.DRAFT)}
    for path in sorted(settings().data_dir.rglob("*")):
        if path.is_file() and path.relative_to(settings().data_dir).parts[0] not in allowed:
            raise NotEmpty(str(path))


def _tables() -> set[str]:
    found = sqlite.tables() if is_sqlite() else postgres.tables()
    return found & (saved().ours | {"alembic_version"})


def _clear() -> None:
    """Remove what a restore brought into a place that was empty before it."""
    for path in settings().data_dir.iterdir():
        if path.is_dir() and path.name not in ALLOWED:
            shutil.rmtree(path)
        elif path.name not in ALLOWED | {RESTORING}:
            path.unlink()
    (settings().data_dir / RESTORING).unlink(missing_ok=True)


def _bring_back(backup: Path, told: Manifest, keys: Sequence[str], words: str) -> None:
    data_dir, parts = settings().data_dir, registry()
    durable.write(data_dir / RESTORING, b"")
    durable.sync(data_dir)
    brought = [name for name in told.files if name.startswith(f"{FILES}/")]
    growing = {folder.name for folder in parts.folders if folder.grows}
    files.bring_back(backup, brought, data_dir, growing)
    missing = [key for key in keys if key not in settings().secret_key]
    if missing:
        durable.write(data_dir / RESTORED_KEYS, ",".join(missing).encode())
    durable.sync(data_dir)
    db.session.remove()  # Its connection would be left to nobody.
    dispose()  # No connection of ours may look at the file that goes.
    asked = [make() for make in parts.on_restore]
    afterwards = [*quarantine.begin(clock.now(), told.made_at), *remember(told.made_at), *asked]
    target = sqlite if is_sqlite() else postgres
    with (backup / DATABASE).open("rb") as source:
        target.load(encrypted_stream.decrypt(source, words), told.rows, afterwards)
    (data_dir / RESTORING).unlink()


def go_live(queue: str, ended_at: datetime | None) -> dict[str, int]:
    """Let a queue, or ``all``, go on; return how many rows of it are ``unknown`` now, by queue.

    The original ended at ``ended_at``, else at the restore: what was due until then it may have done.
    Queues that go on already are left out.
    """
    settled = {}
    for one in quarantine.held():
        if queue not in (one.queue, "all"):
            continue
        if ended_at is not None and ended_at > one.restored_at:
            raise NotThatLate
        settle = registry().on_go_live.get(one.queue)
        settled[one.queue] = settle(one.restored_at, ended_at or one.restored_at) if settle else 0
        quarantine.end(one.queue)
        audit.note("cli", f"restore.go_live.{one.queue}", str(settled[one.queue]))
    return settled
