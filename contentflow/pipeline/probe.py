"""What is in a video: read from what ``ffmpeg -i`` says, since no ffprobe comes with it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from contentflow.pipeline.ffmpeg import demand, reading, run_ffmpeg
from contentflow.pipeline.reasons import Reason, Unfit
from contentflow.pipeline.sniff import Kind

PROBE_SECONDS = 30.0
SCAN_SECONDS = 120.0
SHORTEST_SECONDS = 0.5


@dataclass(frozen=True, kw_only=True)
class Limits:
    most_seconds: float = 600.0
    most_side: int = 4096
    most_fps: float = 120.0


@dataclass(frozen=True, kw_only=True)
class Media:
    """A video as it is shown: ``width`` and ``height`` after rotation and with square pixels.

    ``frame_width`` and ``frame_height`` are the pixels that a filter gets, rotated but not squared.
    ``matrix`` is how its colours were made, by the name that the filter ``scale`` has for it.
    """

    kind: Kind
    seconds: float
    width: int
    height: int
    fps: Fraction
    has_sound: bool
    video_index: int = 0
    frame_width: int = 0
    frame_height: int = 0
    rotation: int = 0
    is_hdr: bool = False
    matrix: str = "bt709"


def probe(source: Path, kind: Kind, limits: Limits) -> Media:
    """Raises ``Unfit``."""
    said = run_ffmpeg(reading(source, kind, limits.most_side), source.parent, PROBE_SECONDS).said
    media = read_description(said, kind)
    _check_size(media, limits)
    if not media.seconds:
        media = replace(media, seconds=_count_seconds(source, kind, limits))
    _check_time(media, limits)
    return media


# Two spaces and a name: what a file says of itself stands further in, so it cannot pose as a stream.
_DURATION = re.compile(r"^  Duration: (\d+):(\d\d):(\d\d\.\d+)", re.M)
_STREAM = re.compile(r"^  Stream #0:(\d+)[^:\n]*: (Video|Audio): (.*)$", re.M)


def read_description(said: str, kind: Kind) -> Media:
    """Read the first video stream that is no cover; raises ``Unfit``. Seconds are 0 when unknown."""
    streams = list(_STREAM.finditer(said))
    videos = [found for found in streams if found[2] == "Video" and "(attached pic)" not in found[3]]
    size = _size(videos[0][3]) if videos else None
    if not videos or size is None:
        raise Unfit(_why_blank(said, bool(streams), bool(videos)))
    video = videos[0]
    details = video[3]
    frame = size
    shown = round(size[0] * _pixel_shape(details)), size[1]
    rotation = _rotation(_notes_after(said, video))
    if rotation % 180:
        frame, shown = frame[::-1], shown[::-1]
    return Media(
        kind=kind,
        seconds=_seconds(said),
        width=shown[0],
        height=shown[1],
        fps=_rate(details),
        has_sound=any(found[2] == "Audio" and not found[3].startswith("none") for found in streams),
        video_index=int(video[1]),
        frame_width=frame[0],
        frame_height=frame[1],
        rotation=rotation,
        is_hdr="smpte2084" in details or "arib-std-b67" in details,
        matrix=_matrix(details, size),
    )


# ffmpeg gives a picture over its limit no size: to find it, it would have to decode the whole of it.
_OVER = re.compile(r"^\[.* Picture size \d+x\d+ (?:exceeds|is invalid)", re.M)


def _why_blank(said: str, has_streams: bool, has_video: bool) -> Reason:
    if has_video and _OVER.search(said):
        return Reason.TOO_MANY_PIXELS
    return Reason.NO_VIDEO if has_streams else Reason.UNREADABLE


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


def _notes_after(said: str, stream: re.Match[str]) -> str:
    return re.split(r"^  Stream #|^Stream mapping|^Output", said[stream.end() :], maxsplit=1, flags=re.M)[0]


def _rotation(notes: str) -> int:
    found = re.search(
        r"^\s+(?:Display Matrix|displaymatrix): rotation of (-?[\d.]+) degrees", notes, re.M | re.I
    )
    return round(float(found[1]) / 90) * 90 % 360 if found else 0


def _seconds(said: str) -> float:
    found = _DURATION.search(said)
    return int(found[1]) * 3600 + int(found[2]) * 60 + float(found[3]) if found else 0.0


def _count_seconds(source: Path, kind: Kind, limits: Limits) -> float:
    """Read the whole file: what a browser records often does not say how long it is."""
    copied = ["-map", "0:v:0", "-c", "copy", "-t", str(limits.most_seconds + 5), "-f", "null", "-"]
    arguments = [*reading(source, kind, limits.most_side), *copied]
    said = demand(run_ffmpeg(arguments, source.parent, SCAN_SECONDS), Reason.UNREADABLE).said
    found = re.findall(r"time=(\d+):(\d\d):(\d\d\.\d+)", said)
    if not found:
        raise Unfit(Reason.UNREADABLE)
    hours, minutes, seconds = found[-1]
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def _check_size(media: Media, limits: Limits) -> None:
    if max(media.width, media.height, media.frame_width, media.frame_height) > limits.most_side:
        raise Unfit(Reason.TOO_MANY_PIXELS)
    # A screen recording of variable rate may claim 1000: only a rate that was really measured counts.
    if limits.most_fps < media.fps < 1000:
        raise Unfit(Reason.TOO_MANY_FRAMES)


def _check_time(media: Media, limits: Limits) -> None:
    if media.seconds > limits.most_seconds + 0.5:
        raise Unfit(Reason.TOO_LONG)
    if media.seconds < SHORTEST_SECONDS:
        raise Unfit(Reason.TOO_SHORT)
