"""A phone is turned while it films, a call gets a worse line: each part is fitted, none is squashed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contentflow.pipeline.parts import FilmPart, read_parts
from contentflow.pipeline.probe import MediaLimits
from contentflow.pipeline.renders import RenderOptions, RenderResult
from tests.pipeline.films import ffmpeg
from tests.pipeline.test_clip import clip, frame, read

LINE = (
    "[Parsed_showinfo_2 @ 0x7f96] n:   0 pts:   3000 pts_time:3  fmt:yuv420p cl:left sar:4/3 "
    "s:720x576 i:T iskey:1\n"
)


def with_square(path: Path, *sizes: str, codec: str = "libvpx", seconds: float = 0.8) -> Path:
    """A film of parts, each grey with a white square in its middle, half as high as its shorter side."""
    names = []
    for number, size in enumerate(sizes):
        side = min(int(length) for length in size.split("x")) // 4 * 2
        box = f"drawbox=x=(iw-{side})/2:y=(ih-{side})/2:w={side}:h={side}:color=white:t=fill"
        picture = f"color=gray:s={size}:r=10:d={seconds},{box},noise=alls=6"
        names.append(f"{path.stem}-{number}.webm")
        options = ("-c:v", codec, "-deadline", "realtime", "-b:v", "1M", "-g", "5")
        ffmpeg("-f", "lavfi", "-i", picture, *options, str(path.with_name(names[-1])))
    together = path.with_suffix(".txt")
    together.write_text("".join(f"file {name}\n" for name in names))
    ffmpeg("-f", "concat", "-safe", "0", "-i", str(together), "-c", "copy", str(path))
    return path


def square(picture: Any) -> tuple[int, int]:
    """Width and height of the white square."""
    gray = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
    gray[:420] = 0  # The mention is white, too.
    white = np.argwhere(gray > 215)
    rows, columns = white[:, 0], white[:, 1]
    return int(np.ptp(columns)), int(np.ptp(rows))


def is_square(made: Path, at: float, folder: Path) -> bool:
    width, height = square(frame(made, at, folder))
    return width > 100 and abs(width - height) <= 0.06 * max(width, height)


def has_all_pictures(made: Path, result: RenderResult, folder: Path) -> bool:
    covers = [cv2.imread(str(made / f"cover-{number}.jpg")) for number in range(1, result.covers + 1)]
    return result.covers >= 2 and all(
        cover is not None and cover.shape == (1920, 1080, 3) for cover in covers
    )


@pytest.mark.proof
@pytest.mark.parametrize(
    "sizes",
    [
        ("320x180", "180x320"),
        ("180x320", "320x180"),
        ("320x180", "640x360"),
        ("160x160", "320x90", "90x320"),
        ("322x182", "98x402"),
    ],
    ids="-".join,
)
def test_each_part_of_a_film_is_fitted(sizes: tuple[str, ...], tmp_path: Path):
    source = with_square(tmp_path / "film.webm", *sizes)

    made, result = clip(source, tmp_path / "work", RenderOptions(framing="crop"))

    seconds = 0.8 * len(sizes)
    assert read(made).seconds == pytest.approx(seconds, abs=0.1)
    assert len(read(made).pictures) == pytest.approx(15 * seconds, abs=1)
    assert all(is_square(made, 0.8 * part + 0.4, tmp_path) for part in range(len(sizes)))
    assert has_all_pictures(made, result, tmp_path)


@pytest.mark.proof
def test_a_part_that_is_the_clip_alone_is_what_it_is(tmp_path: Path):
    source = with_square(tmp_path / "film.webm", "320x180", "180x320", seconds=2.0)

    made, result = clip(source, tmp_path / "work", RenderOptions(start=2.2))

    assert result.framing == "crop"
    assert is_square(made, 0.5, tmp_path)


@pytest.mark.proof
def test_a_part_over_the_limit_ends_nothing(tmp_path: Path):
    source = with_square(tmp_path / "film.webm", "320x180", "640x640")

    made, _ = clip(source, tmp_path / "work", limits=MediaLimits(max_side=330))

    assert read(made).seconds == pytest.approx(1.6, abs=0.2)
    assert is_square(made, 0.4, tmp_path)


@pytest.mark.proof
def test_pictures_that_change_between_two_key_frames_are_not_squashed(tmp_path: Path, monkeypatch: Any):
    """As VP9 may: the look at key frames does not see it."""
    monkeypatch.setattr("contentflow.pipeline.parts.is_mixed", lambda parts: False)
    source = with_square(tmp_path / "film.webm", "320x180", "180x320", codec="libvpx-vp9")

    made, _ = clip(source, tmp_path / "work", RenderOptions(framing="blur"))

    assert all(is_square(made, at, tmp_path) for at in (0.4, 1.2))


def test_parts_are_read_from_what_ffmpeg_saw_and_from_nothing_before():
    said = f"a key\n{LINE}Stream mapping:\n{LINE}"

    assert read_parts(said) == [FilmPart(720, 576, pytest.approx(4 / 3), is_interlaced=True, has_alpha=False)]
