"""No size of a film is refused that is within the limit, and none is squashed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contentflow.pipeline.ffmpeg import demand, max_pixels, reading, run_ffmpeg
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.reasons import Failure
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import kind_of_file
from tests.pipeline.films import ffmpeg
from tests.pipeline.test_clip import clip, frame, read

CODECS = {
    "h264": ("mp4", ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv444p"]),
    "hevc": (
        "mp4",
        ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none", "-pix_fmt", "yuv444p"],
    ),
    "vp8": ("webm", ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8"]),
    "vp9": ("webm", ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"]),
    "prores": ("mov", ["-c:v", "prores_ks", "-profile:v", "0"]),
    "mjpeg": ("mov", ["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"]),
}
SQUARES = [(side, side) for side in (480, 500, 600, 720)]
RATIOS = [(75, 600), (600, 75), (150, 600), (600, 150), (300, 600), (338, 600), (600, 338)]
ODD = [(598, 600), (601, 599), (599, 601), (321, 321), (77, 601), (601, 77)]


@given(st.integers(1, 16_384), st.integers(1, 16_384))
def test_a_decoder_has_room_for_every_picture_within_the_limit(width: int, height: int):
    most = max(width, height)

    for blocks in (64, 128):
        assert -(-width // blocks) * blocks * -(-height // blocks) * blocks <= max_pixels(most)


def test_the_limit_still_holds():
    assert max_pixels(4096) == 4096 * 4096
    assert max_pixels(4000) < 4200 * 4200


@pytest.mark.proof
@pytest.mark.parametrize("codec", CODECS)
def test_every_shape_is_decoded_where_its_longer_side_is_the_limit(codec: str, tmp_path: Path):
    suffix, options = CODECS[codec]
    for width, height in [*SQUARES, *RATIOS, *ODD]:
        source, limits = tmp_path / f"{width}.{suffix}", MediaLimits(max_side=max(width, height))
        picture = f"testsrc=size={width}x{height}:rate=5:duration=0.6"
        ffmpeg("-f", "lavfi", "-i", picture, *options, str(source))

        media = probe(source, kind_of_file(source), limits)

        assert (media.width, media.height, len(media.pictures)) == (width, height, 3)
        decode = [*reading(source, media.kind, media.max_side), "-f", "null", "-"]
        said = demand(run_ffmpeg(decode, tmp_path, 60), Failure.RENDER).said
        assert "frame=    3" in said
        assert "exceeds" not in said


@pytest.mark.proof
@pytest.mark.parametrize("size", ["600x600", "598x600", "640x80", "80x640"])
@pytest.mark.parametrize("framing", ["blur", "crop"])
def test_a_film_of_any_shape_becomes_a_clip(size: str, framing: str, tmp_path: Path):
    source = tmp_path / "film.mp4"
    ffmpeg("-f", "lavfi", "-i", f"testsrc2=size={size}:rate=5:duration=0.6", *CODECS["h264"][1], str(source))

    made, _ = clip(
        source, tmp_path / "work", RenderOptions(framing=framing), limits=MediaLimits(max_side=640)
    )

    assert (read(made).width, read(made).height) == (1080, 1920)
    assert frame(made, 0.3, tmp_path)[900:1000].std() > 20
