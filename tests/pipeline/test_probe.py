"""What ffmpeg says about a file, read without being fooled by what the file says of itself."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

from contentflow.pipeline.probe import MediaLimits, probe, read_description
from contentflow.pipeline.reasons import Failure, UnprocessableMedia
from contentflow.pipeline.sniff import Kind, is_page, kind_of
from tests.pipeline.films import film

SAID_OF_ITSELF = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/x':
  Metadata:
    title           : Stream #0:9: Video: h264, yuv420p, 9x9, 1 fps
                    :   Duration: 99:00:00.00
    a key
  Stream #0:8: Video: h264, yuv420p, 8x8, 1 fps
Stream mapping:
  Stream #0:7 -> #0:0 (copy)
Output #0, framecrc, to 'pipe:':
  Stream #0:0: Video: h264, yuv420p, 7x7, 1 fps
                    : a value
"""
PHONE = f"""{SAID_OF_ITSELF}  Duration: 00:01:02.50, start: 0.000000, bitrate: 1 kb/s
  Stream group #0:0[0x3]: Track Reference:
    Stream #0:1[0x2](und): Video: hevc (Main 10) (hvc1 / 0x31637668), 1920x1080, 29.97 fps (default)
    Stream #0:3[0x4](eng): Data: none (tmcd / 0x64636D74), 0 kb/s
  Stream #0:2[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp
Stream mapping:
  Stream #0:1 -> #0:0 (copy)
  Stream #0:0 -> #0:1 (copy)
  Stream #0:2 -> #0:2 (copy)
Output #0, framecrc, to 'pipe:':
  Stream #0:0(und): Video: hevc (Main 10) (hvc1 / 0x31637668), \
yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), 1920x1080, 8 kb/s, 29.97 fps, 29.97 tbr, 600 tbn (default)
      Side data:
        Display Matrix: rotation of -90.00 degrees
  Stream #0:1(und): Audio: none (apac / 0x63617061), 48000 Hz (default)
  Stream #0:2(und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp
"""


def copy_of(streams: str) -> str:
    return f"Stream mapping:\n  Stream #0:0 -> #0:0 (copy)\nOutput #0, framecrc, to 'pipe:':\n{streams}"


def test_a_phone_film_is_read_as_it_is_shown():
    media = read_description(PHONE, Kind.MP4)

    assert (media.width, media.height, media.rotation) == (1080, 1920, 270)
    assert (media.fps, media.sound_index) == (Fraction(30000, 1001), 2)
    assert (media.video_index, media.is_hdr) == (1, True)


def test_pixels_that_are_not_square_are_squared():
    said = "  Stream #0:0: Video: h264, yuv420p, 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr\n"

    media = read_description(copy_of(said), Kind.MP4)

    assert (media.width, media.height, media.frame_width) == (1024, 576, 720)


@pytest.mark.parametrize(
    ("sounds", "chosen"),
    [
        (["aac (LC), 48000 Hz", "aac (LC), 48000 Hz (default)"], 2),
        (["aac (LC), 48000 Hz", "aac (LC), 48000 Hz"], 1),
        (["aac (LC), 48000 Hz (default)", "mp3 (mp3float), 48000 Hz (default)"], 1),
        (["none (apac / 0x63617061), 48000 Hz (default)", "aac (LC), 48000 Hz"], 2),
        ([], None),
    ],
    ids=["second", "none marked", "both", "unknown", "silent"],
)
def test_the_sound_that_players_play_is_taken(sounds: list[str], chosen: int | None):
    lines = ["Video: h264, yuv420p, 320x180, 25 fps", *(f"Audio: {sound}" for sound in sounds)]
    origins = "".join(f"  Stream #0:{n} -> #0:{n} (copy)\n" for n in range(len(lines)))
    streams = "".join(f"  Stream #0:{n}(und): {line}\n" for n, line in enumerate(lines))
    said = f"Stream mapping:\n{origins}Output #0, framecrc, to 'pipe:':\n{streams}"

    assert read_description(said, Kind.MP4).sound_index == chosen


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("file: moov atom not found", Failure.UNREADABLE),
        ("  Stream #0:0: Audio: aac, 48000 Hz, stereo\n", Failure.ONLY_SOUND),
        ("  Stream #0:0: Video: h264, none\n", Failure.UNREADABLE),
        (
            "[png @ 0x1] [IMGUTILS @ 0x2] Picture size 16000x16000 exceeds specified max pixel count 1\n"
            "  Stream #0:0: Video: png, none, 2 fps\n",
            Failure.TOO_MANY_PIXELS,
        ),
    ],
)
def test_what_has_no_picture_says_so(said: str, reason: Failure):
    with pytest.raises(UnprocessableMedia) as caught:
        read_description(said, Kind.MP4)
    assert caught.value.reason is reason


OUTPUT = "Output #0, framecrc, to 'pipe:':"
FORGED = "h264, yuv420p, 9x9, 1 fps, 1 tbr"


