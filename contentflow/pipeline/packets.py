"""What the packets of a film say: when each of its streams begins and ends, and when its pictures come.

ffmpeg copies them to ``framecrc``, a line each: https://ffmpeg.org/ffmpeg-formats.html#framecrc
Nothing that a file says of itself is written there, so nothing in it can pose as a stream.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction

from contentflow.pipeline.reasons import Failure, UnprocessableMedia

# The first picture that is no cover, every sound, and subtitles, which may be what lasts longest.
COPIED = ["-map", "0:V:0?", "-map", "0:a?", "-map", "0:s?", "-c", "copy", "-map_metadata", "-1"]
COPIED += ["-map_chapters", "-1", "-nostats"]
# Ten minutes of 120 pictures and 400 pieces of sound a second; more is no film of ours.
MAX_PACKETS = 400_000
# A coder of sound begins that much before its first sound at most, to be in tune by then.
FIRST_SOUND_SECONDS = 0.1
DISCARDED = 0x4
LOCKED, MORE = "Encryption info", "Matroska BlockAdditional"


@dataclass
class Stream:
    """Times are seconds by ffmpeg's clock."""

    kind: str = ""
    codec: str = ""
    tick: Fraction = Fraction(1, 1000)
    times: list[float] = field(default_factory=list)
    end: float = -math.inf
    is_locked: bool = False
    has_more: bool = False


class Packets:
    """Hears ``framecrc``, line by line; ``streams`` are in the order of ``COPIED``."""

    def __init__(self) -> None:
        self.streams: dict[int, Stream] = {}
        self._count = 0

    def hear(self, line: str) -> None:
        """Raises ``UnprocessableMedia`` for more packets than any film has."""
        if line.startswith("#"):
            what, _, value = line[1:].partition(": ")
            name, _, number = what.rpartition(" ")
            if number.isdigit() and name == "tb":
                self._stream(int(number)).tick = Fraction(value)
            elif number.isdigit() and name == "media_type":
                self._stream(int(number)).kind = value
            elif number.isdigit() and name == "codec_id":
                self._stream(int(number)).codec = value
            return
        fields = [field.strip() for field in line.split(",")]
        if len(fields) >= 6:
            self._count += 1
            if self._count > MAX_PACKETS:
                raise UnprocessableMedia(Failure.UNREADABLE)
            stream = self._stream(int(fields[0]))
            shown, lasts = int(fields[2]), int(fields[3])
            stream.is_locked = stream.is_locked or LOCKED in fields
            stream.has_more = stream.has_more or MORE in fields
            flags = next((int(field[2:], 16) for field in fields[6:] if field.startswith("F=")), 0)
            if abs(shown) < 1 << 62 and not flags & DISCARDED:
                stream.times.append(float(shown * stream.tick))
                stream.end = max(stream.end, float((shown + max(0, lasts)) * stream.tick))

    def _stream(self, number: int) -> Stream:
        return self.streams.setdefault(number, Stream())

    @property
    def zero(self) -> float:
        """Where the film begins by ffmpeg's clock, which is set by the first packets alone: 0 or less."""
        earliest = min((min(each.times) for each in self.streams.values() if each.times), default=0.0)
        return earliest if earliest < -FIRST_SOUND_SECONDS else 0.0

    @property
    def seconds(self) -> float:
        """From the film's beginning to where its last packet ends; 0 where there is none."""
        return max((each.end for each in self.streams.values() if each.times), default=self.zero) - self.zero

    @property
    def pictures(self) -> list[float]:
        """When each picture comes, in seconds from the film's beginning, in order."""
        return sorted(time - self.zero for time in self._video.times)

    def sounds(self, place: int | None) -> list[float]:
        """When each piece of a sound comes: of the stream ``place`` of the copy."""
        times = self.streams[place].times if place in self.streams else []
        return sorted(time - self.zero for time in times)

    @property
    def codec(self) -> str:
        return self._video.codec

    @property
    def has_more(self) -> bool:
        """Whether something stands beside each picture: in a WebM, how transparent it is."""
        return self._video.has_more

    @property
    def _video(self) -> Stream:
        return next((each for each in self.streams.values() if each.kind == "video"), Stream())

    @property
    def is_locked(self) -> bool:
        return any(stream.is_locked for stream in self.streams.values())
