"""One look at the part that becomes the clip: small frames, cuts, loudness and speech, in one decode.

Key frames alone are decoded at almost no cost; all others only where somebody has to be followed.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contentflow.pipeline.ffmpeg import demand, run_ffmpeg
from contentflow.pipeline.ground import on_ground
from contentflow.pipeline.opening import Opening, Section, one_graph, open_section, reading_film
from contentflow.pipeline.parts import FilmPart, read_parts
from contentflow.pipeline.probe import MediaInfo
from contentflow.pipeline.reasons import Failure, UnprocessableMedia

Gray = NDArray[np.uint8]

SAMPLES_PER_SECOND = 5
KEYS_PER_SECOND = 2
MIN_KEYS, MAX_SECONDS_A_KEY = 6, 3.0
SAMPLE_SIDE = 360
MAX_FPS = 30
CUT_SCORE = 10
MIN_SHOT_SECONDS = 0.4
QUIETEST_LUFS = -50.0
LIVELY_SIZE = (64, 36)
MIN_SPREAD = 0.02
SPEECH_HERTZ = 16_000
IN_TIME = "aresample=async=1:first_pts=0"


class Samples(NamedTuple):
    """``frames`` are gray pictures, at their ``times``; these and ``cuts`` are seconds in the clip.

    Where the look was not close, the frames are key frames and the cuts are not known.
    ``loudness`` is in LUFS, None where there is no sound to speak of; ``speech`` is a WAV
    where it is to be heard; ``parts`` are those whose pictures differ in size or kind.
    """

    frames: list[Gray]
    times: list[float]
    cuts: list[float]
    loudness: float | None
    speech: Path | None
    is_close: bool
    parts: list[FilmPart]


def clip_rate(media: MediaInfo) -> Fraction:
    """Return the steady rate of the clip: the video's own up to 30, at least 15."""
    if media.fps in (Fraction(60000, 1001), Fraction(30000, 1001)):
        return Fraction(30000, 1001)
    return min(Fraction(MAX_FPS), max(Fraction(15), media.fps))


def look_at(
    source: Path,
    media: MediaInfo,
    section: Section,
    folder: Path,
    seconds: float,
    *,
    closely: bool,
    keep_speech: bool,
) -> Samples:
    """Look ``closely``, ``SAMPLES_PER_SECOND`` and at every cut, or at key frames alone.

    Its notes, and the speech if wanted, go to ``folder``. Raises ``UnprocessableMedia``.
    """
    scale = min(1.0, SAMPLE_SIDE / max(media.width, media.height))
    width, height = max(2, round(media.width * scale)), max(2, round(media.height * scale))
    opening = open_section(media, section)
    small = f"null{on_ground(media)},scale={width}:{height}:flags=fast_bilinear,format=gray"
    graph = _graph(media, opening, small, closely=closely, keep_speech=keep_speech)
    arguments = [*_opened(source, media, opening, closely=closely), "-filter_complex", graph]
    arguments += ["-map", "[small]", "-t", f"{section.seconds:.3f}", "-fps_mode", "passthrough"]
    arguments += ["-f", "rawvideo", "-pix_fmt", "gray", "samples.raw"]
    if media.has_sound:
        arguments += ["-map", "[heard]", "-f", "null", "-"]
    if media.has_sound and keep_speech:
        arguments += ["-map", "[speech]", "-ac", "1", "-ar", str(SPEECH_HERTZ), "speech.wav"]
    outcome = run_ffmpeg(arguments, folder, seconds)
    if closely:  # Where no key frame is, a glance sees nothing and ffmpeg complains.
        demand(outcome, Failure.UNREADABLE)
    frames = _frames(folder / "samples.raw", width, height)
    noted = [opening.in_section(float(found)) for found in _NOTED.findall(outcome.output.decode())]
    if closely and not frames:
        raise UnprocessableMedia(Failure.UNREADABLE)
    times = [index / SAMPLES_PER_SECOND for index in range(len(frames))] if closely else noted
    loudness = _loudness(outcome.said) if media.has_sound else None
    speech = folder / "speech.wav" if loudness is not None and keep_speech else None
    cuts = _apart(noted) if closely else []
    return Samples(frames, times, cuts, loudness, speech, closely, read_parts(outcome.said))


_NOTED = re.compile(r"pts_time:(-?[\d.]+)")


def are_enough(samples: Samples, section: Section) -> bool:
    """Whether the key frames alone give a choice of covers; some films have one in ten seconds."""
    return len(samples.frames) >= max(MIN_KEYS, section.seconds / MAX_SECONDS_A_KEY)


def _opened(source: Path, media: MediaInfo, opening: Opening, *, closely: bool) -> list[str]:
    # Frames that no other frame needs are left out and edges are not smoothed: half the decoding.
    # One that is held for a while may be such a frame.
    skipped = ("default" if opening.lead else "noref") if closely else "nokey"
    hasty = [*opening.options, "-skip_frame", skipped, "-skip_loop_filter", "all"]
    return [*hasty, *(one_graph(media) if closely else []), *reading_film(source, media)]


