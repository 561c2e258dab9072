"""Red stays red: however a film made its colours, the clip and its pictures show the same ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import Kind
from tests.pipeline.films import ffmpeg
from tests.pipeline.test_clip import frame, render_settings

COLOURS = ((255, 0, 0), (0, 192, 0), (0, 0, 255), (192, 128, 96))
STRIPES = (
    "".join(
        f"color=0x{red:02x}{green:02x}{blue:02x}:s=80x180:r=25:d=0.6[{number}];"
        for number, (red, green, blue) in enumerate(COLOURS)
    )
    + "[0][1][2][3]hstack=4,format=gbrp"
)
UNTOLD = ",setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"


def yuv(matrix: str, *, size: str = "320:180", full: bool = False, untold: bool = False) -> str:
    colours = f"out_color_matrix={matrix}:out_range={'pc' if full else 'tv'}"
    return f"{STRIPES},scale={size}:{colours},format=yuv420p{UNTOLD if untold else ''}"


FILMS = {
    "small-untold.mp4": yuv("bt601", untold=True),
    "small-601.mp4": yuv("bt601"),
    "large-untold.mp4": yuv("bt709", size="1280:720", untold=True),
    "large-709.mkv": yuv("bt709", size="1280:720"),
    "large-601.mp4": yuv("bt601", size="1280:720"),
    "full-range.mp4": yuv("bt709", size="1280:720", full=True),
    "bt2020.mp4": yuv("bt2020", size="1280:720"),
    "rgb.mov": STRIPES,
}


def seen_in(picture: Any) -> list[tuple[int, int, int]]:
    """Return the colour in the middle of each stripe, a little below the middle of the picture."""
    height, width = picture.shape[:2]
    stripes = len(COLOURS)
    places = [picture[height // 2 + 40, int(width * (index + 0.5) / stripes)] for index in range(stripes)]
    return [(int(red), int(green), int(blue)) for blue, green, red in places]


def is_like(seen: list[tuple[int, int, int]]) -> bool:
    return bool(np.abs(np.array(seen) - COLOURS).max() <= 8)


@pytest.mark.proof
@pytest.mark.parametrize("name", FILMS)
def test_colours_stay_what_they_are(name: str, tmp_path: Path):
    source, work = tmp_path / name, tmp_path / "work"
    codec = ("-c:v", "png") if source.suffix == ".mov" else ("-crf", "8")
    ffmpeg("-filter_complex", FILMS[name], *codec, str(source))
    work.mkdir()

    made, _ = make_clip(
        source, RenderOptions(framing="blur"), render_settings(), work, lambda step, share: None
    )

    assert is_like(seen_in(frame(made, 0.2, tmp_path)))
    assert is_like(seen_in(cv2.imread(str(made / "cover-1.jpg"))))
    poster: Any = cv2.imread(str(made / "poster-1.jpg"))
    middle = slice((1200 - 354) // 2, (1200 + 354) // 2)  # Where the upright clip stands.
    assert is_like(seen_in(poster[:, middle]))


@pytest.mark.proof
def test_a_cropped_film_keeps_its_colours_too(tmp_path: Path):
    source, work = tmp_path / "film.mp4", tmp_path / "work"
    ffmpeg("-filter_complex", FILMS["small-601.mp4"], "-crf", "8", str(source))
    work.mkdir()

    made, _ = make_clip(
        source, RenderOptions(framing="crop"), render_settings(), work, lambda step, share: None
    )

    seen = seen_in(frame(made, 0.2, tmp_path))
    wanted = [COLOURS[1], COLOURS[1], COLOURS[2], COLOURS[2]]  # The middle of the picture.
    assert np.abs(np.array(seen) - wanted).max() <= 8


@pytest.mark.proof
def test_a_picture_keeps_its_colours(tmp_path: Path):
    source, work = tmp_path / "picture.png", tmp_path / "work"
    ffmpeg("-filter_complex", STRIPES, "-frames:v", "1", str(source))
    work.mkdir()

    made, _ = make_clip(
        source, RenderOptions(framing="blur"), render_settings(), work, lambda step, share: None
    )

    assert is_like(seen_in(frame(made, 0.2, tmp_path)))


@pytest.mark.proof
@pytest.mark.parametrize("says", ["bt2020", "undef"])
def test_hdr_is_made_ordinary(says: str, tmp_path: Path):
    source, work = tmp_path / "film.mp4", tmp_path / "work"
    matrix = "bt2020nc" if says == "bt2020" else says
    told = f"colorprim={says}:transfer=arib-std-b67:colormatrix={matrix}"
    graph = f"{STRIPES},scale=1280:720:out_color_matrix=bt2020:out_range=tv,format=yuv420p10le"
    ffmpeg("-filter_complex", graph, "-crf", "8", "-x264-params", told, str(source))
    work.mkdir()
    assert probe(source, Kind.MP4, MediaLimits()).is_hdr

    made, _ = make_clip(
        source, RenderOptions(framing="blur"), render_settings(), work, lambda step, share: None
    )

    red, green, blue, _ = seen_in(frame(made, 0.2, tmp_path))
    assert red[0] > 200
    assert green[1] > 120
    assert blue[2] > 200
    assert max(*red[1:], green[0], green[2], *blue[:2]) < 40
    assert not probe(made / "clip.mp4", Kind.MP4, MediaLimits()).is_hdr
