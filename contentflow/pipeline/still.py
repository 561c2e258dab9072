"""A picture becomes a short video with a slow move; only OpenCV, within limits, ever opens the picture."""

from __future__ import annotations

import struct
import sys
from pathlib import Path

from contentflow.pipeline.ffmpeg import demand, run_ffmpeg
from contentflow.pipeline.process import MIB, Overran, ResourceLimits, run
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.whole import is_cut_off_picture

SECONDS = 6
RATE = 30
LARGE_SIDE = 1920
ZOOM = 0.12
DECODER = Path(__file__).with_name("decode_script.py")
OPEN_SECONDS = 30.0
# Where the size of a picture stands at the latest: after the notes and the small preview of a camera.
MAX_HEAD_BYTES = 2 * 1024 * 1024


def to_video(picture: Path, max_side: int, folder: Path, seconds: float) -> Path:
    """Return a video that the rest of the pipeline treats like any other; raises ``UnprocessableMedia``."""
    check_size(picture, max_side)
    if is_cut_off_picture(picture):
        raise UnprocessableMedia(Failure.CUT_OFF)
    opened = folder / "picture.png"
    command = [sys.executable, "-I", str(DECODER), str(picture.resolve()), str(opened.resolve())]
    try:
        outcome = run(command, folder, ResourceLimits(seconds=OPEN_SECONDS, memory_bytes=4096 * MIB))
    except Overran:
        raise UnprocessableMedia(Failure.OVERRAN) from None
    if outcome.status:
        raise UnprocessableMedia(Failure.UNREADABLE)
    # Zoom in slowly. The picture is large (see ``decode_script``), so the steps are too small to be seen.
    frames = SECONDS * RATE
    with opened.open("rb") as file:
        width, height = _png_size(file.read(32))
    scale = min(LARGE_SIDE, max_side) / max(width, height)
    shape = f"{max(2, round(width * scale / 2) * 2)}x{max(2, round(height * scale / 2) * 2)}"
    move = (
        f"zoompan=z='1+{ZOOM}*on/{frames}':x='(iw-iw/zoom)/2':y='(ih-ih/zoom)/2'"
        f":d={frames}:fps={RATE}:s={shape},setsar=1,scale=out_color_matrix=bt709:out_range=tv"
    )
    arguments = ["-protocol_whitelist", "file", "-f", "png_pipe", "-i", f"file:{opened.resolve()}"]
    arguments += ["-vf", f"{move},format=yuv420p", "-frames:v", str(frames)]
    arguments += ["-c:v", "libx264", "-preset", "ultrafast", "-crf", "12", "-f", "mp4", "moving.mp4"]
    demand(run_ffmpeg(arguments, folder, seconds), Failure.UNREADABLE)
    return folder / "moving.mp4"


def check_size(picture: Path, max_side: int) -> None:
    """Raises ``UnprocessableMedia`` by what the file's head says, before anything takes memory for it."""
    with picture.open("rb") as file:
        size = size_of(file.read(MAX_HEAD_BYTES))
    if size is None or min(size) < 16:
        raise UnprocessableMedia(Failure.UNREADABLE)
    if max(size) > 4 * max_side or size[0] * size[1] > 4 * max_side * max_side:
        raise UnprocessableMedia(Failure.TOO_MANY_PIXELS)


def size_of(content: bytes) -> tuple[int, int] | None:
    """Return width and height of a PNG, JPEG or WebP; None where they cannot be found."""
    try:
        if content.startswith(b"\x89PNG"):
            return _png_size(content)
        return _webp_size(content) if content.startswith(b"RIFF") else _jpeg_size(content)
    except (struct.error, IndexError):
        return None


def _png_size(content: bytes) -> tuple[int, int]:
    width, height = struct.unpack(">II", content[16:24])
    return width, height


def _webp_size(content: bytes) -> tuple[int, int] | None:
    form = content[12:16]
    if form == b"VP8X":
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if form == b"VP8L":
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", content[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    at = 2
    while content[at] == 0xFF:
        mark, length = content[at + 1], struct.unpack(">H", content[at + 2 : at + 4])[0]
        if 0xC0 <= mark <= 0xCF and mark not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return width, height
        at += 2 + length
    return None
