"""What a file is, by its first bytes: names and content types are only what somebody says."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import BinaryIO

from contentflow.pipeline.reasons import Failure, UnprocessableMedia

HEAD_BYTES = 4096
MAX_CHUNKS = 1_000


class Kind(Enum):
    """The value is the only format that ffmpeg may read the file as."""

    MP4 = "mov"
    MATROSKA = "matroska"
    WEBP = "webp_anim"
    APNG = "apng"
    PICTURE = "picture"


_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot")
_PICTURE_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"mif1", b"msf1", b"avif", b"avis")


def kind_of_file(path: Path) -> Kind:
    """Raises ``UnprocessableMedia``."""
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
        return Kind.PICTURE if kind is Kind.WEBP and not _has_second_picture(file) else kind


def kind_of(head: bytes) -> Kind:
    """Raises ``UnprocessableMedia`` with a reason that fits what it is instead."""
    if head[4:8] in _BOXES:
        if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
            raise UnprocessableMedia(Failure.UNKNOWN_FORMAT)
        return Kind.MP4
    if head.startswith(b"\x1aE\xdf\xa3"):
        return Kind.MATROSKA
    is_webp = head.startswith(b"RIFF") and head[8:12] == b"WEBP"
    is_png = head.startswith(b"\x89PNG\r\n\x1a\n")
    # What is drawn in several pictures: a flag in a WebP's head, a chunk before a PNG's first picture.
    if is_webp and head[12:16] == b"VP8X" and len(head) > 20 and head[20] & 2:
        return Kind.WEBP
    before, control, frames = head.partition(b"IDAT")[0].partition(b"acTL")
    if is_png and before and control and int.from_bytes(frames[:4]) > 1:
        return Kind.APNG
    if is_webp or is_png or head.startswith(b"\xff\xd8\xff"):
        return Kind.PICTURE
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").lower()
    if text.startswith((b"#extm3u", b"ffconcat", b"[playlist]")):
        raise UnprocessableMedia(Failure.PLAYLIST)
    if _is_sound(head):
        raise UnprocessableMedia(Failure.ONLY_SOUND)
    # Transport streams: 188 bytes a packet, and 4 more before each on cameras' cards.
    is_stream = head[:1] == b"G" == head[188:189] or head[4:5] == b"G" == head[196:197]
    is_foreign = head.startswith(_FOREIGN) or is_stream
    raise UnprocessableMedia(Failure.UNKNOWN_FORMAT if is_foreign else Failure.NOT_MEDIA)


def _has_second_picture(file: BinaryIO) -> bool:
    """Whether a WebP that may move has two pictures: many a program marks a single one so."""
    at, found = 12, 0
    for _ in range(MAX_CHUNKS):
        file.seek(at)
        head = file.read(8)
        found += head[:4] == b"ANMF"
        if len(head) < 8 or found > 1:
            break
        at += 8 + int.from_bytes(head[4:], "little") + head[4] % 2
    return found > 1


_FOREIGN = (
    b"RIFF",
    b"OggS",
    b"FLV",
    b"GIF8",
    b"\x30\x26\xb2\x75",  # Windows MediaInfo
    b"\x06\x0e\x2b\x34",  # MXF
    b".RMF",
    b"\x00\x00\x01\xba",
    b"\x00\x00\x01\xb3",
    b"BM",
    b"II*",
    b"MM\x00*",
    b"8BPS",
    b"\xff\x0a",  # JPEG XL
    b"\x00\x00\x00\x0cJXL ",
)
_SOUND = (b"ID3", b"fLaC", b"#!AMR", b"caff", b"MThd", b"wvpk")


def _is_sound(head: bytes) -> bool:
    """Whether this is a file that holds sound alone, as its format tells: MP3, AAC, WAV, AIFF, FLAC, Ogg."""
    if head.startswith(b"OggS"):
        return any(mark in head for mark in (b"OpusHead", b"\x01vorbis", b"\x7fFLAC", b"Speex")) and not any(
            mark in head for mark in (b"\x80theora", b"OVP80")
        )
    is_container = head[8:12] == b"WAVE" if head.startswith(b"RIFF") else head[8:12] in (b"AIFF", b"AIFC")
    # The sync word of MPEG's sound: 11 bits, then a version, a layer and a rate that exist.
    is_frame = (
        head[:1] == b"\xff" and len(head) > 2 and head[1] >= 0xE2 and head[1] != 0xFE and head[2] < 0xF0
    )
    return is_container or is_frame or head.startswith(_SOUND)


def is_page(head: bytes) -> bool:
    """Whether this is a web page, where a video may be found by looking into it."""
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return text.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")) or b"<html" in text[:2048]
