"""A film whose head lies about its length costs no more than what it claims."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from contentflow.pipeline import sampling
from contentflow.pipeline.clip import make_clip
from contentflow.pipeline.opening import Section
from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.renders import RenderOptions
from contentflow.pipeline.sniff import Kind
from tests.pipeline.films import ffmpeg, film
from tests.pipeline.test_clip import render_settings

DURATION = b"\x44\x89\x88"  # Matroska's element, of eight bytes.


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Ten seconds, of which the last half second comes five hours later."""
    gap = tmp_path / "gap.mkv"
    late = "setts=ts='if(gt(PTS*TB,9.5),PTS+20000/TB,PTS)'"
    film(tmp_path / "film.mp4", seconds=10, size="64x36", more=("-g", "1"))
    ffmpeg("-i", str(tmp_path / "film.mp4"), "-map", "0:v", "-c", "copy", "-bsf:v", late, str(gap))
    head, _, rest = gap.read_bytes().partition(DURATION)
    gap.write_bytes(head + DURATION + struct.pack(">d", 10_000.0) + rest[8:])
    return gap


def test_a_frame_hours_after_the_end_is_not_waited_for(source: Path, tmp_path: Path):
    media = probe(source, Kind.MATROSKA, MediaLimits())
    assert media.seconds == 10

    sampling.find_liveliest(source, media, 5, tmp_path, 60)

    width, height = sampling.LIVELY_SIZE
    assert (tmp_path / "lively.raw").stat().st_size <= 12 * width * height


def test_a_gap_within_the_clip_is_not_filled(source: Path, tmp_path: Path):
    media = probe(source, Kind.MATROSKA, MediaLimits())

    section = Section(5, 5)

    samples = sampling.look_at(source, media, section, tmp_path, 60, closely=True, keep_speech=False)

    assert len(samples.frames) <= 5 * sampling.SAMPLES_PER_SECOND + 1


def test_the_clip_ends_where_the_head_says(source: Path, tmp_path: Path):
    work = tmp_path / "work"
    work.mkdir()

    _, result = make_clip(
        source, RenderOptions(start=5.0), render_settings(max_seconds=25.0), work, lambda step, share: None
    )

    assert result.seconds == 5
