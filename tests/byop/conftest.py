"""Renders without the work, for tests of what goes on around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contentflow.pipeline import rendering
from tests.factories.renders import made_clip


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renders that do all but the work: what is tested is what goes on around them."""

    def made(source: Path, options: Any, settings: Any, folder: Path, on_step: Any) -> Any:
        on_step("render", 0.5)
        names = ("clip.mp4", *(f"{kind}-{n}.jpg" for kind in ("poster", "cover") for n in (1, 2, 3)))
        files = {name: source.read_bytes()[: 1000 - len(name)] + name.encode() for name in names}
        words = [(0.0, 0.5, options.text or "bonjour")]
        result = {"start": options.start or 0.0, "words": words, "covers": 3}
        return made_clip(folder, {**files, "captions.vtt": b"WEBVTT\n"}, **result)

    monkeypatch.setattr(rendering, "make_clip", made)
