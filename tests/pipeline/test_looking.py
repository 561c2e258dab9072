"""Key frames are enough to know a film, unless somebody is to be followed; then all of it is looked at."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contentflow.pipeline import sampling
from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.opening import Section
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.renders import RenderOptions, RenderResult
from contentflow.pipeline.sampling import Samples
from contentflow.pipeline.sniff import Kind
from contentflow.pipeline.thumbs import choose_covers
from tests.pipeline.films import ffmpeg, film, real_film
from tests.pipeline.test_clip import render_settings

KEYS = ("-g", "13", "-sc_threshold", "0")


def look(source: Path, folder: Path, section: Section, *, closely: bool = False) -> Samples:
    media = probe(source, Kind.MP4, MediaLimits())
    return sampling.look_at(source, media, section, folder, 60, closely=closely, keep_speech=False)


def test_key_frames_are_seen_at_their_times_in_the_clip(tmp_path: Path):
    source = film(tmp_path / "film.mp4", seconds=4, more=("-g", "50", "-sc_threshold", "0"))

    samples = look(source, tmp_path, Section(1.0, 3.0))

    assert samples.times == [1.0]  # Of 0 and 2 seconds in the film, the second.
    assert not samples.is_close
    shown = np.abs(samples.frames[0].astype(int) - at_two_seconds(source, tmp_path)).mean()
    assert shown < 4


def at_two_seconds(source: Path, folder: Path) -> Any:
    ffmpeg("-ss", "2", "-i", str(source), "-frames:v", "1", str(folder / "two.png"))
    picture = cv2.imread(str(folder / "two.png"), cv2.IMREAD_GRAYSCALE)
    assert picture is not None
    return picture.astype(int)


def test_of_a_film_with_nothing_but_key_frames_two_a_second_are_seen(tmp_path: Path):
    source = film(tmp_path / "film.mp4", seconds=3, more=("-g", "1"))

    assert look(source, tmp_path, Section(0.0, 3.0)).times == [0.0, 0.52, 1.04, 1.56, 2.08, 2.6]


def test_a_part_without_a_key_frame_shows_nothing_at_a_glance(tmp_path: Path):
    source = film(tmp_path / "film.mp4", seconds=3, more=("-g", "500", "-sc_threshold", "0"))
    section = Section(1.0, 1.0)

    glance = look(source, tmp_path, section)

    assert glance.frames == []
    assert not sampling.are_enough(glance, section)
    assert len(look(source, tmp_path, section, closely=True).frames) == 5


def test_a_cover_is_the_very_frame_that_was_seen():
    dull, sharp = np.full((90, 160), 128, dtype=np.uint8), np.zeros((90, 160), dtype=np.uint8)
    sharp[::2] = 255
    frames, times = [dull, sharp, dull, sharp], [0.0, 1.24, 2.6, 4.0]

    chosen = choose_covers(frames, [None] * 4, times, Fraction(25))

    assert chosen[:2] == [31, 100]


def test_a_steady_tone_outweighs_no_movement(tmp_path: Path):
    picture = "color=gray:s=160x90:r=10:d=20[a];testsrc2=s=160x90:r=10:d=20,rotate=t*2[b];[a][b]concat=n=2[v]"
    source = tmp_path / "film.mp4"
    # For two seconds the tone is louder by one in a hundred.
    tone = "sine=frequency=440:duration=40,volume='1-0.01*gte(t,2)':eval=frame[s]"
    graph = ("-filter_complex", f"{picture};{tone}", "-map", "[v]", "-map", "[s]")
    ffmpeg(*graph, "-g", "5", "-pix_fmt", "yuv420p", "-c:a", "flac", "-strict", "-2", str(source))
    media = probe(source, Kind.MP4, MediaLimits())

    assert sampling.find_liveliest(source, media, 4, tmp_path, 60).start >= 19


def looks(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that will hold, for each look at a film, whether it was a close one."""
    taken: list[bool] = []
    look_at = sampling.look_at

    def noted(*arguments: Any, closely: bool, **more: Any) -> Samples:
        taken.append(closely)
        return look_at(*arguments, closely=closely, **more)

    monkeypatch.setattr(sampling, "look_at", noted)
    return taken


def clip(source: Path, folder: Path, framing: str) -> tuple[Path, RenderResult]:
    folder.mkdir()
    return make_clip(
        source, RenderOptions(framing=framing), render_settings(), folder, lambda step, share: None
    )


@pytest.mark.proof
@pytest.mark.parametrize(
    ("size", "framing", "mode"),
    [("180x320", "auto", "crop"), ("320x180", "auto", "blur"), ("320x180", "crop", "crop")],
    ids=["upright", "wide", "wide-cropped"],
)
def test_a_film_without_faces_is_decoded_once(
    size: str, framing: str, mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    taken = looks(monkeypatch)

    made, result = clip(film(tmp_path / "film.mp4", seconds=3, size=size, more=KEYS), tmp_path / "w", framing)

    assert taken == [False]
    assert (result.framing, result.covers) == (mode, 3)
    assert len(list(made.glob("poster-*.jpg"))) == 3


@pytest.mark.proof
@pytest.mark.parametrize("framing", ["auto", "crop"])
def test_where_a_face_is_seen_all_of_the_film_is_looked_at(
    framing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    source, taken = tmp_path / "film.mp4", looks(monkeypatch)
    wide = "scale=440:360,setsar=1,pad=1280:360:60:0:gray"
    ffmpeg("-i", str(real_film("carphone_pristine")), "-vf", wide, *KEYS, "-pix_fmt", "yuv420p", str(source))

    _, result = clip(source, tmp_path / "w", framing)

    assert taken == [False, True]
    assert result.framing == "crop"


@pytest.mark.proof
@pytest.mark.parametrize("size", ["320x180", "100x400", "180x316"])
def test_the_whole_picture_stands_between_two_pieces_of_its_blur(size: str, tmp_path: Path):
    source, at = film(tmp_path / "film.mp4", size=size), tmp_path / "frame.png"
    width, height = (int(number) for number in size.split("x"))

    made, _ = clip(source, tmp_path / "w", "blur")

    ffmpeg("-ss", "0.5", "-i", str(made / "clip.mp4"), "-frames:v", "1", str(at))
    shown = cv2.imread(str(at))
    assert shown is not None
    scale = min(1080 / width, 1920 / height)
    w, h = round(width * scale), round(height * scale)
    top, left = (1920 - h) // 2, (1080 - w) // 2
    ffmpeg("-ss", "0.5", "-i", str(source), "-frames:v", "1", "-vf", f"scale={w}:{h}", str(at))
    whole = cv2.imread(str(at))
    assert whole is not None
    picture = shown[top : top + h, left : left + w].astype(int)
    lower = slice(h // 2, h * 9 // 10)  # Below the mention.
    assert np.abs(picture[lower] - whole[lower]).mean() < 8
    light = cv2.cvtColor(shown, cv2.COLOR_BGR2GRAY)
    assert np.percentile(light[top : top + h, left : left + w], 99) > 200
    ends = [light[: top - 4], light[top + h + 4 :]] if top > 8 else []
    ends += [light[:, : left - 4], light[:, left + w + 4 :]] if left > 8 else []
    for end in ends:
        assert end.mean() > 5
        assert np.percentile(end, 99) < 190
