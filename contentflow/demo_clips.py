"""The demo's clips: one that is finished and public at once, one that this machine renders and that waits.

``demo/`` holds two films that ``bin/draw-films`` drew, and the first one's render.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from contentflow.byop.models import Submission
from contentflow.config import ROOT, settings
from contentflow.core.db import db
from contentflow.core.ids import new_id
from contentflow.pipeline import review
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.ffmpeg import find_program
from contentflow.pipeline.renders import RenderResult, read

FILMS = ROOT / "demo"
MENTION = "Publicité"  # What is burnt into the render that comes along.


@contextmanager
def film(name: str) -> Iterator[Path | None]:
    """A copy of a film that may become a post's original; None where nothing can be made of it here."""
    if not _is_shown(name) and find_program() is None:
        yield None
        return
    with pipeline.media().open_upload() as copy:
        with (FILMS / f"{name}.mp4").open("rb") as source:
            shutil.copyfileobj(source, copy)
        copy.flush()
        yield Path(copy.name)


def show(name: str, submission: Submission) -> None:
    """Give a post the render that comes along with its film, approved; without one it is made here."""
    if not _is_shown(name):
        return
    files, asset, render_id = pipeline.media(), pipeline.get_asset(submission.asset_id), new_id()
    with files.working(asset.id, render_id) as folder:
        made = shutil.copytree(FILMS / name, folder / "made", ignore=shutil.ignore_patterns("facts.json"))
        files.keep_render(Path(made), asset.id, render_id)
    asset.result = read(RenderResult, json.loads((FILMS / name / "facts.json").read_text()))
    asset.state, asset.percent, asset.render_id = "ready", 100, render_id
    db.session.flush()
    review.approve(asset.id, render_id)
    submission.status = "ready"


def _is_shown(name: str) -> bool:
    return (FILMS / name).is_dir() and settings().ad_disclosure == MENTION
