"""Renders without the work, for tests of what goes on around them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contentflow.pipeline import rendering
from tests.factories.renders import made_clip


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Renders without the work; whatever is added here happens while one goes on."""
    acts: list[Callable[[], object]] = []

    def made(source: Path, options: Any, settings: Any, folder: Path, on_step: Any) -> Any:
        on_step("look", 0.0)
        for act in acts:
            act()
        return made_clip(folder, {"clip.mp4": b"a clip"})

    monkeypatch.setattr(rendering, "make_clip", made)
    return acts
