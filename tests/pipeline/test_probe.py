"""What ffmpeg says about a file, read without being fooled by what the file says of itself."""

from __future__ import annotations

from fractions import Fraction

import pytest

from contentflow.pipeline.probe import read_description
from contentflow.pipeline.reasons import Reason, Unfit
from contentflow.pipeline.sniff import Kind, is_page, kind_of

PHONE = """Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'file:/x':
  Metadata:
    title           : Stream #0:9: Video: h264, yuv420p, 9x9, 1 fps
                    :   Duration: 99:00:00.00
  Duration: 00:01:02.50, start: 0.000000, bitrate: 1 kb/s
  Stream #0:0[0x1](und): Audio: aac (LC) (mp4a / 0x6134706D), 48000 Hz, stereo, fltp
  Stream #0:1[0x2](und): Video: hevc (Main 10) (hvc1 / 0x31637668), \
yuv420p10le(tv, bt2020nc/bt2020/arib-std-b67), 1920x1080, 8 kb/s, 29.97 fps, 29.97 tbr, 600 tbn (default)
      Metadata:
        handler_name    : Core Media
      Side data:
        Display Matrix: rotation of -90.00 degrees
  Stream #0:2: Video: mjpeg, yuvj420p, 100x100, 90k tbr (attached pic)
"""


def test_a_phone_film_is_read_as_it_is_shown():
    media = read_description(PHONE, Kind.MP4)

    assert (media.width, media.height, media.rotation) == (1080, 1920, 270)
    assert (media.seconds, media.fps, media.has_sound) == (62.5, Fraction(30000, 1001), True)
    assert (media.video_index, media.is_hdr) == (1, True)


def test_pixels_that_are_not_square_are_squared():
    said = "  Stream #0:0: Video: h264, yuv420p, 720x576 [SAR 64:45 DAR 16:9], 25 fps, 25 tbr\n"

    media = read_description(said, Kind.MP4)

    assert (media.width, media.height, media.frame_width) == (1024, 576, 720)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("file: moov atom not found", Reason.UNREADABLE),
        ("  Stream #0:0: Audio: aac, 48000 Hz, stereo\n", Reason.NO_VIDEO),
        ("  Stream #0:0: Video: h264, none\n", Reason.NO_VIDEO),
        (
            "[png @ 0x1] [IMGUTILS @ 0x2] Picture size 16000x16000 exceeds specified max pixel count 1\n"
            "  Stream #0:0: Video: png, none, 2 fps\n",
            Reason.TOO_MANY_PIXELS,
        ),
    ],
)
def test_what_has_no_picture_says_so(said: str, reason: Reason):
    with pytest.raises(Unfit) as caught:
        read_description(said, Kind.MP4)
    assert caught.value.reason is reason


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
        (b"#EXTM3U\n", Reason.PLAYLIST),
        (b"\xef\xbb\xbf#EXTM3U\n", Reason.PLAYLIST),
        (b"ffconcat version 1.0", Reason.PLAYLIST),
        (b"<svg xmlns=", Reason.NOT_MEDIA),
        (b"<!doctype html>", Reason.NOT_MEDIA),
        (b"", Reason.NOT_MEDIA),
        (b"\x1f\x8b\x08", Reason.NOT_MEDIA),
        (b"\0\0\0\x18ftypheic", Reason.UNKNOWN_FORMAT),
        (b"RIFF\0\0\0\0AVI ", Reason.UNKNOWN_FORMAT),
        (b"GIF89a", Reason.UNKNOWN_FORMAT),
    ],
)
def test_anything_else_is_refused_with_a_reason_that_fits(head: bytes, reason: Reason):
    with pytest.raises(Unfit) as caught:
        kind_of(head)
    assert caught.value.reason is reason


def test_a_page_is_told_from_a_file():
    assert is_page(b"\n<!DOCTYPE html><html>")
    assert not is_page(b"\0\0\0\x18ftypmp42")
