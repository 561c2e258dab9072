"""The parts of a film: a phone is turned, a call gets a worse line, and the pictures change in its middle.

Such a film is made one of the screen's size first, each part whole on its own blur.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from contentflow.pipeline.ffmpeg import demand, run_ffmpeg
from contentflow.pipeline.ground import on_ground
from contentflow.pipeline.opening import Opening, reading_film
from contentflow.pipeline.probe import MediaInfo, after_mapping
from contentflow.pipeline.reasons import Failure
from contentflow.pipeline.reframe import fitted, whole_pictures


class FilmPart(NamedTuple):
    """The first picture of a part: its pixels, how wide one of them is shown, whether it is two halves,
    and whether it may be transparent."""

    width: int
    height: int
    pixel: float
    is_interlaced: bool
    has_alpha: bool


_FIRST = re.compile(
    r"^\[Parsed_showinfo\S* @ \S+\] n: .* fmt:(\S+) .*?sar:(\d+)/(\d+) s:(\d{1,5})x(\d{1,5}) i:([PTB?]) ",
    re.M,
)


def read_parts(said: str) -> list[FilmPart]:
    """Read what ``showinfo`` told of the first picture of each part, and nothing that the file says."""
    return [
        FilmPart(
            int(found[4]),
            int(found[5]),
            int(found[2]) / max(1, int(found[3])) or 1.0,
            found[6] in "TB",
            _ALPHA.match(found[1]) is not None,
        )
        for found in _FIRST.finditer(after_mapping(said))
    ]


# The names of ffmpeg's kinds of pixels: https://ffmpeg.org/doxygen/trunk/pixfmt_8h.html
_ALPHA = re.compile(r"yuva|gbrap|rgba|bgra|argb|abgr|ya\d|pal8|vuya|ayuv")


def is_mixed(parts: Sequence[FilmPart]) -> bool:
    return len(parts) > 1


def as_seen(media: MediaInfo, parts: Sequence[FilmPart]) -> MediaInfo:
    """Return the film as its section is: its head may tell of another part, or not enough."""
    only = next(iter(parts), None)
    if only is None:
        return media
    media = replace(media, is_interlaced=media.is_interlaced or only.is_interlaced)
    if (only.width, only.height) == (media.frame_width, media.frame_height):
        return media
    width = max(2, round(only.width * only.pixel))
    return replace(media, width=width, height=only.height, frame_width=only.width, frame_height=only.height)


def make_one(source: Path, media: MediaInfo, opening: Opening, folder: Path, seconds: float) -> Path:
    """Return the section as a film of one size, with its sound as it was; raises ``UnprocessableMedia``."""
    graph = f"{whole_pictures(media)}null{on_ground(media)},{fitted(media)}"
    arguments = [*opening.options, *reading_film(source, media)]
    arguments += ["-filter_complex", f"[0:{media.video_index}]{graph}[fitted]", "-map", "[fitted]"]
    if media.has_sound:
        arguments += ["-map", f"0:{media.sound_index}", "-c:a", "copy"]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-fps_mode", "passthrough"]
    arguments += ["-map_metadata", "-1", "-map_chapters", "-1", "-f", "matroska", "one.mkv"]
    demand(run_ffmpeg(arguments, folder, seconds), Failure.UNREADABLE)
    return folder / "one.mkv"
