"""Renders without the work, for tests of what goes on around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contentflow.pipeline import rendering


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renders that do all but the work: what is tested is what goes on around them."""

    def made(source: Path, wishes: Any, house: Any, folder: Path, tell: Any) -> Any:
        tell("render", 0.5)
        out = folder / "made"
        out.mkdir()
        for name in ("clip.mp4", *(f"{kind}-{n}.jpg" for kind in ("poster", "cover") for n in (1, 2, 3))):
            (out / name).write_bytes(source.read_bytes()[: 1000 - len(name)] + name.encode())
        facts = rendering.Facts(
            video_seconds=9.0,
            start=wishes.start or 0.0,
            seconds=5.0,
            framing="blur",
            captions="heard",
            words=[(0.0, 0.5, wishes.text or "bonjour")],
            covers=3,
        )
        (out / "captions.vtt").write_text("WEBVTT\n")
        return out, facts

    monkeypatch.setattr(rendering, "make_clip", made)
