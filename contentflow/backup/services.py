"""Back up while everything runs, check what lies there, and let the old ones go.

Files come first, then the database, then the files that are new: what a row of the copy names is there, and
a click that waits in a file stands in it or in the table, or in both, which the fold bears.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from flask_babel import lazy_gettext as _l

from contentflow.backup import encrypted_stream, files, manifest, postgres, sqlite
from contentflow.backup.manifest import DATABASE, KEYS, Damaged, File, Manifest, NoBackup
from contentflow.config import settings
from contentflow.core import clock, durable, migrate
from contentflow.core.db import is_sqlite
from contentflow.core.errors import Refused
from contentflow.core.ids import new_id
from contentflow.core.registry import registry

DRAFT = ".draft-"
WORKPLACE = "backing-up"  # in DATA_DIR: where SQLite's copy lies until it is sealed


class NoPassphrase(Refused):
    message = _l(
        "BACKUP_PASSPHRASE manque : donnez au moins 8 caractères, gardés ailleurs que les sauvegardes."
    )


class Busy(Refused):
    message = _l("Une autre sauvegarde écrit déjà dans ce dossier.")


class Made(NamedTuple):
    """``removed`` is how many older backups went."""

    backup: Path
    manifest: Manifest
    removed: int


def passphrase() -> str:
    if not settings().backup_passphrase:
        raise NoPassphrase
    return settings().backup_passphrase


def back_up(folder: Path) -> Made:
    """Add a backup to ``folder``, whole or not at all, and remove those over ``BACKUP_KEEP``."""
    words = passphrase()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        _clear_drafts(folder)
        draft = folder / f"{DRAFT}{new_id()}"
        draft.mkdir(mode=0o700)
        try:
            made = _fill(draft, _newest(folder), words)
            backup = folder / f"{made.made_at:%Y-%m-%dT%H%M%S.%fZ}"
            durable.sync(draft)
            draft.rename(backup)
            durable.sync(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
        old = manifest.backups(folder)[settings().backup_keep :]
        for each in old:
            # Renamed first: one that is half gone must not look like a backup.
            each.rename(folder / f"{DRAFT}{each.name}")
        _clear_drafts(folder)
        return Made(backup, made, len(old))


def _newest(folder: Path) -> tuple[Path | None, dict[str, File]]:
    """Return the last backup with its files; one that is damaged is no help."""
    for backup in manifest.backups(folder)[:1]:
        try:
            return backup, manifest.read(backup).files
        except Refused:
            break
    return None, {}


def _fill(draft: Path, before: tuple[Path | None, dict[str, File]], words: str) -> Manifest:
    parts, data_dir = registry(), settings().data_dir
    source = sqlite if is_sqlite() else postgres
    last, known = before
    taken = files.take(parts.folders, data_dir, draft, known, last)
    revision = migrate.current_revision() or ""
    with _workplace() as workplace, source.copied(workplace) as copy:
        made_at = clock.now()
        rows = copy.rows
        with durable.writing(draft / DATABASE) as target:
            encrypted_stream.encrypt(copy.parts, words, target)
    fixed = [folder for folder in parts.folders if not folder.grows]
    taken |= files.take(fixed, data_dir, draft, known, last, but=taken)
    with durable.writing(draft / KEYS) as target:
        encrypted_stream.encrypt([json.dumps({"SECRET_KEY": settings().secret_key}).encode()], words, target)
    for name in (DATABASE, KEYS):
        taken[name] = File(manifest.sum_of(draft / name) or "", (draft / name).stat().st_size)
    kind = "sqlite" if is_sqlite() else "postgresql"
    made = Manifest(made_at, kind, revision, rows, taken)
    manifest.write(draft, made, words)
    return made


@contextmanager
def _workplace() -> Iterator[Path]:
    place = settings().data_dir / WORKPLACE
    shutil.rmtree(place, ignore_errors=True)  # What a backup that was killed left.
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _clear_drafts(folder: Path) -> None:
    for left in folder.glob(f"{DRAFT}*"):
        shutil.rmtree(left, ignore_errors=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise Busy from error
    finally:
        os.close(descriptor)


def check(folder: Path) -> list[dict[str, Any]]:
    """Read every backup of ``folder`` to the last byte, the newest first; raises ``Damaged`` after the last.

    With a passphrase the keyed sum is checked too, and that it opens the keys.
    """
    shown, broken = [], []
    for backup in manifest.backups(folder):
        try:
            made = manifest.read(backup, settings().backup_passphrase)
            manifest.verify(backup, made)
        except Damaged as damage:
            broken += [f"{backup.name}/{name}" for name in damage.names]
            continue
        shown.append(
            {
                "backup": str(backup),
                "at": clock.iso(made.made_at),
                "rows": sum(made.rows.values()),
                "files": len(made.files),
                "bytes": made.size,
            }
        )
    if broken:
        raise Damaged(folder, broken)
    if not shown:
        raise NoBackup
    return shown


def open_keys(backup: Path, words: str) -> list[str]:
    """Return the keys of SECRET_KEY at the time, the newest first."""
    with (backup / KEYS).open("rb") as source:
        told = json.loads(b"".join(encrypted_stream.decrypt(source, words)))
    return [str(key) for key in told["SECRET_KEY"]]
