"""``contentflow media …``."""

from __future__ import annotations

from flask.cli import AppGroup
from flask_babel import gettext as _

from contentflow.core import terminal
from contentflow.core.terminal import Said
from contentflow.pipeline import bucket_moving
from contentflow.terminal_language import says

group = AppGroup("media", help=says("Les vidéos et les clips."))


@terminal.command(
    group, "to-bucket", says("Copie dans le bucket de MEDIA_URL ce qui n’est encore que dans DATA_DIR.")
)
def to_bucket() -> Said:
    moved = bucket_moving.copy_all()
    sentence = _("%(originals)s vidéos et %(clips)s clips sont copiés.", **moved)
    return Said(moved, str(sentence))
