"""What the product writes is for its own user alone: the database holds addresses and keys."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import make_url

from contentflow.config import settings
from contentflow.terminal_language import says

OTHERS = 0o077


def restrict_umask() -> None:
    """Let this process, and all that it starts, make files (0600) and folders (0700) for its user alone."""
    os.umask(OTHERS)


def check_permissions() -> str | None:
    """Doctor: None when no other user of the machine can read what DATA_DIR holds.

    A folder that was there before us is the operator's: it is told, never changed.
    """
    open_to_others = [path for path in _places() if path.exists() and path.stat().st_mode & OTHERS]
    if not open_to_others:
        return None
    names = " ".join(shlex.quote(str(path)) for path in open_to_others)
    return says("D’autres utilisateurs lisent ce qui est gardé : lancez chmod -R go= %s") % names


def _places() -> Iterator[Path]:
    yield settings().data_dir
    url = make_url(settings().database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    database = Path(url.database)
    if (
        settings().data_dir not in database.parents
    ):  # Else whoever may not enter the folder does not reach it.
        yield from (Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm"))
