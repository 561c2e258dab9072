"""The file of the render that was confirmed, on this machine for as long as it is sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from contentflow.byop import clips as byop_clips
from contentflow.byop.models import Submission
from contentflow.core.bucket import StoredFile
from contentflow.core.db import db
from contentflow.pipeline import services as pipeline
from contentflow.publishing.models import Assignment


@contextmanager
def local(row: Assignment, name: str = "clip") -> Iterator[Path | None]:
    """Yield that very render's file; None once it is another one. From a bucket it is brought whole first."""
    submission = db.session.get(Submission, row.submission_id)
    asset_id = submission.asset_id if submission else ""
    db.session.rollback()
    found = pipeline.media().find(asset_id, row.render_id, name) if row.render_id and asset_id else None
    with _on_this_machine(found[0] if found else None) as path:
        yield path


@contextmanager
def _on_this_machine(file: Path | StoredFile | None) -> Iterator[Path | None]:
    """Yield a file as it lies here; what lies in a bucket is brought whole first, and goes afterwards."""
    if not isinstance(file, StoredFile):
        yield file
        return
    work = pipeline.media().work
    work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work, prefix="publish-") as folder:
        path = Path(folder) / "file"
        with path.open("wb") as target:
            for piece in file.pieces(0, file.size):
                target.write(piece)
        yield path


@contextmanager
def public_picture(row: Assignment) -> Iterator[Path | None]:
    """Yield the picture that the post's public page shows in previews; None where it shows none."""
    submission = db.session.get(Submission, row.submission_id)
    found = byop_clips.find_public_file(submission, "poster") if submission else None
    db.session.rollback()
    with _on_this_machine(found[0] if found else None) as path:
        yield path
