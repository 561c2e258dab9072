"""A picture, or a film of pictures, costs the worker no memory and no time, however large it is."""

from __future__ import annotations

import struct
import subprocess
import sys
import time
import tracemalloc
import zlib
from pathlib import Path

import pytest

from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.still import check_size
from tests.pipeline.films import ffmpeg, film, png

ROOT = Path(__file__).parents[2]
MARKS = b"\xff\xd8" + b"\xff\xe0\x00\x02" * 2_000_000


def test_a_huge_picture_is_judged_by_its_head_alone(tmp_path: Path):
    picture = tmp_path / "picture"
    with picture.open("wb") as file:
        file.write(b"\xff\xd8\xff\xe0")
        file.truncate(300_000_000)

    tracemalloc.start()
    with pytest.raises(UnprocessableMedia):
        check_size(picture, 4096)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 20_000_000


def test_a_jpeg_of_notes_alone_is_given_up_soon(tmp_path: Path):
    picture = tmp_path / "picture"
    with picture.open("wb") as file:
        for _ in range(10):
            file.write(MARKS)
    began = time.monotonic()

    with pytest.raises(UnprocessableMedia) as caught:
        check_size(picture, 4096)

    assert caught.value.reason is Failure.UNREADABLE
    assert time.monotonic() - began < 2


# Alone in a process: the most memory that one of its children ever had is only told for all of them.
MAKING = """
import resource, sys, time
from pathlib import Path
from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.reasons import UnprocessableMedia
from tests.pipeline.test_clip import render_settings

began, result = time.monotonic(), "made"
try:
    folder = Path(sys.argv[2])
    make_clip(Path(sys.argv[1]), RenderOptions(), render_settings(), folder, lambda step, share: None)
except UnprocessableMedia as unprocessable:
    result = unprocessable.reason
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
print(result, time.monotonic() - began, most)
"""


def black_square(side: int) -> bytes:
    pack = zlib.compressobj(1)
    rows = [pack.compress(b"\0" * (side + 1) * 100) for _ in range(side // 100)]
    return png(side, side, b"".join(rows) + pack.flush(), colour=0)


def cost_of(source: Path, tmp_path: Path) -> tuple[str, float, int]:
    """What became of a film, the seconds, and the MiB that the largest program had."""
    command = [sys.executable, "-c", MAKING, str(source), str(tmp_path)]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return said[0], float(said[1]), int(said[2])


def is_refused_at_once(source: Path, tmp_path: Path) -> bool:
    result, seconds, mib = cost_of(source, tmp_path)
    assert (result, seconds < 5, mib < 200) == (Failure.TOO_MANY_PIXELS, True, True), (seconds, mib)
    return True


@pytest.mark.proof
@pytest.mark.parametrize(
    ("name", "codec"),
    [("film.mkv", "mjpeg"), ("film.mov", "png"), ("film.webm", "libvpx-vp9")],
)
def test_a_film_of_20_000_pixels_is_refused_before_it_takes_memory(name: str, codec: str, tmp_path: Path):
    wide = ("-vf", "scale=20000:64", "-c:v", codec, "-deadline", "realtime", "-an")
    source = film(tmp_path / name, rate="5", more=wide if codec == "libvpx-vp9" else (*wide[:4], "-an"))

    assert is_refused_at_once(source, tmp_path)


@pytest.mark.proof
@pytest.mark.parametrize("claim", [(16_000, 16_000), (320, 180)], ids=["honest", "lying"])
def test_a_vast_picture_in_a_film_is_not_decoded_to_learn_its_size(claim: tuple[int, int], tmp_path: Path):
    """A megabyte that unfolds to 256."""
    (tmp_path / "vast.png").write_bytes(black_square(16_000))
    source = tmp_path / "film.mov"
    ffmpeg("-i", str(tmp_path / "vast.png"), "-c", "copy", str(source))
    head, mark, rest = source.read_bytes().partition(b"stsd")
    size = struct.pack(">HH", 16_000, 16_000)
    assert rest.count(size) == 1
    source.write_bytes(head + mark + rest.replace(size, struct.pack(">HH", *claim)))

    assert is_refused_at_once(source, tmp_path)


@pytest.mark.proof
def test_a_film_that_only_claims_to_be_vast_costs_no_more_than_it_is(tmp_path: Path):
    source = film(tmp_path / "film.mkv", size="320x320")
    content = source.read_bytes()
    for mark in (b"\xb0\x82", b"\xba\x82"):  # Matroska's PixelWidth and PixelHeight, of two bytes.
        size = mark + struct.pack(">H", 320)
        assert content.count(size) == 1
        content = content.replace(size, mark + struct.pack(">H", 20_000))
    source.write_bytes(content)

    result, seconds, mib = cost_of(source, tmp_path)

    assert result == "made"
    assert seconds < 30
    assert mib < 500
