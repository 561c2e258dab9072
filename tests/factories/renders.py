from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import factory

from contentflow.byop import services as byop
from contentflow.core.db import db, transaction
from contentflow.pipeline import services as pipeline
from contentflow.pipeline.models import Asset
from contentflow.pipeline.renders import RenderResult


def made_clip(folder: Path, files: Mapping[str, bytes], **result: Any) -> tuple[Path, RenderResult]:
    """Leave these files in ``folder`` as a render would, and say what ``make_clip`` returns."""
    out = folder / "made"
    out.mkdir()
    for name, content in files.items():
        (out / name).write_bytes(content)
    return out, RenderResultFactory(**result)


class RenderResultFactory(factory.Factory):
    """What a render of a video of nine seconds says of itself; nothing is written."""

    class Meta:
        model = RenderResult

    video_seconds = 9.0
    start = 0.0
    seconds = 5.0
    framing = "blur"
    captions = "heard"
    words = factory.LazyFunction(lambda: [(0.0, 0.5, "confidence")])
    covers = 1


RENDER = "R" * 22


def give_clip(submission: Any, render: str = RENDER, approved: bool = True, size: int = 4_000) -> None:
    """Let a post have a finished render of its own, as the worker leaves one."""
    folder = pipeline.media().render(submission.asset_id, render)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "clip.mp4").write_bytes(b"\0\0\0\x18ftypmp42" + b"x" * size)
    with transaction():
        asset = db.session.get_one(Asset, submission.asset_id)
        asset.has_video, asset.state, asset.percent = True, "ready", 100
        asset.render_id, asset.result = render, RenderResultFactory()
        asset.approved_render_id = render if approved else None
        byop.get_submission(submission.partner_id, submission.id).status = "ready"
