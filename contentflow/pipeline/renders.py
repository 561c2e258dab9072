"""What a partner chose for a clip, and what came of it: two values that stand on the asset."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

from sqlalchemy import JSON, Dialect
from sqlalchemy.types import TypeDecorator

# Seconds at which a word begins and ends, and the word.
TimedWord = tuple[float, float, str]


@dataclass(frozen=True, kw_only=True)
class RenderOptions:
    """None leaves a choice to us, or, in a change, as it was.

    ``text`` corrects the captions ``heard`` in the clip that began at ``heard_start``; "" removes them, None
    takes them as they are heard. ``subtitles`` are the words of an uploaded file, at their times in the whole
    video.
    """

    framing: str | None = None
    start: float | None = None
    text: str | None = None
    heard: tuple[TimedWord, ...] = ()
    heard_start: float | None = None
    subtitles: tuple[TimedWord, ...] = ()

    def changed(self, wanted: RenderOptions, result: RenderResult) -> RenderOptions:
        """Return these options with what is ``wanted`` of another render; ``result`` is of the one before."""
        start = next((each for each in (wanted.start, self.start, result.start) if each is not None), None)
        changed = replace(self, framing=wanted.framing or self.framing, start=start)
        if wanted.subtitles:
            return replace(changed, subtitles=wanted.subtitles, text=None)
        if wanted.text is None or not result.words:
            return changed
        return replace(changed, text=wanted.text, heard=result.words, heard_start=result.start, subtitles=())


@dataclass(frozen=True, kw_only=True)
class RenderResult:
    """Empty until there is a clip.

    ``captions`` is heard, typed, uploaded, silent (no words) or nobody (no model). ``covers`` pictures may
    stand for the clip, and ``cover`` does. Of a clip whose video was replaced since, only those numbers and
    ``has_captions`` are kept: its words and moments are of another video.
    """

    video_seconds: float = 0.0
    start: float | None = None
    seconds: float = 0.0
    framing: str = ""
    captions: str = ""
    words: tuple[TimedWord, ...] = ()
    covers: int = 0
    cover: int = 1
    has_captions: bool = False

    @property
    def shows_captions(self) -> bool:
        return bool(self.words) or self.has_captions

    @property
    def text(self) -> str:
        return " ".join(word for _, _, word in self.words)

    @property
    def is_a_part(self) -> bool:
        """Whether another part of the video could be shown: it is longer than the clip by over a second."""
        return self.video_seconds > self.seconds + 1

    def of_replaced_video(self) -> RenderResult:
        """Return what stays true of the clip that is there once its post has another video."""
        return RenderResult(covers=self.covers, cover=self.cover, has_captions=self.shows_captions)


class StoredAsJson(TypeDecorator[Any]):
    """One of the two as a JSON object that names only what differs from an empty one."""

    impl = JSON
    cache_ok = True

    def __init__(self, kind: type[RenderOptions] | type[RenderResult]) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: Any, dialect: Dialect) -> dict[str, Any]:
        given = {field.name: getattr(value, field.name) for field in fields(self.kind)}
        return {name: each for name, each in given.items() if each != getattr(self.kind, name)}

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return read(self.kind, value or {})


def read(kind: type[Any], stored: dict[str, Any]) -> Any:
    """Return a ``kind`` from what was stored; keys of another version are left out."""
    known = {name: stored[name] for name in (field.name for field in fields(kind)) if name in stored}
    return kind(**{name: _immutable(value) for name, value in known.items()})


def _immutable(value: Any) -> Any:
    return tuple(_immutable(each) for each in value) if isinstance(value, list) else value
