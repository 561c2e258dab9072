"""A sealed copy of the whole programme while it runs, and the way back into an empty place.

No table of its own; ``core.quarantine`` holds what a restored programme may not do yet.
Commands: ``backup FOLDER``, ``restore FOLDER``, ``restore --go-live``.
"""

from __future__ import annotations

from flask import Flask

from contentflow.backup import cli, state
from contentflow.core.registry import registry


def init_app(app: Flask) -> None:
    app.cli.add_command(cli.backup_command)
    app.cli.add_command(cli.restore_command)
    registry(app).doctor["backup"] = state.check_backup
    registry(app).doctor["restore"] = state.check_restore