def _graph(media: MediaInfo, opening: Opening, small: str, *, closely: bool, keep_speech: bool) -> str:
    if closely:
        noted = "metadata=print:key=lavfi.scd.time:file=-"
        graph = f"{small},scdet=t={CUT_SCORE},{noted},{opening.held(SAMPLES_PER_SECOND)}[small]"
    else:
        # Where the pictures change ffmpeg begins the graph anew: each time the first one is told of.
        told = "split[all][first];[first]select=eq(n\\,0),showinfo=checksum=0,nullsink;[all]"
        # In some films every frame is a key frame.
        seldom = f"select='isnan(prev_selected_t)+gte(t-prev_selected_t\\,{1 / KEYS_PER_SECOND})'"
        noted = "scdet,metadata=print:key=lavfi.scd.mafd:file=-"
        graph = f"{told}{seldom},{small},{noted}[small]"
    heard = ""
    if media.has_sound:
        # A WAV has no times: where the sound begins later, silence goes before it, or all words came early.
        speech = f"asplit[said],ebur128=framelog=quiet[heard];[said]{IN_TIME}[speech]"
        measured = speech if keep_speech else "ebur128=framelog=quiet[heard]"
        heard = f";[0:{media.sound_index}]{opening.sound}{measured}"
    return f"[0:{media.video_index}]{graph}{heard}"


def _frames(raw: Path, width: int, height: int) -> list[Gray]:
    pixels = np.fromfile(raw, dtype=np.uint8) if raw.exists() else np.zeros(0, dtype=np.uint8)
    count = len(pixels) // (width * height)
    return list(pixels[: count * width * height].reshape(count, height, width))


def _apart(times: list[float]) -> list[float]:
    cuts: list[float] = []
    for time in times:
        # A flash looks like two cuts; the camera stays where it is.
        if time > (cuts[-1] + MIN_SHOT_SECONDS if cuts else 0.0):
            cuts.append(time)
    return cuts


def _loudness(said: str) -> float | None:
    found = re.findall(r"^\s+I:\s+(-?[\d.]+|-inf|nan) LUFS", said, re.M)
    value = float(found[-1]) if found else math.nan
    return value if math.isfinite(value) and value > QUIETEST_LUFS else None


def find_liveliest(
    source: Path, media: MediaInfo, max_seconds: float, folder: Path, seconds: float
) -> Section:
    """Return the part where most moves and sounds; all of it when it is short enough.

    Raises ``UnprocessableMedia``.
    """
    length = min(max_seconds, media.seconds)
    if media.seconds <= max_seconds:
        return Section(0.0, length)
    scores = _liveliness(source, media, folder, seconds)
    window = max(1, math.floor(length))
    sums = np.convolve(scores, np.ones(window), mode="valid") if len(scores) >= window else np.zeros(1)
    # The first of equals; never so late that the clip would be cut short.
    start = float(min(int(np.argmax(sums)), max(0.0, media.seconds - length)))
    return Section(start, length)


def _liveliness(source: Path, media: MediaInfo, folder: Path, seconds: float) -> NDArray[np.float64]:
    """Return a score for each second of the video, from its key frames and its sound alone."""
    width, height = LIVELY_SIZE
    # No further than the head says: the gap before a frame that comes hours later would be filled.
    length, whole = ["-t", f"{media.seconds:.3f}"], Opening(Section(0.0, media.seconds), zero=media.zero)
    arguments = [
        *(whole.options if media.zero else []),
        "-skip_frame",
        "nokey",
        *reading_film(source, media),
    ]
    small = f"{whole.held(1)},scale={width}:{height}:flags=area,format=gray"
    arguments += ["-map", f"0:{media.video_index}", "-vf", small, *length, "-f", "rawvideo", "lively.raw"]
    if media.has_sound:
        arguments += ["-map", f"0:{media.sound_index}", "-af", IN_TIME, "-ac", "1", "-ar", "8000", *length]
        arguments += ["-f", "s16le", "lively.pcm"]
    demand(run_ffmpeg(arguments, folder, seconds), Failure.UNREADABLE)
    frames = np.array(_frames(folder / "lively.raw", width, height), dtype=np.float64)
    moves = (
        np.abs(np.diff(frames, axis=0, prepend=frames[:1])).mean(axis=(1, 2)) if len(frames) else np.zeros(1)
    )
    scores = _standard(moves)
    if media.has_sound:
        wave = np.fromfile(folder / "lively.pcm", dtype="<i2").astype(np.float64)
        blocks = wave[: len(wave) // 8000 * 8000].reshape(-1, 8000)
        heard = _standard(np.asarray(np.log10(1.0 + np.sqrt((blocks**2).mean(axis=1)))))
        count = min(len(scores), len(heard))
        scores = scores[:count] + heard[:count]
    return scores


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Make moves and sounds comparable; what hardly varies stays small, as a steady tone does."""
    return (values - values.mean()) / max(float(values.std()), MIN_SPREAD) if len(values) else values
