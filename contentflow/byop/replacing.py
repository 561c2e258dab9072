"""A video that is added to a post, or takes the place of the one it has; words, links and counts stay."""

from __future__ import annotations

from pathlib import Path

from flask_babel import lazy_gettext as _l

from contentflow.byop import moderation, services
from contentflow.byop.hooks import tell_post_changed
from contentflow.core.db import db
from contentflow.core.errors import Refused
from contentflow.pipeline import replacing


class NoVideo(Refused):
    message = _l("Colle l’adresse d’une vidéo, ou choisis un fichier.")


def replace_video(
    partner_id: str,
    submission_id: str,
    source_url: str,
    video: Path | None = None,
    digest: str = "",
    original_id: str | None = None,
) -> bool:
    """Put another video of a post in work; ``video`` is a file that was sent, and goes before ``source_url``.

    False, and nothing more happens, where that very video is in work. Raises ``NoVideo``, ``NotFound`` or,
    for a post that was withdrawn, ``Archived``.
    """
    if video is None and not source_url:
        raise NoVideo
    submission = services.lock_editable(partner_id, submission_id)
    url = "" if video else source_url
    if not replacing.replace_video(submission.asset_id, url, video, digest, original_id):
        return False
    moderation.wait_again(submission)
    submission.source_url = url
    submission.prepare_again()
    db.session.flush()
    tell_post_changed(submission.id)
    return True