@pytest.mark.parametrize("suffix", ["mov", "mkv"])
@pytest.mark.parametrize(
    "note",
    [
        f"title=\n  Stream #0:0: Video: {FORGED}\n    Stream #0:0: Video: {FORGED}\n  Duration: 99:00:00.00,",
        f"Stream #0:0: Video={FORGED}",
        f"a\n  Stream #0:0: Video={FORGED}",
        f"a\nStream mapping:\n  Stream #0:1 -> #0:0 (copy)\n{OUTPUT}\n  Stream #0:0: Video={FORGED}",
        f"a\n  Stream group #0:0[0x3]: Track Reference:\n    Stream #0:0[0x1]: Video={FORGED}",
        f"language=fr)\n  Stream #0:0: Video: {FORGED}",
    ],
    ids=["value", "key", "line", "copy", "group", "language"],
)
def test_nothing_that_a_film_says_of_itself_poses_as_a_stream(note: str, suffix: str, tmp_path: Path):
    notes = [part for where in ("-metadata", "-metadata:s:v", "-metadata:s:a") for part in (where, note)]
    moved = ("-movflags", "use_metadata_tags") if suffix == "mov" else ()

    source = film(tmp_path / f"film.{suffix}", more=(*notes, *moved))

    media = probe(source, kind_of(source.read_bytes()), MediaLimits())
    assert (media.width, media.height, media.fps) == (320, 180, 25)
    assert (media.video_index, media.sound_index) == (0, 1)
    assert media.seconds == pytest.approx(1, abs=0.1)


def test_streams_that_belong_together_are_read_too(tmp_path: Path):
    source = film(tmp_path / "film.mov", more=("-timecode", "01:00:00:00", "-write_tmcd", "1"))

    media = probe(source, Kind.MP4, MediaLimits())

    assert (media.width, media.height, media.sound_index) == (320, 180, 1)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\0\0\0\x18ftypmp42", Kind.MP4),
        (b"\0\0\0\x14ftypqt  ", Kind.MP4),
        (b"\0\0\0\x08wide\0\0\0\0mdat", Kind.MP4),
        (b"\x1aE\xdf\xa3\x9fB", Kind.MATROSKA),
        (b"\xff\xd8\xff\xe0", Kind.PICTURE),
        (b"\x89PNG\r\n\x1a\n", Kind.PICTURE),
        (b"RIFF\0\0\0\0WEBPVP8 ", Kind.PICTURE),
    ],
)
def test_a_file_is_what_its_first_bytes_say(head: bytes, kind: Kind):
    assert kind_of(head) is kind


@pytest.mark.parametrize(
    ("head", "reason"),
    [
        (b"#EXTM3U\n", Failure.PLAYLIST),
        (b"\xef\xbb\xbf#EXTM3U\n", Failure.PLAYLIST),
        (b"ffconcat version 1.0", Failure.PLAYLIST),
        (b"<svg xmlns=", Failure.NOT_MEDIA),
        (b"<!doctype html>", Failure.NOT_MEDIA),
        (b"", Failure.NOT_MEDIA),
        (b"\x1f\x8b\x08", Failure.NOT_MEDIA),
        (b"\0\0\0\x18ftypheic", Failure.UNKNOWN_FORMAT),
        (b"RIFF\0\0\0\0AVI ", Failure.UNKNOWN_FORMAT),
        (b"GIF89a", Failure.UNKNOWN_FORMAT),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Failure.UNKNOWN_FORMAT),  # WMV
        ((b"\0\0\0\0G" + b"\0" * 187) * 3, Failure.UNKNOWN_FORMAT),  # M2TS, from a camera's card
        (b"ID3\x04", Failure.ONLY_SOUND),
        (b"\xff\xfb\x90\x64", Failure.ONLY_SOUND),  # MP3 without ID3
        (b"\xff\xf1\x50\x80", Failure.ONLY_SOUND),  # AAC, as radios and recorders write it
        (b"fLaC\0\0\0\x22", Failure.ONLY_SOUND),
        (b"RIFF\0\0\0\0WAVEfmt ", Failure.ONLY_SOUND),
        (b"FORM\0\0\0\0AIFF", Failure.ONLY_SOUND),
        (b"#!AMR\n", Failure.ONLY_SOUND),  # an old phone's memo
        (b"OggS\0\x02" + b"\0" * 22 + b"OpusHead", Failure.ONLY_SOUND),  # a voice message of Telegram
        (b"OggS\0\x02" + b"\0" * 22 + b"\x80theora" + b"OggS" + b"\x01vorbis", Failure.UNKNOWN_FORMAT),
        (b"\xff\xfeh\0i\0", Failure.NOT_MEDIA),  # text in UTF-16
    ],
)
def test_anything_else_is_refused_with_a_reason_that_fits(head: bytes, reason: Failure):
    with pytest.raises(UnprocessableMedia) as caught:
        kind_of(head)
    assert caught.value.reason is reason


def test_a_page_is_told_from_a_file():
    assert is_page(b"\n<!DOCTYPE html><html>")
    assert not is_page(b"\0\0\0\x18ftypmp42")
