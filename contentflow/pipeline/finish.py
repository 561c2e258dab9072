"""One encode makes the clip: framing, disclosure, captions, loudness and the pictures for its cover."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from contentflow.pipeline import thumbs
from contentflow.pipeline.captions import Cue
from contentflow.pipeline.ffmpeg import THREADS, demand, run_ffmpeg
from contentflow.pipeline.ground import on_ground
from contentflow.pipeline.opening import Section, one_graph, open_section, reading_film
from contentflow.pipeline.probe import MediaInfo
from contentflow.pipeline.reasons import Failure
from contentflow.pipeline.reframe import Framing, of_one_size, whole_pictures
from contentflow.pipeline.subtitles import FONTS, disclosure_ass, words_ass

TARGET_LUFS = -14.0
MAX_GAIN_DB = 24.0
PEAK = "0.84"  # -1.5 dBTP
# A clip is encoded once and fetched many times. Against veryfast at CRF 20: 15 % fewer bytes at a VMAF 0.3
# higher, for 1.45 of the encoder's time; fast would double that time for another 0.3.
PRESET, CRF = "faster", "23"
TEXT = "fontsdir=fonts"


@dataclass(frozen=True, kw_only=True)
class RenderPlan:
    """All that the encode needs to know. ``covers`` are the frames that become cover pictures."""

    media: MediaInfo
    section: Section
    rate: Fraction
    framing: Framing
    disclosure: str
    cues: Sequence[Cue] = ()
    loudness: float | None = None
    covers: Sequence[int] = field(default=(0,))


def render(
    source: Path,
    plan: RenderPlan,
    folder: Path,
    seconds: float,
    on_progress: Callable[[float], object] = lambda share: None,
) -> Path:
    """Make ``clip.mp4``, ``cover-1.jpg``, ``poster-1.jpg`` … in ``folder``; raises ``UnprocessableMedia``."""
    (folder / "fonts").unlink(missing_ok=True)
    (folder / "fonts").symlink_to(FONTS)
    length, wide = plan.section.seconds, (thumbs.POSTER_WIDTH, thumbs.POSTER_HEIGHT)
    (folder / "words.ass").write_text(words_ass(plan.disclosure, length + 1, plan.cues))
    (folder / "cover.ass").write_text(disclosure_ass(plan.disclosure, length + 1))
    (folder / "poster.ass").write_text(disclosure_ass(plan.disclosure, length + 1, *wide))
    for file_name, text in plan.framing.files.items():
        (folder / file_name).write_text(text)

    def heard(line: str) -> None:
        name, _, value = line.partition("=")
        if name == "out_time_us" and value.isdigit():
            on_progress(min(1.0, int(value) / 1_000_000 / length))

    outcome = run_ffmpeg(_arguments(source, plan), folder, seconds, on_line=heard)
    demand(outcome, Failure.RENDER)
    # ffmpeg counts as they come, we count from the best.
    in_time = sorted(set(plan.covers))
    for rank, frame in enumerate(dict.fromkeys(plan.covers), 1):
        place = in_time.index(frame) + 1
        for made, name in ((f"tall-{place}.jpg", "cover"), (f"wide-{place}.jpg", "poster")):
            if (folder / made).exists():
                (folder / made).rename(folder / f"{name}-{rank}.jpg")
    for poster in folder.glob("poster-*.jpg"):
        thumbs.shrink_poster(poster)
    return folder / "clip.mp4"


def _arguments(source: Path, plan: RenderPlan) -> list[str]:
    opening, length = open_section(plan.media, plan.section), f"{plan.section.seconds:.3f}"
    arguments = ["-nostats", "-progress", "pipe:1", *opening.options, *one_graph(plan.media)]
    arguments += reading_film(source, plan.media)
    chosen = "+".join(f"eq(n\\,{frame})" for frame in sorted(set(plan.covers)))
    parts = [
        f"[0:{plan.media.video_index}]{of_one_size(plan.media)},{whole_pictures(plan.media)}"
        f"{opening.held(plan.rate)}{on_ground(plan.media)}[in]",
        plan.framing.graph,
        "[framed]format=yuv420p,split[picked][bare]",
        f"[bare]ass=words.ass:{TEXT},setparams=colorspace=bt709:color_primaries=bt709:color_trc=bt709[clip]",
        f"[picked]select='{chosen}',split[tall][wide]",
        f"[tall]ass=cover.ass:{TEXT},{thumbs.AS_JPEG}[covers]",
        thumbs.poster_graph(),
    ]
    if plan.media.has_sound:
        loud = ""
        if plan.loudness is not None:  # Raise or lower to -14 LUFS, and hold the peaks.
            gain = f"volume={min(MAX_GAIN_DB, TARGET_LUFS - plan.loudness):.2f}dB"
            loud = f"aformat=channel_layouts=stereo,{gain},alimiter=limit={PEAK}:level=0:latency=1,"
        sound = f"{opening.sound}{loud}aresample=48000:async=1:first_pts=0"
        parts.append(f"[0:{plan.media.sound_index}]{sound}[sound]")
    arguments += ["-filter_complex_threads", THREADS, "-filter_complex", ";".join(parts)]
    arguments += ["-map", "[clip]", *video_options()]
    if plan.media.has_sound:
        arguments += ["-map", "[sound]", "-c:a", "aac", "-b:a", "160k", "-ar", "48000", "-ac", "2"]
    arguments += ["-t", length, *_anonymous(), "-movflags", "+faststart", "-f", "mp4", "clip.mp4"]
    for label, name in (("[covers]", "tall-%d.jpg"), ("[posters]", "wide-%d.jpg")):
        arguments += ["-map", label, "-fps_mode", "passthrough", "-q:v", "3", *_anonymous(), name]
    return arguments


def video_options() -> list[str]:
    quality = ["-crf", CRF, "-maxrate", "8M", "-bufsize", "16M"]
    shape = ["-profile:v", "high", "-pix_fmt", "yuv420p", "-g", "60", "-color_range", "tv"]
    return ["-c:v", "libx264", "-preset", PRESET, *quality, *shape, "-threads:v", THREADS]


def _anonymous() -> list[str]:
    """Nothing of where and with what it was filmed, and nothing of us."""
    return ["-map_metadata", "-1", "-map_chapters", "-1", "-fflags", "+bitexact", "-flags", "+bitexact"]
