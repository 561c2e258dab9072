"""What is drawn on nothing can be seen, what was filmed in halves is whole, and what moves goes on moving."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from contentflow.pipeline.decode_script import DARK, LIGHT, light_or_dark, open_picture
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import Kind, kind_of, kind_of_file
from tests.pipeline.films import ffmpeg, film, png
from tests.pipeline.test_clip import clip, frame, read

SQUARE = "drawbox=x=40:y=20:w=80:h=80:color={colour}@1:t=fill:replace=1"
FILMS = {
    "prores.mov": ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"],
    "png.mov": ["-c:v", "png"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-pix_fmt", "yuva420p"],
    "vp8.webm": ["-c:v", "libvpx", "-deadline", "realtime", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p"],
    "hevc.mov": ["-c:v", "libx265", "-x265-params", "log-level=none", "-pix_fmt", "yuva420p"],
}
MOVING = {
    "moving.webp": ["-c:v", "libwebp_anim", "-lossless", "1", "-pix_fmt", "bgra"],
    "moving.png": ["-f", "apng"],
}
TWO = "color=red:s=64x48:r=5:d=0.4[a];color=blue:s=64x48:r=5:d=0.4[b];[a][b]concat=n=2,noise=alls=9:allf=t"


def drawn(path: Path, colour: str, options: list[str], *, ground: str = "0x808080@0") -> Path:
    """A square of a colour on nothing, at 160x120; a grey that is not seen lies under it."""
    picture = f"color={ground}:s=160x120:d=0.6:r=10,format=rgba,{SQUARE.format(colour=colour)}"
    ffmpeg("-f", "lavfi", "-i", picture, *options, str(path))
    return path


def brightness(picture: Any) -> tuple[float, float]:
    """Of the square, and of what lies beside it."""
    middle, scale = picture[900:1020].mean(axis=2), 1080 / 160
    return float(middle[:, int(60 * scale) : int(100 * scale)].mean()), float(
        middle[:, int(130 * scale) :].mean()
    )


@pytest.mark.proof
@pytest.mark.parametrize("name", FILMS)
@pytest.mark.parametrize("colour", ["black", "white"])
def test_a_transparent_film_lies_on_a_ground_where_it_is_seen(name: str, colour: str, tmp_path: Path):
    source = drawn(tmp_path / name, colour, FILMS[name])

    made, _ = clip(source, tmp_path / "work", RenderOptions(framing="blur"))

    square, beside = brightness(frame(made, 0.3, tmp_path))
    assert (square < 30, beside > 200) == (True, True) if colour == "black" else (square > 225, beside < 60)
    assert abs(square - beside) > 150
    cover: Any = cv2.imread(str(made / "cover-1.jpg"))
    assert abs(np.subtract(*brightness(cover))) > 150


PICTURES = {
    "rgba.png": ["-pix_fmt", "rgba"],
    "grey.png": ["-pix_fmt", "ya8"],
    "deep.png": ["-pix_fmt", "rgba64be"],
    "deep-grey.png": ["-pix_fmt", "ya16be"],
    "lossless.webp": ["-c:v", "libwebp", "-lossless", "1", "-pix_fmt", "bgra"],
    "lossy.webp": ["-c:v", "libwebp", "-lossless", "0", "-pix_fmt", "bgra"],
    "single.webp": ["-c:v", "libwebp_anim", "-lossless", "1", "-pix_fmt", "bgra"],
}


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("colour", ["black", "white"])
def test_a_transparent_picture_lies_on_a_ground_where_it_is_seen(name: str, colour: str, tmp_path: Path):
    options = [*PICTURES[name], "-frames:v", "1"]
    source, opened = drawn(tmp_path / name, colour, options), tmp_path / "opened.png"

    open_picture(str(source), str(opened))

    picture: Any = cv2.imread(str(opened))
    height, width = picture.shape[:2]
    square, beside = picture[height // 2, width // 2].mean(), picture[height // 2, width * 15 // 16].mean()
    assert (square, beside) == (
        pytest.approx(0 if colour == "black" else 255, abs=6),
        pytest.approx(LIGHT if colour == "black" else DARK, abs=3),
    )


def test_one_colour_of_a_picture_may_mean_nothing(tmp_path: Path):
    rows = zlib.compress((b"\0" + b"\xff\xff\xff" * 32 + b"\0\0\0" * 32) * 64)
    mark = struct.pack(">HHH", 255, 255, 255)
    chunk = struct.pack(">I", 6) + b"tRNS" + mark + struct.pack(">I", zlib.crc32(b"tRNS" + mark))
    content = png(64, 64, rows)
    at = content.index(b"IDAT") - 4
    (tmp_path / "picture.png").write_bytes(content[:at] + chunk + content[at:])

    open_picture(str(tmp_path / "picture.png"), str(tmp_path / "opened.png"))

    picture: Any = cv2.imread(str(tmp_path / "opened.png"))
    assert picture[1900, 400].mean() == LIGHT
    assert picture[1900, 3500].mean() < 6


def bgra(draw: Any) -> Any:
    picture = np.zeros((100, 100, 4), dtype=np.uint8)
    draw(picture)
    return picture


def test_what_lies_on_something_drawn_does_not_choose_the_ground():
    """A white label with much black writing is seen on dark, though most of its ink is black."""

    def label(picture: Any) -> None:
        picture[20:80, 20:80] = (255, 255, 255, 255)
        picture[24:76, 24:76] = (0, 0, 0, 255)

    assert light_or_dark([bgra(label)]) == DARK


def test_a_soft_shadow_does_not_choose_the_ground():
    def logo(picture: Any) -> None:
        picture[28:72, 28:72] = (0, 0, 0, 60)
        picture[30:70, 30:70] = (255, 255, 255, 255)

    assert light_or_dark([bgra(logo)]) == DARK


@pytest.mark.proof
def test_an_opaque_film_has_no_ground(tmp_path: Path):
    made, _ = clip(film(tmp_path / "film.mp4"), tmp_path / "work")

    assert not (tmp_path / "work" / "drawn.raw").exists()
    assert read(made).width == 1080


def combs(picture: Any) -> float:
    """How much more every other line is like each other than neighbours are, where something moves."""
    lines = picture[700:1200].mean(axis=2)
    return float(np.abs(lines[1:-1] - lines[:-2]).mean() - np.abs(lines[2:] - lines[:-2]).mean())


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("film.mov", ["-c:v", "libx264", "-x264-params", "tff=1"]),
        ("film.mkv", ["-c:v", "libx264", "-x264-params", "bff=1"]),
        ("film-prores.mov", ["-c:v", "prores_ks"]),
    ],
)
def test_interlaced_film_has_no_combs(name: str, codec: list[str], tmp_path: Path):
    source = tmp_path / name
    first = "bff" if "bff=1" in codec else "tff"
    order = "interleave_top" if first == "tff" else "interleave_bottom"
    bar = "color=white:s=1080x1920:r=50:d=1,drawbox=x=200:w=200:color=black:t=fill,scroll=h=0.02"
    flags = ["-flags", "+ilme+ildct"]
    ffmpeg("-f", "lavfi", "-i", f"{bar},tinterlace={order},setfield={first}", *flags, *codec, str(source))

    made, _ = clip(source, tmp_path / "work", RenderOptions(framing="blur"))

    before = tmp_path / "before.png"
    ffmpeg("-ss", "0.5", "-i", str(source), "-frames:v", "1", str(before))
    assert combs(cv2.imread(str(before))) > 2
    assert combs(frame(made, 0.5, tmp_path)) < 0.5
    assert read(made).fps == 25


@pytest.mark.parametrize("name", MOVING)
def test_an_animation_is_known_and_moves(name: str, tmp_path: Path):
    source = tmp_path / name
    ffmpeg("-filter_complex", TWO, *MOVING[name], str(source))

    kind = kind_of_file(source)
    media = probe(source, kind, MediaLimits())

    assert kind in (Kind.WEBP, Kind.APNG)
    assert (media.width, media.height, len(media.pictures)) == (64, 48, 4)
    source.write_bytes(source.read_bytes()[:-40])
    with pytest.raises(UnprocessableMedia) as caught:
        probe(source, kind, MediaLimits())
    assert caught.value.reason is Failure.CUT_OFF


@pytest.mark.proof
@pytest.mark.parametrize("name", MOVING)
def test_the_clip_of_an_animation_moves(name: str, tmp_path: Path):
    source = tmp_path / name
    ffmpeg("-filter_complex", TWO, *MOVING[name], str(source))

    made, result = clip(source, tmp_path / "work")

    assert result.seconds == pytest.approx(0.8, abs=0.05)
    first, last = frame(made, 0.1, tmp_path), frame(made, 0.7, tmp_path)
    assert first[960, 540].argmax() == 2  # Red, then blue.
    assert last[960, 540].argmax() == 0


def test_a_single_picture_is_none_that_moves(tmp_path: Path):
    for name, options in MOVING.items():
        ffmpeg("-f", "lavfi", "-i", "color=red:s=64x48", "-frames:v", "1", *options, str(tmp_path / name))

        assert kind_of_file(tmp_path / name) is Kind.PICTURE


def test_a_webp_that_is_cut_off_within_its_head_is_a_picture_still():
    assert kind_of(b"RIFF\0\0\0\0WEBPVP8X") is Kind.PICTURE
