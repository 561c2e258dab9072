"""ffmpeg within limits: local files that we named, formats that we checked, no input, no network."""

from __future__ import annotations

import functools
import logging
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from contentflow.pipeline.process import MIB, Overran, ProgramResult, ResourceLimits, run
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.sniff import Kind

log = logging.getLogger(__name__)

THREADS = "2"
ALIGNED = 128
DECODERS = (
    "h264,hevc,vp8,vp9,av1,libdav1d,libvpx,libvpx-vp9,mpeg4,mjpeg,prores,dnxhd,png,apng,webp_anim,"
    "aac,mp3,mp3float,opus,libopus,vorbis,libvorbis,flac,alac,ac3,eac3,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_alaw,pcm_mulaw"
)
CODECS = frozenset(DECODERS.split(","))


@functools.cache
def find_program() -> str | None:
    """Return the path of ffmpeg, which comes with the extra ``video``; None without it."""
    try:
        import imageio_ffmpeg
    except ImportError:
        return None
    return str(imageio_ffmpeg.get_ffmpeg_exe())


def max_pixels(max_side: int) -> int:
    """Return the decoder's limit for a picture of ``max_side`` both ways.

    A decoder judges the picture that it has room for: its width rounded up to 64, and both sides to the
    codec's blocks, of 128 at most.
    """
    return (-(-max_side // ALIGNED) * ALIGNED) ** 2


def reading(source: Path, kind: Kind, max_side: int) -> list[str]:
    """The options that open an untrusted file.

    A playlist named ``.mp4`` would make ffmpeg read other files, even with a protocol whitelist
    alone: the format is given and whitelisted too.
    """
    allowed = ["-protocol_whitelist", "file", "-codec_whitelist", DECODERS]
    if kind is Kind.PICTURE:  # Only ever a PNG that we wrote.
        allowed += ["-format_whitelist", "png_pipe", "-f", "png_pipe"]
    elif kind in (Kind.WEBP, Kind.APNG):
        allowed += ["-format_whitelist", kind.value, "-f", kind.value]
    else:
        allowed += ["-format_whitelist", "mov,mp4,matroska,webm", "-f", kind.value]
    limits = ["-max_pixels", str(max_pixels(max_side)), "-threads", THREADS]
    return [*allowed, *limits, "-i", f"file:{source.resolve()}"]


def run_ffmpeg(
    arguments: Sequence[str],
    folder: Path,
    seconds: float,
    *,
    on_line: Callable[[str], object] | None = None,
    max_output: int = MIB,
) -> ProgramResult:
    """Run ffmpeg in ``folder``; raises ``UnprocessableMedia`` when it is missing or runs out of time."""
    program = find_program()
    if program is None:
        raise UnprocessableMedia(Failure.UNAVAILABLE)
    command = [program, "-nostdin", "-hide_banner", "-y", *arguments]
    try:
        return run(command, folder, ResourceLimits(seconds=seconds), on_line=on_line, max_output=max_output)
    except Overran:
        raise UnprocessableMedia(Failure.OVERRAN) from None


def demand(outcome: ProgramResult, reason: Failure) -> ProgramResult:
    """Return the result of a run that went well.

    Of another what was said is logged, and ``UnprocessableMedia`` raised.
    """
    if outcome.status == 0:
        return outcome
    lines = [
        line for line in outcome.said.splitlines() if re.search(r"error|invalid|fail|unable", line, re.I)
    ]
    log.warning("ffmpeg ended with status %s: %s", outcome.status, " | ".join(lines[-4:])[-600:])
    raise UnprocessableMedia(reason)
