"""What is in a video: read from its packets and from what ffmpeg says, since no ffprobe comes with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from contentflow.pipeline.ffmpeg import CODECS, reading, run_ffmpeg
from contentflow.pipeline.packets import COPIED, Packets
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.sniff import Kind
from contentflow.pipeline.whole import is_cut_off, is_locked

PROBE_SECONDS = 120.0
MIN_SECONDS = 0.5
# A head may be that much too long: recorders round, and some count what comes after the last picture.
SPARE_SECONDS, SPARE_SHARE = 1.5, 0.02


@dataclass(frozen=True, kw_only=True)
class MediaLimits:
    max_seconds: float = 600.0
    max_side: int = 4096
    max_fps: float = 120.0


@dataclass(frozen=True, kw_only=True)
class MediaInfo:
    """A video as it is shown: ``width`` and ``height`` after rotation and with square pixels.

    ``frame_width`` and ``frame_height`` are the pixels that a filter gets, rotated but not squared; no
    other picture in it is larger than ``max_side``. ``matrix`` is how its colours were made, by the name
    that the filter ``scale`` has for it. ``sound_index`` is the stream that players play, None where
    there is no sound, and ``sound_place`` its place among those that were copied. ``pictures`` and
    ``sounds`` are the times of their packets, in seconds from the film's beginning, in order, and ``zero``
    is that beginning by ffmpeg's clock. ``decoder`` is another than the usual one, and ``ground`` the grey
    that a transparent film lies on.
    """

    kind: Kind
    seconds: float
    width: int
    height: int
    fps: Fraction
    sound_index: int | None = None
    sounds: Sequence[float] = ()
    sound_place: int | None = None
    video_index: int = 0
    frame_width: int = 0
    frame_height: int = 0
    rotation: int = 0
    is_hdr: bool = False
    matrix: str = "bt709"
    max_side: int = 4096
    decoder: str = ""
    is_interlaced: bool = False
    ground: int | None = None
    zero: float = 0.0
    pictures: Sequence[float] = ()

    @property
    def has_sound(self) -> bool:
        return self.sound_index is not None


def probe(source: Path, kind: Kind, limits: MediaLimits) -> MediaInfo:
    """Read all packets of a video, and decode none; raises ``UnprocessableMedia``."""
    if is_cut_off(source, kind):
        raise UnprocessableMedia(Failure.CUT_OFF)
    if is_locked(source, kind):
        raise UnprocessableMedia(Failure.PROTECTED)
    packets = Packets()
    copied = [*COPIED, "-t", f"{limits.max_seconds + 5:.3f}", "-f", "framecrc", "-"]
    arguments = [*reading(source, kind, limits.max_side), *copied]
    outcome = run_ffmpeg(arguments, source.parent, PROBE_SECONDS, on_line=packets.hear)
    if packets.is_locked or _LOCKED.search(outcome.said):
        raise UnprocessableMedia(Failure.PROTECTED)
    for kind_of_stream in ("video", "audio"):
        codecs = [stream.codec for stream in packets.streams.values() if stream.kind == kind_of_stream]
        if codecs and CODECS.isdisjoint(codecs):
            raise UnprocessableMedia(Failure.CODEC)
    media = replace(read_description(outcome.said, kind), max_side=limits.max_side)
    if max(media.width, media.height, media.frame_width, media.frame_height) > limits.max_side:
        raise UnprocessableMedia(Failure.TOO_MANY_PIXELS)
    # A screen recording of variable rate may claim 1000: only a rate that was really measured counts.
    if limits.max_fps < media.fps < 1000:
        raise UnprocessableMedia(Failure.TOO_MANY_FRAMES)
    # Its length and the times of its pictures: its head knows, or else its packets.
    found = _DURATION.search(outcome.said)
    promised = int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0
    there = packets.seconds
    media = replace(media, seconds=promised or there)
    if media.seconds > limits.max_seconds + 0.5:
        raise UnprocessableMedia(Failure.TOO_LONG)
    if promised - there > max(SPARE_SECONDS, SPARE_SHARE * promised) or _BROKE_OFF.search(outcome.said):
        raise UnprocessableMedia(Failure.CUT_OFF)
    if media.seconds < MIN_SECONDS:
        raise UnprocessableMedia(Failure.TOO_SHORT)
    decoder = _SEE_THROUGH.get(packets.codec, "") if packets.has_more else ""
    pictures, sounds = packets.pictures, packets.sounds(media.sound_place)
    return replace(media, decoder=decoder, zero=packets.zero, pictures=tuple(pictures), sounds=tuple(sounds))


# WebM keeps what is transparent beside each picture, where ffmpeg's own decoders do not look.
_SEE_THROUGH = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.M)
_BROKE_OFF = re.compile(r"^\[.*(?:partial file|File ended prematurely)", re.M)
_STREAM = re.compile(r"^  Stream #0:(\d+)[^:\n]*: (Video|Audio): (.*)$", re.M)
# What shops sell: https://mp4ra.org/registered-types/sample-entries
_LOCKED = re.compile(r"^ +Stream #0:\d+[^:\n]*: (?:Video|Audio): .*\((?:drm[ims]|enc[va]|p608) / 0x", re.M)
_ORIGIN = re.compile(r"^  Stream #0:(\d+) -> #0:(\d+) \(copy\)$", re.M)
# What a file says of itself is repeated before these lines, never after them: the copy has no notes of it.
_MAPPING, _COPY = re.compile(r"^Stream mapping:$", re.M), re.compile(r"^Output #0, framecrc, to", re.M)


def read_description(said: str, kind: Kind) -> MediaInfo:
    """Read what ffmpeg says of the copy that it makes; seconds are not known yet.

    Raises ``UnprocessableMedia``.
    """
    origins, copied = after_mapping(said), _after_last(_COPY, said)
    indexes = {int(found[2]): int(found[1]) for found in _ORIGIN.finditer(origins)}
    streams = list(_STREAM.finditer(copied))
    video = next((found for found in streams if found[2] == "Video"), None)
    size = _size(video[3]) if video else None
    if video is None or size is None:
        raise UnprocessableMedia(_why_blank(said, streams))
    details = video[3]
    frame = size
    shown = round(size[0] * _pixel_shape(details)), size[1]
    rotation = _rotation(re.split(r"^  Stream #|^\[", copied[video.end() :], maxsplit=1, flags=re.M)[0])
    if rotation % 180:
        frame, shown = frame[::-1], shown[::-1]
    # Every player plays the sound that is marked default, else the first.
    sounds = [found for found in streams if found[2] == "Audio" and re.split(r"\W", found[3])[0] in CODECS]
    chosen = next((found for found in sounds if "(default)" in found[3]), next(iter(sounds), None))
    sound = None if chosen is None else int(chosen[1])
    return MediaInfo(
        kind=kind,
        seconds=0.0,
        width=shown[0],
        height=shown[1],
        fps=_rate(details),
        sound_index=None if sound is None else indexes.get(sound),
        sound_place=sound,
        video_index=indexes.get(int(video[1]), 0),
        frame_width=frame[0],
        frame_height=frame[1],
        rotation=rotation,
        is_interlaced=_INTERLACED.search(details) is not None,
        is_hdr="smpte2084" in details or "arib-std-b67" in details,
        matrix=_matrix(details, size),
    )


def after_mapping(said: str) -> str:
    """Return what ffmpeg said once it had told of the file."""
    return _after_last(_MAPPING, said)


_INTERLACED = re.compile(r"[(,] ?(?:top|bottom) (?:coded )?first")


def _after_last(mark: re.Pattern[str], said: str) -> str:
    ends = [found.end() for found in mark.finditer(said)]
    return said[ends[-1] :] if ends else ""


# ffmpeg gives a picture over its limit no size: to find it, it would have to decode the whole of it.
_OVER = re.compile(r"^\[.* Picture size \d+x\d+ (?:exceeds|is invalid)", re.M)
_LOOSE_STREAM = re.compile(r"^ +Stream #0:\d+[^:\n]*: (Video|Audio): (.*)$", re.M)


def _why_blank(said: str, copied: Sequence[re.Match[str]]) -> Failure:
    """Choose a sentence, and nothing else, by what may have been forged."""
    if _OVER.search(said):
        return Failure.TOO_MANY_PIXELS
    if _BROKE_OFF.search(said):
        return Failure.CUT_OFF
    kinds = {found[1] for found in _LOOSE_STREAM.finditer(said) if "(attached pic)" not in found[2]}
    if "Video" in kinds:
        return Failure.CODEC if ": none (" in said else Failure.UNREADABLE
    return Failure.ONLY_SOUND if kinds else Failure.UNREADABLE


def _size(details: str) -> tuple[int, int] | None:
    found = re.search(r", (\d{1,6})x(\d{1,6})[ ,]", details + ",")
    if found is None or not int(found[1]) or not int(found[2]):
        return None
    return int(found[1]), int(found[2])


_MATRICES = {
    "bt709": "bt709",
    "smpte170m": "bt601",
    "bt470bg": "bt601",
    "fcc": "fcc",
    "smpte240m": "smpte240m",
    "bt2020nc": "bt2020",
    "bt2020c": "bt2020",
}


def _matrix(details: str, size: tuple[int, int]) -> str:
    """Return what the video says; where it says nothing, what every player takes for that size."""
    for said in re.findall(r"[(,] ?([a-z0-9]+)(?:/[a-z0-9-]+/[a-z0-9-]+)?(?=[,)])", details):
        if said in _MATRICES:
            return _MATRICES[said]
    return "bt709" if size[0] >= 1280 or size[1] > 576 else "bt601"


def _pixel_shape(details: str) -> Fraction:
    found = re.search(r"SAR (\d+):(\d+)", details)
    if found is None or not int(found[1]) or not int(found[2]):
        return Fraction(1)
    shape = Fraction(int(found[1]), int(found[2]))
    return shape if Fraction(1, 4) <= shape <= 4 else Fraction(1)


def _rate(details: str) -> Fraction:
    for unit in ("fps", "tbr"):
        found = re.search(rf"([\d.]+)(k?) {unit}\b", details)
        if found:
            rate = Fraction(found[1]) * (1000 if found[2] else 1)
            return _NTSC.get(found[1], rate)
    return Fraction(25)


_NTSC = {"23.98": Fraction(24000, 1001), "29.97": Fraction(30000, 1001), "59.94": Fraction(60000, 1001)}


def _rotation(notes: str) -> int:
    found = re.search(
        r"^\s+(?:Display Matrix|displaymatrix): rotation of (-?[\d.]+) degrees", notes, re.M | re.I
    )
    return round(float(found[1]) / 90) * 90 % 360 if found else 0
