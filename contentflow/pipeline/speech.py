"""What is said, word by word, in French or English: faster-whisper, in a process that can be ended."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from pathlib import Path

from contentflow.pipeline.captions import Word, tidy
from contentflow.pipeline.process import MIB, Overran, ResourceLimits, run

log = logging.getLogger(__name__)

TRANSCRIBER = Path(__file__).with_name("transcribe_script.py")
MEMORY_BYTES = 12_288 * MIB


def can_listen(model: str) -> bool:
    """Whether there is a model and what runs it (the extra ``captions``)."""
    return bool(model) and not is_lost(model) and importlib.util.find_spec("faster_whisper") is not None


def is_lost(model: str) -> bool:
    """Whether it is a folder, and not there."""
    return Path(model).is_absolute() and not Path(model).is_dir()


def transcribe(
    speech: Path, model: str, models: Path, clip_seconds: float, seconds: float
) -> list[Word] | None:
    """Return the words of a WAV; None when nobody could listen: then there are no captions.

    ``model`` is a name, kept in the folder ``models``, or a folder.
    """
    if not can_listen(model):
        return None
    command = [sys.executable, "-I", str(TRANSCRIBER), str(speech), model, str(models), "words.json"]
    try:
        outcome = run(command, speech.parent, ResourceLimits(seconds=seconds, memory_bytes=MEMORY_BYTES))
    except Overran:
        log.warning("the speech was not written down within %s s", seconds)
        return None
    if outcome.status:
        log.warning("the speech was not written down: %s", outcome.said[-400:])
        return None
    words = json.loads((speech.parent / "words.json").read_text())
    return tidy([Word(*word) for word in words], clip_seconds)
