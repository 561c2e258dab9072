"""Renders without the work, for tests of what goes on around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contentflow.pipeline import rendering

WORDS = [(0.0, 0.5, "confidence")]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Renders without the work; whatever is added here happens while one goes on."""
    acts: list[Callable[[], object]] = []

    def made(source: Path, wishes: Any, house: Any, folder: Path, tell: Any) -> Any:
        tell("look", 0.0)
        for act in acts:
            act()
        out = folder / "made"
        out.mkdir()
        (out / "clip.mp4").write_bytes(b"a clip")
        return out, rendering.Facts(
            video_seconds=9.0,
            start=0.0,
            seconds=5.0,
            framing="blur",
            captions="heard",
            words=WORDS,
            covers=1,
        )

    monkeypatch.setattr(rendering, "make_clip", made)
    return acts
