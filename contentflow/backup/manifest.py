"""What a backup holds: its rows by table and its files by SHA-256, itself sealed against change.

A backup is a folder ``2026-11-28T040102Z`` with ``manifest.json``, ``manifest.seal``, ``keys.sealed``,
``database.sealed`` and ``files/``. What a killed backup left begins with a dot and counts for nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path

from flask_babel import lazy_gettext as _l

from contentflow.backup.encrypted_stream import SALT_BYTES, WrongPassphrase, key_from
from contentflow.core import durable
from contentflow.core.errors import Refused

NAME, SEAL = "manifest.json", "manifest.seal"
KEYS, DATABASE, FILES = "keys.sealed", "database.sealed", "files"
FORMAT = 1


class NoBackup(Refused):
    message = _l("Il n’y a aucune sauvegarde entière dans ce dossier.")


class NewerBackup(Refused):
    message = _l("Cette sauvegarde vient d’une version plus récente : installez celle-là, puis restaurez.")


class Damaged(Refused):
    """``names`` are the files that are missing or are not what was written."""

    def __init__(self, backup: Path, names: list[str]) -> None:
        super().__init__()
        self.names = names
        said = ", ".join(names[:5]) + (" …" if len(names) > 5 else "")
        self.message = _l(
            "La sauvegarde %(backup)s est abîmée : %(files)s. Prenez-en une autre, et faites-en une neuve.",
            backup=backup.name,
            files=said,
        )


@dataclass(frozen=True)
class File:
    """``mtime_ns`` is of the file that was taken: one that is the same need not be read again."""

    sha256: str
    size: int
    mtime_ns: int = 0


@dataclass(frozen=True)
class Manifest:
    """``database`` is ``sqlite`` or ``postgresql``, ``revision`` its migration, ``rows`` a count a table."""

    made_at: datetime
    database: str
    revision: str
    rows: dict[str, int]
    files: dict[str, File] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files.values())


def write(backup: Path, manifest: Manifest, passphrase: str) -> None:
    """Write it last of all, with its own sum, and a keyed one that nobody can make without the passphrase."""
    shown = {**asdict(manifest), "made_at": manifest.made_at.isoformat()}
    text = json.dumps(shown, indent=1, sort_keys=True).encode()
    salt = os.urandom(SALT_BYTES)
    seal = {
        "sha256": hashlib.sha256(text).hexdigest(),
        "salt": salt.hex(),
        "hmac": hmac.new(key_from(passphrase, salt), text, "sha256").hexdigest(),
    }
    for name, content in ((NAME, text), (SEAL, json.dumps(seal).encode())):
        durable.write(backup / name, content)


def read(backup: Path, passphrase: str = "") -> Manifest:
    """Return the manifest; with ``passphrase`` it is shown to be ours, too.

    Raises ``Damaged``, and ``WrongPassphrase`` where the sum holds and the keyed one does not.
    """
    try:
        text, seal = (backup / NAME).read_bytes(), json.loads((backup / SEAL).read_bytes())
        is_whole = hashlib.sha256(text).hexdigest() == seal["sha256"]
        salt, keyed = bytes.fromhex(seal["salt"]), str(seal["hmac"])
        told = json.loads(text)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Damaged(backup, [NAME]) from error
    if not is_whole:
        raise Damaged(backup, [NAME])
    if passphrase and not hmac.compare_digest(
        hmac.new(key_from(passphrase, salt), text, "sha256").hexdigest(), keyed
    ):
        raise WrongPassphrase
    if told["format"] > FORMAT:
        raise NewerBackup
    files = {name: File(**file) for name, file in told.pop("files").items()}
    return Manifest(**{**told, "made_at": datetime.fromisoformat(told["made_at"]), "files": files})


def verify(backup: Path, manifest: Manifest) -> None:
    """Read every file; raises ``Damaged`` for those that are gone or changed."""
    broken = [name for name, file in manifest.files.items() if sum_of(backup / name) != file.sha256]
    if broken:
        raise Damaged(backup, broken)


def sum_of(path: Path) -> str | None:
    """Return the SHA-256 in hex; None where there is no file."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def backups(folder: Path) -> list[Path]:
    """Return the whole backups, the newest first: those in ``folder``, or ``folder`` itself if it is one."""
    if (folder / NAME).is_file():
        return [folder]
    whole = [
        path
        for path in (folder.iterdir() if folder.is_dir() else ())
        if not path.name.startswith(".") and ((path / NAME).is_file() or (path / SEAL).is_file())
    ]
    return sorted(whole, key=lambda path: path.name, reverse=True)
