"""Where a part of a film is opened, and how its pictures last from the part's first moment to its last.

Streams of a film begin and end when they like, and leave gaps: the first picture is held until its time,
each until the next comes, and the last to the end.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from contentflow.pipeline.ffmpeg import reading
from contentflow.pipeline.probe import MediaInfo

# Where the next picture is no further away than that, the part begins with it.
SHORT_GAP_SECONDS = 0.5
# Times are rounded on the way: a picture must not be missed by a hair.
HAIR_SECONDS = 0.002


@dataclass(frozen=True)
class Section:
    """The part of the video that becomes the clip, in seconds."""

    start: float
    seconds: float


class Opening(NamedTuple):
    """Reading begins ``lead`` seconds before the section, where the picture of its beginning is.

    ``zero`` is where the film begins by ffmpeg's clock.
    """

    section: Section
    lead: float = 0.0
    zero: float = 0.0

    @property
    def options(self) -> list[str]:
        """What stands before ``-i``."""
        start, length = self.zero + self.section.start - self.lead, self.section.seconds + self.lead
        return [*(["-ss", f"{start:.3f}"] if start else []), "-t", f"{length:.3f}"]

    @property
    def sound(self) -> str:
        """The filter that leaves out the sound before the section."""
        lead = f"{self.lead:.3f}"
        return f"atrim=start={lead},asetpts=PTS-{lead}/TB," if self.lead else ""

    def held(self, rate: Fraction | int) -> str:
        """The filters that make a picture of every moment of the section."""
        part = f"trim=start={self.lead:.3f}:duration={self.section.seconds:.3f},setpts=PTS-STARTPTS"
        return f"fps={rate}:start_time=0:eof_action=pass,tpad=stop=-1:stop_mode=clone,{part}"

    def in_section(self, time: float) -> float:
        """Return a time since reading began as one in the section, where all that came before is there."""
        return max(0.0, time - self.lead)


def open_section(media: MediaInfo, section: Section) -> Opening:
    """Reach back to the picture that is still there where the section begins, if no other comes soon."""
    index = bisect_right(media.pictures, section.start)
    following = media.pictures[index] if index < len(media.pictures) else math.inf
    if index == 0:  # Whoever seeks to the first picture would miss the sound before it.
        return Opening(section, section.start, media.zero)
    if following - section.start <= SHORT_GAP_SECONDS:
        return Opening(section, zero=media.zero)
    lead = round(section.start - media.pictures[index - 1] + HAIR_SECONDS, 3)
    return Opening(section, lead, media.zero)


def with_its_sound(media: MediaInfo, section: Section) -> MediaInfo:
    """Return the film without its sound where none of it is in the section: nothing would come out."""
    index = bisect_left(media.sounds, section.start)
    is_heard = index < len(media.sounds) and media.sounds[index] < section.start + section.seconds - 0.03
    return media if is_heard else replace(media, sound_index=None)


def reading_film(source: Path, media: MediaInfo) -> list[str]:
    """The options that open a film that was looked into."""
    decoder = ["-c:v", media.decoder] if media.decoder else []
    return [*decoder, *reading(source, media.kind, media.max_side)]


def one_graph(media: MediaInfo) -> list[str]:
    """What stands before ``-i`` where a graph remembers something, and so must last to the end.

    Whatever size a picture has, it goes into the graph that is there, so a filter that can take it comes
    first: ``scale``. What ffmpeg turns upright by itself it would send through another one before.
    """
    return [] if media.rotation else ["-reinit_filter", "0"]
