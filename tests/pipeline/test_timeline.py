"""Whenever a film's streams begin and end, the clip has a picture, and the mention, from 0 to its end."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from contentflow.pipeline import finish, sampling
from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.opening import Section, open_section
from contentflow.pipeline.probe import MediaInfo, MediaLimits, probe
from contentflow.pipeline.reasons import UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.sniff import Kind
from tests.pipeline.films import ffmpeg
from tests.pipeline.test_clip import frame, render_settings

COLOURS = {"red": (0, 0, 254), "green": (0, 255, 1), "blue": (255, 0, 0)}
MENTION = "crop=220:50:80:310"


def one_a_second(path: Path, times: Sequence[float], sound: tuple[float, float] | None) -> Path:
    """A film with a red, a green and a blue picture in turn, at these times, and a tone from when to when."""
    stripes = "".join(f"color={name}:s=64x36:r=5:d=0.2[{name}];" for name in ("red", "lime", "blue"))
    picture = f"{stripes}[red][lime][blue]concat=n=3,loop=loop=-1:size=3"
    at = "0"
    for number, time in reversed(list(enumerate(times))):
        at = f"if(eq(N,{number}),{time:.3f}/TB,{at})"
    moved = f"setts=pts='{at}':dts='{at}'"
    is_web = path.suffix == ".webm"
    codec = ["-c:v", "libvpx", "-deadline", "realtime"] if is_web else ["-c:v", "libx264", "-bf", "0"]
    with tempfile.TemporaryDirectory() as folder:
        plain, tone = Path(folder) / "plain.mkv", Path(folder) / "tone.mka"
        picked = ["-frames:v", str(len(times)), "-fps_mode", "passthrough"]
        ffmpeg("-f", "lavfi", "-i", picture, *codec, "-g", "1", "-pix_fmt", "yuv420p", *picked, str(plain))
        later = []
        if sound:
            hear = "libopus" if is_web else "aac"
            ffmpeg("-f", "lavfi", "-i", f"sine=d={sound[1] - sound[0]}", "-c:a", hear, str(tone))
            later = ["-itsoffset", f"{sound[0]:.3f}", "-i", str(tone)]
        shift = "disabled" if path.suffix in (".mp4", ".mov") else "auto"
        ffmpeg(
            "-i", str(plain), *later, "-c", "copy", "-bsf:v", moved, "-avoid_negative_ts", shift, str(path)
        )
    return path


def made_of(source: Path, folder: Path, **options: Any) -> tuple[Path, RenderResult]:
    work = folder / "work"
    work.mkdir()
    return make_clip(
        source, RenderOptions(framing="blur", **options), render_settings(), work, lambda step, share: None
    )


def mentions(clip: Path, folder: Path) -> list[bool]:
    """Whether the mention can be read, for each picture of a clip."""
    ffmpeg(
        "-i",
        str(clip),
        "-vf",
        f"{MENTION},format=gray",
        "-fps_mode",
        "passthrough",
        "-f",
        "rawvideo",
        str(folder / "box"),
    )
    boxes = np.fromfile(folder / "box", dtype=np.uint8).reshape(-1, 220 * 50)
    return [bool(np.percentile(box, 99) > 180 and np.percentile(box, 20) < 110) for box in boxes]


def lasts_from_start_to_end(made: Path, seconds: float, folder: Path) -> bool:
    clip = probe(made / "clip.mp4", Kind.MP4, MediaLimits())
    step = float(1 / clip.fps)
    steps = np.diff(clip.pictures)
    assert clip.pictures[0] == 0
    assert np.allclose(steps, step, atol=0.002)
    assert clip.pictures[-1] + step >= seconds - step
    assert clip.seconds <= seconds + 0.1
    seen = mentions(made / "clip.mp4", folder)
    assert len(seen) == len(clip.pictures)
    return all(seen)


def is_heard(made: Path, start: float, end: float, folder: Path) -> bool:
    """Whether the tone sounds all the time in between."""
    ffmpeg("-i", str(made / "clip.mp4"), "-ac", "1", "-ar", "8000", "-f", "s16le", str(folder / "tone"))
    wave = np.abs(np.fromfile(folder / "tone", dtype="<i2").astype(int))[int(start * 8000) : int(end * 8000)]
    return len(wave) > 0 and all(wave[at : at + 400].max() > 1000 for at in range(0, len(wave) - 400, 400))


def colour(made: Path, at: float, folder: Path) -> str:
    """The name of the colour in the middle."""
    pixel = frame(made, at, folder)[960, 540].astype(int)
    return min(COLOURS, key=lambda name: int(np.abs(pixel - COLOURS[name]).sum()))


@pytest.mark.proof
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_late_first_picture_is_held_from_the_start(suffix: str, tmp_path: Path):
    source = one_a_second(tmp_path / f"film.{suffix}", [1.2, 1.6, 2.0], (0.0, 2.4))

    made, result = made_of(source, tmp_path)

    assert result.seconds == pytest.approx(2.4, abs=0.15)
    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert [colour(made, at, tmp_path) for at in (0.0, 0.6, 1.7)] == ["red", "red", "green"]
    assert is_heard(made, 0.1, 2.2, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_the_last_picture_is_held_to_the_end_of_the_sound(suffix: str, tmp_path: Path):
    source = one_a_second(tmp_path / f"film.{suffix}", [0.0, 0.4, 0.8], (0.0, 3.0))

    made, result = made_of(source, tmp_path)

    assert result.seconds == pytest.approx(3, abs=0.15)
    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert [colour(made, at, tmp_path) for at in (0.2, 1.5, 2.8)] == ["red", "blue", "blue"]


@pytest.mark.proof
def test_a_part_that_begins_in_a_gap_shows_the_picture_before_it(tmp_path: Path):
    source = one_a_second(tmp_path / "film.mkv", [0.0, 0.4, 4.0], (0.0, 5.0))

    made, result = made_of(source, tmp_path, start=2.0)

    assert (result.start, result.seconds) == (2.0, pytest.approx(3, abs=0.1))
    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert [colour(made, at, tmp_path) for at in (0.0, 1.5, 2.5)] == ["green", "green", "blue"]
    assert is_heard(made, 0.1, 2.8, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("suffix", ["mov", "mkv"])
def test_a_part_before_the_first_picture_has_its_sound(suffix: str, tmp_path: Path):
    source = one_a_second(tmp_path / f"film.{suffix}", [2.0, 2.4], (0.0, 3.0))

    made, result = made_of(source, tmp_path, start=0.5)

    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert [colour(made, at, tmp_path) for at in (0.2, 2.2)] == ["red", "green"]
    assert is_heard(made, 0.1, 2.4, tmp_path)


@pytest.mark.proof
def test_a_part_behind_the_last_picture_shows_that_one(tmp_path: Path):
    source = one_a_second(tmp_path / "film.mp4", [0.0, 0.4, 0.8], (0.0, 5.0))

    made, result = made_of(source, tmp_path, start=3.0)

    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert colour(made, 1.0, tmp_path) == "blue"
    assert is_heard(made, 0.1, 1.8, tmp_path)
    assert probe(made / "clip.mp4", Kind.MP4, MediaLimits()).seconds == pytest.approx(2, abs=0.1)


@pytest.mark.proof
def test_a_film_of_one_picture_and_a_long_sound_is_that_picture(tmp_path: Path):
    made, result = made_of(one_a_second(tmp_path / "film.mp4", [0.5], (0.0, 2.0)), tmp_path)

    assert lasts_from_start_to_end(made, result.seconds, tmp_path)
    assert result.covers >= 1


@pytest.mark.proof
def test_words_that_come_late_are_heard_late(tmp_path: Path):
    source = one_a_second(tmp_path / "film.mkv", [0.0, 0.2, 0.4, 1.0, 2.0], (1.5, 2.5))
    media = probe(source, Kind.MATROSKA, MediaLimits())

    look = sampling.look_at(source, media, Section(0.0, 2.5), tmp_path, 60, closely=False, keep_speech=True)

    assert look.speech is not None
    wave = np.fromfile(look.speech, dtype="<i2")[100:]  # Behind the head.
    assert np.abs(wave[: int(1.4 * sampling.SPEECH_HERTZ)]).max() < 50
    assert np.abs(wave[int(1.6 * sampling.SPEECH_HERTZ) :]).max() > 500


GAPS = st.lists(st.floats(0.05, 1.2), min_size=0, max_size=6)
SOUNDS = st.none() | st.tuples(st.floats(-0.8, 1.5), st.floats(0.6, 2.5))


@pytest.mark.proof
@settings(max_examples=15, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    suffix=st.sampled_from(["mp4", "mov", "mkv", "webm"]),
    first=st.floats(-0.8, 1.5),
    gaps=GAPS,
    sound=SOUNDS,
    start=st.none() | st.floats(0, 2),
)
@example(suffix="mp4", first=1.0, gaps=[1.0], sound=(0.0, 1.0), start=2.0)
@example(suffix="mp4", first=-0.6, gaps=[0.4, 0.4], sound=(-0.3, 1.5), start=None)
@example(suffix="mov", first=1.5, gaps=[], sound=(-0.8, 2.5), start=None)
@example(suffix="webm", first=0.0, gaps=[1.2, 1.2], sound=None, start=0.6)
def test_whenever_pictures_and_sound_come_the_clip_is_whole(
    suffix: str, first: float, gaps: list[float], sound: tuple[float, float] | None, start: float | None
):
    times = np.cumsum([first, *gaps]).tolist()
    tone = (sound[0], sound[0] + sound[1]) if sound else None
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr(finish, "PRESET", "ultrafast")
        folder = Path(name)
        source = one_a_second(folder / f"film.{suffix}", times, tone)
        try:
            made, result = made_of(source, folder, start=start)
        except UnprocessableMedia as unprocessable:
            assert unprocessable.reason == "too_short"
            return

        assert lasts_from_start_to_end(made, result.seconds, folder)


@given(st.lists(st.floats(0, 60), max_size=20).map(sorted), st.floats(0, 60), st.floats(0.5, 60))
def test_reading_begins_where_the_picture_of_the_beginning_is(
    pictures: list[float], start: float, seconds: float
):
    media = MediaInfo(kind=Kind.MP4, seconds=120, width=9, height=16, fps=25, pictures=tuple(pictures))  # type: ignore[arg-type]

    opening = open_section(media, Section(start, seconds))

    read_from = start - opening.lead
    assert read_from <= start
    shown = [time for time in pictures if read_from <= time <= start + 0.5 + 1e-6]
    assert shown or not [time for time in pictures if time <= start]


@pytest.mark.proof
@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_the_sound_that_players_play_is_the_one_of_the_clip(suffix: str, tmp_path: Path):
    source = tmp_path / f"film.{suffix}"
    tones = [part for hertz in (880, 440) for part in ("-f", "lavfi", "-i", f"sine=frequency={hertz}:d=1")]
    marks = ["-disposition:a:0", "0", "-disposition:a:1", "default", "-pix_fmt", "yuv420p"]
    maps = ["-map", "0", "-map", "1", "-map", "2"]
    ffmpeg("-f", "lavfi", "-i", "color=gray:s=64x36:r=5:d=1", *tones, *maps, *marks, str(source))

    made, _ = made_of(source, tmp_path)

    ffmpeg("-i", str(made / "clip.mp4"), "-ac", "1", "-ar", "8000", "-f", "s16le", str(tmp_path / "tone"))
    wave = np.fromfile(tmp_path / "tone", dtype="<i2")[1000:5000]
    assert int(np.abs(np.fft.rfft(wave)).argmax()) * 2 == 440
