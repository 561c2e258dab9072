"""Whoever sent a film that cannot become a clip is told why, and what to do about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contentflow.pipeline.probe import MediaLimits, probe
from contentflow.pipeline.reasons import SENTENCES, Failure, UnprocessableMedia
from contentflow.pipeline.sniff import Kind, kind_of_file
from contentflow.pipeline.still import to_video
from contentflow.pipeline.whole import is_cut_off, is_cut_off_picture
from tests.pipeline.films import ffmpeg, film

KEY = "0123456789abcdef0123456789abcdef"
LOCKED = ("-encryption_scheme", "cenc-aes-ctr", "-encryption_key", KEY, "-encryption_kid", KEY)


def reason_of(source: Path) -> Failure:
    with pytest.raises(UnprocessableMedia) as caught:
        probe(source, kind_of_file(source), MediaLimits())
    return caught.value.reason


@pytest.mark.parametrize(
    ("name", "more", "reason"),
    [
        ("film.mp4", ("-c:v", "mpeg2video"), Failure.CODEC),
        ("film.mkv", ("-c:v", "ffv1"), Failure.CODEC),
        ("film.mkv", ("-c:v", "libtheora"), Failure.CODEC),
        ("film.mov", ("-c:v", "qtrle"), Failure.CODEC),
        ("film.3gp", ("-c:v", "h263", "-s", "176x144"), Failure.CODEC),
        ("film.mkv", ("-c:a", "mp2"), Failure.CODEC),
        ("film.mkv", ("-c:a", "wmav2"), Failure.CODEC),
        ("film.m4a", ("-vn",), Failure.ONLY_SOUND),
        ("film.mkv", ("-vn",), Failure.ONLY_SOUND),
        ("film.mp4", LOCKED, Failure.PROTECTED),
    ],
)
def test_a_film_that_is_not_taken_has_its_own_reason(
    name: str, more: tuple[str, ...], reason: Failure, tmp_path: Path
):
    assert reason_of(film(tmp_path / name, seconds=0.6, more=more)) is reason


def test_a_sound_with_a_cover_is_sound_alone(tmp_path: Path):
    source, cover = film(tmp_path / "sound.m4a", more=("-vn",)), tmp_path / "cover.png"
    ffmpeg("-f", "lavfi", "-i", "color=red:s=64x64", "-frames:v", "1", str(cover))
    with_cover = tmp_path / "cover.m4a"
    maps = ("-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic")
    ffmpeg("-i", str(source), "-i", str(cover), *maps, str(with_cover))

    assert reason_of(with_cover) is Failure.ONLY_SOUND


def test_a_sound_that_is_not_taken_beside_one_that_is_harms_nothing(tmp_path: Path):
    more = ("-map", "0:v", "-map", "1:a", "-map", "1:a", "-c:a:0", "mp2", "-c:a:1", "aac")
    source = film(tmp_path / "film.mkv", more=more)

    assert probe(source, kind_of_file(source), MediaLimits()).sound_index == 2


def test_what_a_shop_sold_is_protected(tmp_path: Path):
    source = film(tmp_path / "film.mp4")
    content = source.read_bytes()
    source.write_bytes(content.replace(b"avc1\0\0\0\0", b"drmi\0\0\0\0"))

    assert reason_of(source) is Failure.PROTECTED


def test_a_locked_webm_is_protected(tmp_path: Path):
    source = film(tmp_path / "film.webm")
    content = source.read_bytes()
    at = content.index(
        b"\x86\x85V_VP8"
    )  # CodecID, in the video's TrackEntry: there is room in the Void before.
    locks = b"\x6d\x80\x8a\x62\x40\x87\x50\x33\x81\x01\x50\x35\x80"
    source.write_bytes(content[:at] + locks + content[at:])

    assert reason_of(source) is Failure.PROTECTED


FAST, PIECES = ("-movflags", "+faststart"), ("-movflags", "+frag_keyframe+empty_moov", "-g", "5")
WHOLE = {
    "end.mp4": (),
    "start.mp4": FAST,
    "start.mov": FAST,
    "pieces.mp4": PIECES,
    "film.mkv": (),
    "film.webm": (),
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    for name, more in WHOLE.items():
        film(folder / name, size="64x36", more=more)
    return folder


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_film_is_not_cut_off(name: str, whole: Path):
    source = whole / name

    assert probe(source, kind_of_file(source), MediaLimits()).seconds == pytest.approx(1, abs=0.1)


@pytest.mark.proof
@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.0, 0.999))
def test_wherever_a_film_is_cut_off_it_fails_and_says_so(
    name: str, share: float, whole: Path, tmp_path: Path
):
    content = (whole / name).read_bytes()
    length = max(64, int(share * len(content)))
    assume(all(length not in range(end, end + 8) for end in ends_of_pieces(content)))
    (tmp_path / name).write_bytes(content[:length])

    assert reason_of(tmp_path / name) is Failure.CUT_OFF


@pytest.mark.parametrize("length", ["said", "up to the end"])
def test_a_film_without_its_index_is_cut_off_wherever_its_pictures_end(
    length: str, whole: Path, tmp_path: Path
):
    """A recorder writes ``moov`` last: without it nothing can be played."""
    content = (whole / "end.mp4").read_bytes()
    content = content[: content.index(b"moov") - 4]
    if length == "up to the end":
        at = content.index(b"mdat") - 4
        content = content[:at] + bytes(4) + content[at + 4 :]
    (tmp_path / "film.mp4").write_bytes(content)

    assert reason_of(tmp_path / "film.mp4") is Failure.CUT_OFF


def ends_of_pieces(content: bytes) -> list[int]:
    """Where another piece may follow, or the index that ends all; after 8 bytes more it says its length."""
    return [found.start() - 4 for found in re.finditer(b"moof|mfra", content)]


def test_cut_off_between_two_pieces_it_is_a_shorter_film_as_nothing_says_that_there_was_more(
    whole: Path, tmp_path: Path
):
    source, content = tmp_path / "pieces.mp4", (whole / "pieces.mp4").read_bytes()
    none, *short, long, longer, all_of_them = ends_of_pieces(content)

    for end in (none, none + 7, *short):
        source.write_bytes(content[:end])
        assert reason_of(source) is Failure.TOO_SHORT
    for end, seconds in ((long, 0.6), (long + 7, 0.6), (longer, 0.8), (all_of_them, 1)):
        source.write_bytes(content[:end])
        assert probe(source, Kind.MP4, MediaLimits()).seconds == pytest.approx(seconds, abs=0.1)


def test_a_film_with_something_behind_it_is_whole(whole: Path, tmp_path: Path):
    for name in ("start.mp4", "film.mkv"):
        source = tmp_path / name
        for rest in (b"\0" * 100, b"SEFT", b"\xff" * 64):
            source.write_bytes((whole / name).read_bytes() + rest)

            assert not is_cut_off(source, kind_of_file(source))
            assert probe(source, kind_of_file(source), MediaLimits()).seconds == pytest.approx(1, abs=0.1)


def test_a_film_that_says_no_length_as_browsers_record_it_is_whole_unless_it_ends_within_a_picture(
    tmp_path: Path,
):
    source = film(tmp_path / "film.webm", more=("-live", "1"))

    assert probe(source, kind_of_file(source), MediaLimits()).seconds == pytest.approx(1, abs=0.1)
    source.write_bytes(source.read_bytes()[:-700])
    assert reason_of(source) is Failure.CUT_OFF


@pytest.mark.parametrize("kind", ["jpg", "png", "webp"])
def test_a_picture_cut_off_in_sending_fails_and_is_not_half_grey(kind: str, tmp_path: Path):
    picture = tmp_path / f"picture.{kind}"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x240", "-frames:v", "1", str(picture))
    assert not is_cut_off_picture(picture)
    content = picture.read_bytes()
    picture.write_bytes(content + b"a moving picture may follow")
    assert not is_cut_off_picture(picture)

    for share in (0.5, 0.9, 0.99):
        picture.write_bytes(content[: int(share * len(content))])

        with pytest.raises(UnprocessableMedia) as caught:
            to_video(picture, 4096, tmp_path, 30)
        assert caught.value.reason is Failure.CUT_OFF


@pytest.mark.parametrize("reason", [Failure.CODEC, Failure.ONLY_SOUND, Failure.CUT_OFF, Failure.UNREADABLE])
def test_a_reason_about_a_file_speaks_of_no_address(reason: Failure):
    assert "adresse" not in str(SENTENCES[reason])
